//! An answer on its way from the leader to the member that forwarded the command.

use std::sync::Arc;

use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::response_op::Response as Op;
use detcd_api::mvccpb;
use detcd_api::peer;
use detcd_api::peer::outcome::Result as Sent;
use detcd_machine::{
    DeleteRangeOutcome, KeyValue, LeaseOutcome, Outcome, PutOutcome, RangeOutcome, Rejection,
    TxnOutcome,
};

use super::alarm;
use super::auth;
use super::command::DecodeError;
use super::lease;
use super::response::{delete_range_response, put_response, txn_response};
use crate::replica::Answer;
use crate::wire;

/// To the wire.
pub(crate) fn outcome_to_peer(answer: &Answer) -> peer::Outcome {
    let result = match &answer.outcome {
        Ok(Outcome::Put(outcome)) => Sent::Put(put_response(outcome, None)),
        Ok(Outcome::DeleteRange(outcome)) => {
            Sent::DeleteRange(delete_range_response(outcome, None))
        }
        Ok(Outcome::Txn(outcome)) => Sent::Txn(txn_response(outcome, None)),
        Ok(Outcome::Compact) => Sent::Compaction(rpc::CompactionResponse::default()),
        Ok(Outcome::SetMember) => Sent::MemberAttributes(peer::Empty {}),
        Ok(Outcome::Auth(revision)) => Sent::Auth(*revision),
        Ok(Outcome::Alarm(changed)) => Sent::Alarm(alarm::alarm_response(*changed, None)),
        Ok(Outcome::Lease(outcome)) => lease::outcome_to_peer(*outcome),
        Ok(Outcome::Cluster) => Sent::Cluster(peer::Empty {}),
        Ok(Outcome::Range(_)) => unreachable!("a range is no command of its own"),
        Err(rejection) => Sent::Rejection(rejection_to_peer(*rejection).into()),
    };
    peer::Outcome { revision: answer.revision, result: Some(result) }
}

/// From the wire.
pub(crate) fn outcome_from_peer(sent: peer::Outcome) -> Result<Answer, DecodeError> {
    let outcome = match sent.result.ok_or(DecodeError::Empty)? {
        Sent::Put(response) => Ok(Outcome::Put(put_outcome(response))),
        Sent::DeleteRange(response) => Ok(Outcome::DeleteRange(delete_range_outcome(response))),
        Sent::Txn(response) => Ok(Outcome::Txn(txn_outcome(response)?)),
        Sent::Compaction(_) => Ok(Outcome::Compact),
        Sent::MemberAttributes(_) => Ok(Outcome::SetMember),
        Sent::Auth(revision) => Ok(Outcome::Auth(revision)),
        Sent::Alarm(response) => {
            let changed = response.alarms.first().map(alarm::alarm_of).transpose();
            Ok(Outcome::Alarm(changed.map_err(|()| DecodeError::Alarm)?))
        }
        Sent::LeaseGrant(sent) => Ok(Outcome::Lease(LeaseOutcome::Granted(lease::grant(sent)))),
        Sent::LeaseRevoke(id) => Ok(Outcome::Lease(LeaseOutcome::Revoked { id })),
        Sent::LeaseCheckpoint(_) => Ok(Outcome::Lease(LeaseOutcome::Checkpointed)),
        Sent::Cluster(_) => Ok(Outcome::Cluster),
        Sent::Rejection(rejection) => Err(rejection_from_peer(rejection)?),
    };
    Ok(Answer { revision: sent.revision, outcome })
}

