//! What clients together have learnt, so that their requests are about something.

use std::collections::BTreeMap;

use jepsen_like::history::{Blob, KeyValue, LeaseId, LeaseResponse, Response, ResponseOp};

/// Leases that are remembered.
const LEASES_MAX: usize = 16;

/// The newest things that any client has seen.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// Highest revision in any answer.
    pub revision: i64,
    /// Highest revision that was asked to be compacted, and was.
    pub compacted: i64,
    /// Keys as they were last seen.
    pub keys: BTreeMap<Blob, KeyValue>,
    /// The leases that were granted last.
    pub leases: Vec<LeaseId>,
}

impl Knowledge {
    /// Learns from an answer.
    pub fn learn(&mut self, response: &Response) {
        self.revision = self.revision.max(response.header().revision);
        match response {
            Response::Range(range) => range.kvs.iter().for_each(|kv| self.learn_key(kv)),
            Response::Txn(txn) => txn.responses.iter().for_each(|part| self.learn_part(part)),
            Response::Lease(LeaseResponse::Grant { id, .. }) => {
                if self.leases.len() == LEASES_MAX {
                    self.leases.remove(0);
                }
                self.leases.push(*id);
            }
            Response::Put(_)
            | Response::DeleteRange(_)
            | Response::Compact(_)
            | Response::Lease(_)
            | Response::Lock(_) => {}
        }
    }

    fn learn_part(&mut self, part: &ResponseOp) {
        match part {
            ResponseOp::Range(range) => range.kvs.iter().for_each(|kv| self.learn_key(kv)),
            ResponseOp::Txn(txn) => txn.responses.iter().for_each(|part| self.learn_part(part)),
            ResponseOp::Put(_) | ResponseOp::DeleteRange(_) => {}
        }
    }

    fn learn_key(&mut self, kv: &KeyValue) {
        let known = self.keys.get(&kv.key).map_or(0, |known| known.mod_revision);
        // Without its value (a read of keys only) a key is of no use for comparisons.
        if kv.mod_revision > known && !kv.value.is_empty() {
            self.keys.insert(kv.key.clone(), kv.clone());
        }
    }
}
