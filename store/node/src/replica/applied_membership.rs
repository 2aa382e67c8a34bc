//! The membership of the applied state, decoded.
//!
//! Every request of a client asks whether this member is a learner, and memberships hardly ever change.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::raft::{StoredMembership, codec};

/// What was decoded last, and of which bytes.
#[derive(Debug, Default)]
pub(super) struct AppliedMembership {
    last: Mutex<(Bytes, Arc<StoredMembership>)>,
}

impl AppliedMembership {
    /// What these bytes of the state's mark say. They were checked when they were read: what cannot be decoded all the
    /// same says nothing.
    pub(super) fn decoded(&self, kept: &Bytes) -> Arc<StoredMembership> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 != *kept {
            let stored = codec::decode_stored_membership(kept.clone()).unwrap_or_default();
            *last = (kept.clone(), Arc::new(stored));
        }
        Arc::clone(&last.1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::raft::{MemberNode, Membership};

    fn membership(ids: &[u64]) -> StoredMembership {
        let voters = ids.iter().copied().collect();
        let nodes: BTreeMap<u64, MemberNode> =
            ids.iter().map(|id| (*id, MemberNode::default())).collect();
        let membership = Membership::new(vec![voters], nodes).expect("all voters are nodes");
        StoredMembership::new(None, membership)
    }

    #[test]
    fn it_is_decoded_anew_when_it_is_another_one() {
        let applied = AppliedMembership::default();
        assert_eq!(*applied.decoded(&Bytes::new()), StoredMembership::default());
        for ids in [&[1, 2, 3][..], &[1, 2], &[1, 2], &[1, 2, 3]] {
            let kept = codec::encode_stored_membership(&membership(ids));
            assert_eq!(*applied.decoded(&kept), membership(ids));
        }
    }

    #[test]
    fn the_same_is_not_decoded_again() {
        let applied = AppliedMembership::default();
        let kept = codec::encode_stored_membership(&membership(&[7]));
        assert!(Arc::ptr_eq(&applied.decoded(&kept), &applied.decoded(&kept)));
    }
}