fn rejection_to_peer(rejection: Rejection) -> peer::Rejection {
    match rejection {
        Rejection::KeyNotFound => peer::Rejection::KeyNotFound,
        Rejection::LeaseNotFound => peer::Rejection::LeaseNotFound,
        Rejection::Compacted => peer::Rejection::Compacted,
        Rejection::FutureRevision => peer::Rejection::FutureRevision,
        Rejection::Auth(rejection) => auth::rejection_to_peer(rejection),
        Rejection::NoSpace => peer::Rejection::NoSpace,
        Rejection::Corrupt => peer::Rejection::Corrupt,
        Rejection::LeaseExists => peer::Rejection::LeaseExists,
        Rejection::ClusterVersionUnavailable => peer::Rejection::ClusterVersionUnavailable,
        Rejection::InvalidDowngradeTarget => peer::Rejection::InvalidDowngradeTarget,
        Rejection::DowngradeInProcess => peer::Rejection::DowngradeInProcess,
    }
}

fn rejection_from_peer(sent: i32) -> Result<Rejection, DecodeError> {
    match peer::Rejection::try_from(sent) {
        Ok(peer::Rejection::KeyNotFound) => Ok(Rejection::KeyNotFound),
        Ok(peer::Rejection::LeaseNotFound) => Ok(Rejection::LeaseNotFound),
        Ok(peer::Rejection::Compacted) => Ok(Rejection::Compacted),
        Ok(peer::Rejection::FutureRevision) => Ok(Rejection::FutureRevision),
        Ok(peer::Rejection::NoSpace) => Ok(Rejection::NoSpace),
        Ok(peer::Rejection::Corrupt) => Ok(Rejection::Corrupt),
        Ok(peer::Rejection::LeaseExists) => Ok(Rejection::LeaseExists),
        Ok(peer::Rejection::ClusterVersionUnavailable) => Ok(Rejection::ClusterVersionUnavailable),
        Ok(peer::Rejection::InvalidDowngradeTarget) => Ok(Rejection::InvalidDowngradeTarget),
        Ok(peer::Rejection::DowngradeInProcess) => Ok(Rejection::DowngradeInProcess),
        Ok(other) => auth::rejection_from_peer(other)
            .map(Rejection::Auth)
            .ok_or(DecodeError::Rejection(sent)),
        Err(_) => Err(DecodeError::Rejection(sent)),
    }
}

fn key_value(kv: mvccpb::KeyValue) -> Arc<KeyValue> {
    Arc::new(wire::key_value_from(kv))
}

fn put_outcome(response: rpc::PutResponse) -> PutOutcome {
    PutOutcome { prev_kv: response.prev_kv.map(key_value) }
}

fn delete_range_outcome(response: rpc::DeleteRangeResponse) -> DeleteRangeOutcome {
    DeleteRangeOutcome {
        deleted: response.deleted,
        prev_kvs: response.prev_kvs.into_iter().map(key_value).collect(),
    }
}

fn txn_outcome(response: rpc::TxnResponse) -> Result<TxnOutcome, DecodeError> {
    let responses = response.responses.into_iter().map(response_op).collect::<Result<_, _>>()?;
    Ok(TxnOutcome { succeeded: response.succeeded, responses })
}

