//! One request, executed on the current state.

use super::read::{branch, header};
use super::{State, Unanswerable};
use crate::history::{
    CompactRequest, CompactResponse, DeleteRangeRequest, DeleteRangeResponse, LeaseRequest,
    LeaseResponse, PutRequest, PutResponse, RefusalKind, Request, RequestOp, Response, ResponseOp,
    TxnRequest, TxnResponse,
};

impl State {
    /// Executes a valid request. Which leases there are is not modelled: any lease is taken to exist.
    pub fn step(&mut self, request: &Request) -> Result<Response, RefusalKind> {
        match request {
            Request::Put(put) => self.step_put(put).map(Response::Put),
            Request::Compact(compact) => self.step_compact(compact).map(Response::Compact),
            Request::Lock(lock) => Ok(self.step_lock(lock)),
            Request::Range(_) | Request::DeleteRange(_) | Request::Txn(_) | Request::Lease(_) => {
                match self.answer_at(request, self.revision) {
                    Ok(response) => Ok(response),
                    Err(Unanswerable::Refused(kind)) => Err(kind),
                    Err(Unanswerable::Changes | Unanswerable::NotOwner) => Ok(self.change(request)),
                }
            }
        }
    }

    fn step_put(&mut self, put: &PutRequest) -> Result<PutResponse, RefusalKind> {
        let keeps = put.ignore_value || put.ignore_lease;
        if keeps && self.at(put.key.as_bytes(), self.revision).is_none() {
            return Err(RefusalKind::KeyNotFound);
        }
        self.revision += 1;
        Ok(self.execute_put(put, self.revision))
    }

    fn step_compact(&mut self, compact: &CompactRequest) -> Result<CompactResponse, RefusalKind> {
        if compact.revision <= self.compacted {
            return Err(RefusalKind::Compacted);
        }
        if compact.revision > self.revision {
            return Err(RefusalKind::FutureRevision);
        }
        self.compacted = compact.revision;
        Ok(CompactResponse { header: header(self.revision) })
    }

    /// A deletion or a transaction that is known to change something and not to be refused.
    fn change(&mut self, request: &Request) -> Response {
        let begin = self.revision;
        let response = match request {
            Request::DeleteRange(delete) => {
                Response::DeleteRange(self.execute_delete(delete, begin + 1))
            }
            Request::Txn(txn) => {
                let mut path = Vec::new();
                self.choose(txn, begin, &mut path);
                Response::Txn(self.execute_txn(txn, begin + 1, &mut path.into_iter()))
            }
            Request::Lease(LeaseRequest::Revoke { id }) => {
                self.expire(*id);
                let header = header(self.revision);
                return Response::Lease(LeaseResponse::Revoke { header });
            }
            Request::Range(_)
            | Request::Put(_)
            | Request::Compact(_)
            | Request::Lease(_)
            | Request::Lock(_) => {
                unreachable!("only deletions, transactions and revocations are changed here")
            }
        };
        self.revision = begin + 1;
        response
    }

    fn execute_put(&mut self, put: &PutRequest, revision: i64) -> PutResponse {
        let before = self.write(put, revision);
        PutResponse { header: header(revision), prev_kv: before.filter(|_| put.prev_kv) }
    }

    fn execute_delete(
        &mut self,
        delete: &DeleteRangeRequest,
        revision: i64,
    ) -> DeleteRangeResponse {
        let gone = self.delete(delete, revision);
        let deleted = i64::try_from(gone.len()).unwrap_or(i64::MAX);
        let prev_kvs = if delete.prev_kv { gone } else { Vec::new() };
        DeleteRangeResponse { header: header(revision), deleted, prev_kvs }
    }

    fn execute_txn(
        &mut self,
        txn: &TxnRequest,
        revision: i64,
        path: &mut (impl Iterator<Item = bool> + Clone),
    ) -> TxnResponse {
        let succeeded = path.clone().next().unwrap_or_default();
        let mut responses = Vec::new();
        for operation in branch(txn, path) {
            responses.push(match operation {
                RequestOp::Range(range) => {
                    // Checked before the transaction began; at most the new revision is read.
                    ResponseOp::Range(self.range_at(range, revision).unwrap_or_default())
                }
                RequestOp::Put(put) => ResponseOp::Put(self.execute_put(put, revision)),
                RequestOp::DeleteRange(delete) => {
                    ResponseOp::DeleteRange(self.execute_delete(delete, revision))
                }
                RequestOp::Txn(inner) => ResponseOp::Txn(self.execute_txn(inner, revision, path)),
            });
        }
        TxnResponse { header: header(revision), succeeded, responses }
    }
}
