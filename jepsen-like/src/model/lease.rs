//! What leases do to keys. A key is attached to the lease of its last put; when the lease ends, by
//! whatever cause, all of its keys are deleted at one revision (etcd's lease API; G55).

use super::read::header;
use super::{Span, State, Unanswerable};
use crate::history::{Blob, LeaseId, LeaseRequest, LeaseResponse, Response};

impl State {
    /// The keys that are attached to a lease now, in key order.
    pub fn attached(&self, lease: LeaseId) -> Vec<Blob> {
        self.attached_at(lease, i64::MAX)
    }

    /// The keys that were attached to a lease at a revision, in key order.
    pub fn attached_at(&self, lease: LeaseId, revision: i64) -> Vec<Blob> {
        let live = self.span_at(&Span::everything(), revision);
        live.filter(|kv| kv.lease == lease).map(|kv| kv.key.clone()).collect()
    }

    /// Deletes the keys of a lease in one revision, as its end does; false if it has none.
    pub fn expire(&mut self, lease: LeaseId) -> bool {
        let revision = self.revision + 1;
        let keys = self.attached(lease);
        keys.iter().for_each(|key| self.tombstone(key.clone(), revision));
        if !keys.is_empty() {
            self.revision = revision;
        }
        !keys.is_empty()
    }

    /// What is answered about a lease, as far as keys show it: only the head is right.
    pub(super) fn lease_answer_at(
        &self,
        request: &LeaseRequest,
        current: i64,
    ) -> Result<Response, Unanswerable> {
        let header = header(current);
        Ok(Response::Lease(match *request {
            LeaseRequest::Grant { id, ttl } => LeaseResponse::Grant { header, id, ttl },
            LeaseRequest::Revoke { id } => {
                if !self.attached_at(id, current).is_empty() {
                    return Err(Unanswerable::Changes);
                }
                LeaseResponse::Revoke { header }
            }
            LeaseRequest::KeepAlive { id } => LeaseResponse::KeepAlive { header, id, ttl: 0 },
            LeaseRequest::TimeToLive { id, .. } => {
                let keys = self.attached_at(id, current);
                LeaseResponse::TimeToLive { header, id, ttl: 0, granted_ttl: 0, keys }
            }
            LeaseRequest::List => LeaseResponse::List { header, leases: Vec::new() },
        }))
    }
}
