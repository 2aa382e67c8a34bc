//! `etcdserverpb.KV`: validate, convert, ask the replica, convert back.

use std::pin::Pin;

use detcd_api::Error;
use detcd_api::etcdserverpb::kv_server::Kv;
use detcd_api::etcdserverpb::request_op::Request as Op;
use detcd_api::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest,
    PutResponse, RangeRequest, RangeResponse, RangeStreamResponse, RequestOp, TxnRequest,
    TxnResponse,
};
use detcd_machine::{Command, Outcome, Requester};
use futures_util::Stream;
use tonic::{Request, Response, Status};

use super::{Limits, convert, header, identity, quota, range_stream, status, validate};
use crate::replica::{Answer, Replica};
use crate::runtime::Runtime;

/// The service.
#[derive(Debug, Clone)]
pub(super) struct KvService<R: Runtime> {
    replica: Replica<R>,
    limits: Limits,
}

impl<R: Runtime> KvService<R> {
    pub(super) fn new(replica: Replica<R>, limits: Limits) -> Self {
        Self { replica, limits }
    }

    async fn read_barrier(&self) -> Result<(), Error> {
        self.replica.read_barrier().await.map_err(status::unavailable)
    }

    async fn room(&self, bytes: u64) -> Result<(), Error> {
        if self.replica.has_room(bytes).await { Ok(()) } else { Err(Error::NoSpace) }
    }

    async fn propose(&self, by: Requester, command: Command) -> Result<(i64, Outcome), Error> {
        let answer = self.replica.propose(by, command).await.map_err(status::unavailable)?;
        accepted(answer)
    }
}

fn accepted(answer: Answer) -> Result<(i64, Outcome), Error> {
    Ok((answer.revision, answer.outcome.map_err(status::rejection)?))
}

/// How a transaction is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Through the log.
    Propose,
    /// On the local state, once that is known to be fresh.
    Linearizable,
    /// On the local state at once.
    Serializable,
}

/// G35. A transaction inside a transaction goes through the log even if it only reads.
fn path(txn: &TxnRequest) -> Path {
    let path = |op: &RequestOp| match &op.request {
        Some(Op::RequestRange(range)) if range.serializable => Path::Serializable,
        Some(Op::RequestRange(_)) => Path::Linearizable,
        _ => Path::Propose,
    };
    let mut result = Path::Serializable;
    for op in txn.success.iter().chain(&txn.failure) {
        match path(op) {
            Path::Propose => return Path::Propose,
            Path::Linearizable => result = Path::Linearizable,
            Path::Serializable => {}
        }
    }
    result
}

#[tonic::async_trait]
impl<R: Runtime> Kv for KvService<R> {
    type RangeStreamStream =
        Pin<Box<dyn Stream<Item = Result<RangeStreamResponse, Status>> + Send>>;