fn response_op(op: rpc::ResponseOp) -> Result<Outcome, DecodeError> {
    Ok(match op.response.ok_or(DecodeError::Empty)? {
        Op::ResponseRange(response) => Outcome::Range(RangeOutcome {
            kvs: response.kvs.into_iter().map(key_value).collect(),
            more: response.more,
            count: response.count,
        }),
        Op::ResponsePut(response) => Outcome::Put(put_outcome(response)),
        Op::ResponseDeleteRange(response) => Outcome::DeleteRange(delete_range_outcome(response)),
        Op::ResponseTxn(response) => Outcome::Txn(txn_outcome(response)?),
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use detcd_machine::{
        Alarm, AlarmKind, AuthRejection, Command, LeaseGrant, Range, Requester, Txn, TxnOp,
    };
    use prost::Message;

    use super::super::{decode_command, encode_command};
    use super::*;
    use crate::api::validate::TXN_DEPTH_MAX;

    fn relayed(answer: &Answer) -> Answer {
        let bytes = outcome_to_peer(answer).encode_to_vec();
        outcome_from_peer(peer::Outcome::decode(bytes.as_slice()).unwrap()).unwrap()
    }

    #[test]
    fn every_answer_arrives_as_it_was_sent() {
        let kv = Arc::new(KeyValue {
            key: Bytes::from_static(b"k"),
            value: Bytes::from_static(b"v"),
            create_revision: 2,
            mod_revision: 4,
            version: 3,
            lease: 7,
        });
        let put = Outcome::Put(PutOutcome { prev_kv: Some(kv.clone()) });
        let delete =
            Outcome::DeleteRange(DeleteRangeOutcome { deleted: 1, prev_kvs: vec![kv.clone()] });
        let range = Outcome::Range(RangeOutcome { kvs: vec![kv], more: true, count: 5 });
        let inner = Outcome::Txn(TxnOutcome { succeeded: false, responses: vec![put.clone()] });
        let txn = Outcome::Txn(TxnOutcome {
            succeeded: true,
            responses: vec![range, delete.clone(), inner],
        });
        for outcome in [
            Ok(put),
            Ok(delete),
            Ok(txn),
            Ok(Outcome::Compact),
            Ok(Outcome::SetMember),
            Ok(Outcome::Lease(LeaseOutcome::Granted(LeaseGrant { id: -7, ttl: 60 }))),
            Ok(Outcome::Lease(LeaseOutcome::Revoked { id: -7 })),
            Ok(Outcome::Lease(LeaseOutcome::Checkpointed)),
            Ok(Outcome::Cluster),
            Err(Rejection::ClusterVersionUnavailable),
            Err(Rejection::InvalidDowngradeTarget),
            Err(Rejection::DowngradeInProcess),
            Err(Rejection::KeyNotFound),
            Err(Rejection::LeaseNotFound),
            Err(Rejection::Compacted),
            Err(Rejection::FutureRevision),
            Err(Rejection::LeaseExists),
            Ok(Outcome::Auth(7)),
            Ok(Outcome::Alarm(None)),
            Ok(Outcome::Alarm(Some(Alarm { kind: AlarmKind::Corrupt, member: 7 }))),
            Err(Rejection::NoSpace),
            Err(Rejection::Corrupt),
        ]
        .into_iter()
        .chain(AuthRejection::ALL.map(|rejection| Err(rejection.into())))
        {
            let answer = Answer { revision: 9, outcome };
            let relayed = relayed(&answer);
            assert_eq!(relayed.revision, 9);
            assert_eq!(relayed.outcome, answer.outcome);
        }
    }

    #[test]
    fn the_deepest_transaction_that_is_accepted_survives_its_bytes_and_so_does_its_answer() {
        let kv = Arc::new(KeyValue { key: Bytes::from_static(b"k"), ..Default::default() });
        let found = Outcome::Range(RangeOutcome { kvs: vec![kv], more: false, count: 1 });
        let mut outcome = TxnOutcome { succeeded: true, responses: vec![found] };
        let mut txn = Txn { success: vec![TxnOp::Range(Range::default())], ..Default::default() };
        for _ in 1..TXN_DEPTH_MAX {
            outcome = TxnOutcome { succeeded: true, responses: vec![Outcome::Txn(outcome)] };
            txn = Txn { success: vec![TxnOp::Txn(txn)], ..Default::default() };
        }
        let command = Command::Txn(txn);
        let by = Requester::Anonymous;
        assert_eq!(decode_command(encode_command(&by, &command)), Ok((by, command)));
        let answer = Answer { revision: 9, outcome: Ok(Outcome::Txn(outcome)) };
        assert_eq!(relayed(&answer), answer);
    }

    #[test]
    fn an_answer_of_a_newer_version_is_refused() {
        let empty = peer::Outcome { revision: 1, result: None };
        assert_eq!(outcome_from_peer(empty).err(), Some(DecodeError::Empty));
        let newer = peer::Outcome { revision: 1, result: Some(Sent::Rejection(99)) };
        assert_eq!(outcome_from_peer(newer).err(), Some(DecodeError::Rejection(99)));
    }
}
