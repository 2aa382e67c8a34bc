//! What the lock service does to keys: whoever wants a lock has a key below its name, and owns it once
//! no key there was created earlier (G91).

use super::read::header;
use super::{Span, State, Unanswerable};
use crate::history::{
    Blob, LockRequest, LockResponse, PutRequest, Response, lock_key, lock_prefix,
};

impl State {
    /// Writes the key of who wants a lock; one that is there already is deleted, as the service does for
    /// who gave up. A lock that is given back has no key any more.
    pub(super) fn step_lock(&mut self, request: &LockRequest) -> Response {
        let revision = self.revision + 1;
        match request {
            LockRequest::Lock { name, lease } => {
                let key = lock_key(name, *lease);
                if self.at(key.as_bytes(), self.revision).is_some() {
                    self.tombstone(key.clone(), revision);
                } else {
                    let lease = *lease;
                    let put = PutRequest { key: key.clone(), lease, ..PutRequest::default() };
                    self.write(&put, revision);
                }
                self.revision = revision;
                Response::Lock(LockResponse::Lock { header: header(revision), key })
            }
            LockRequest::Unlock { key } => {
                if self.at(key.as_bytes(), self.revision).is_some() {
                    self.tombstone(key.clone(), revision);
                    self.revision = revision;
                }
                Response::Lock(LockResponse::Unlock { header: header(self.revision) })
            }
        }
    }

    /// What is answered about a lock at `current`, where it is owned, or given back.
    pub(super) fn lock_answer_at(
        &self,
        request: &LockRequest,
        current: i64,
    ) -> Result<Response, Unanswerable> {
        let header = header(current);
        match request {
            LockRequest::Lock { name, lease } => {
                let key = lock_key(name, *lease);
                match self.lock_owner_at(name, current) {
                    Some(owner) if owner == key => {
                        Ok(Response::Lock(LockResponse::Lock { header, key }))
                    }
                    Some(_) | None => Err(Unanswerable::NotOwner),
                }
            }
            LockRequest::Unlock { key } => match self.at(key.as_bytes(), current) {
                None => Ok(Response::Lock(LockResponse::Unlock { header })),
                Some(_) => Err(Unanswerable::NotOwner),
            },
        }
    }

    /// The key that owns a lock at a revision.
    pub fn lock_owner_at(&self, name: &Blob, revision: i64) -> Option<Blob> {
        let prefix = lock_prefix(name);
        let mut end = prefix.as_bytes().to_vec();
        *end.last_mut()? += 1;
        let end = Blob::from(end);
        let waiting = self.span_at(&Span::new(&prefix, &end), revision);
        waiting.min_by_key(|kv| kv.create_revision).map(|kv| kv.key.clone())
    }
}