    async fn range(
        &self,
        request: Request<RangeRequest>,
    ) -> Result<Response<RangeResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        // A learner may be behind by any distance, and says so by refusing (G69).
        if !request.serializable && self.replica.status().is_learner {
            return Err(Error::NotSupportedForLearner.into());
        }
        validate::range(&request)?;
        if !request.serializable {
            self.read_barrier().await?;
        }
        let by = identity::requester(&self.replica, &metadata).await?;
        let answer = self.replica.range(&by, convert::range(request)).await;
        let answer = answer.map_err(status::range)?;
        let header = header::at(&self.replica, answer.revision);
        Ok(Response::new(convert::range_response(&answer.outcome, header)))
    }

    async fn range_stream(
        &self,
        request: Request<RangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        let (metadata, _, request) = request.into_parts();
        range_stream::check(&request)?;
        if !request.serializable {
            self.read_barrier().await?;
        }
        let by = identity::requester(&self.replica, &metadata).await?;
        let chunks = range_stream::chunks(self.replica.clone(), by, request, self.limits);
        Ok(Response::new(Box::pin(chunks)))
    }

    async fn put(&self, request: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        validate::put(&request)?;
        self.limits.check_size(&request)?;
        let by = identity::requester(&self.replica, &metadata).await?;
        self.room(quota::put(&request)).await?;
        match self.propose(by, Command::Put(convert::put(request))).await? {
            (revision, Outcome::Put(outcome)) => {
                let header = header::at(&self.replica, revision);
                Ok(Response::new(convert::put_response(&outcome, header)))
            }
            (_, other) => Err(mismatch("Put", &other)),
        }
    }

    async fn delete_range(
        &self,
        request: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        validate::delete_range(&request)?;
        self.limits.check_size(&request)?;
        let by = identity::requester(&self.replica, &metadata).await?;
        match self.propose(by, Command::DeleteRange(convert::delete_range(request))).await? {
            (revision, Outcome::DeleteRange(outcome)) => {
                let header = header::at(&self.replica, revision);
                Ok(Response::new(convert::delete_range_response(&outcome, header)))
            }
            (_, other) => Err(mismatch("DeleteRange", &other)),
        }
    }

    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        validate::txn(&request, &self.limits)?;
        let path = path(&request);
        if path == Path::Propose {
            self.limits.check_size(&request)?;
        }
        if path == Path::Linearizable {
            self.read_barrier().await?;
        }
        let by = identity::requester(&self.replica, &metadata).await?;
        if path == Path::Propose {
            self.room(quota::txn(&request)).await?;
        }
        let txn = convert::txn(request);
        let answer = match path {
            Path::Propose => self.propose(by, Command::Txn(txn)).await?,
            Path::Linearizable | Path::Serializable => {
                accepted(self.replica.read_txn(&by, txn).await.map_err(status::range)?)?
            }
        };
        match answer {
            (revision, Outcome::Txn(outcome)) => {
                let header = header::at(&self.replica, revision);
                Ok(Response::new(convert::txn_response(&outcome, header)))
            }
            (_, other) => Err(mismatch("Txn", &other)),
        }
    }

    async fn compact(
        &self,
        request: Request<CompactionRequest>,
    ) -> Result<Response<CompactionResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let by = identity::requester(&self.replica, &metadata).await?;
        let command = Command::Compact(convert::compact(&request));
        match self.propose(by, command).await? {
            (revision, Outcome::Compact) => {
                if request.physical {
                    let done = self.replica.compact_physically(request.revision).await;
                    done.map_err(status::unavailable)?;
                }
                let header = header::at(&self.replica, revision);
                Ok(Response::new(convert::compact_response(header)))
            }
            (_, other) => Err(mismatch("Compact", &other)),
        }
    }
}

/// An outcome of another kind than its command is a bug, or a leader of a version that this member does
/// not understand; what the command did is then not known here.
fn mismatch(command: &str, outcome: &Outcome) -> Status {
    Status::internal(format!("the outcome of {command} is of another kind: {outcome:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(serializable: bool) -> RequestOp {
        let range = RangeRequest { serializable, ..Default::default() };
        RequestOp { request: Some(Op::RequestRange(range)) }
    }

    fn txn(success: &[RequestOp], failure: &[RequestOp]) -> TxnRequest {
        TxnRequest { compare: Vec::new(), success: success.to_vec(), failure: failure.to_vec() }
    }

    #[test]
    fn a_transaction_goes_through_the_log_unless_it_only_reads() {
        let put = RequestOp { request: Some(Op::RequestPut(PutRequest::default())) };
        let nested = RequestOp { request: Some(Op::RequestTxn(txn(&[range(true)], &[]))) };
        assert_eq!(path(&txn(&[], &[])), Path::Serializable);
        assert_eq!(path(&txn(&[range(true)], &[range(true)])), Path::Serializable);
        assert_eq!(path(&txn(&[range(true)], &[range(false)])), Path::Linearizable);
        assert_eq!(path(&txn(&[range(true)], &[put])), Path::Propose);
        assert_eq!(path(&txn(&[nested], &[])), Path::Propose);
    }
}
