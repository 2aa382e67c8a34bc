//! The leases that there are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// A lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lease {
    /// Seconds that it was granted for.
    pub ttl: i64,
    /// Seconds that were left when that was last kept; 0 for all of them.
    pub remaining_ttl: i64,
    /// The keys attached to it.
    keys: BTreeSet<Bytes>,
}

impl Lease {
    /// Of a lease to which nothing is attached yet.
    pub(crate) fn new(ttl: i64, remaining_ttl: i64) -> Self {
        Self { ttl, remaining_ttl, keys: BTreeSet::new() }
    }

    /// The keys attached to it, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.keys.iter()
    }

    /// Seconds that a leader which knows no better has to grant it still.
    #[must_use]
    pub fn time_left(&self) -> i64 {
        if self.remaining_ttl > 0 { self.remaining_ttl } else { self.ttl }
    }
}

/// All leases, by id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaseTable {
    leases: BTreeMap<i64, Lease>,
}

impl LeaseTable {
    /// One of them.
    #[must_use]
    pub fn get(&self, id: i64) -> Option<&Lease> {
        self.leases.get(&id)
    }

    /// All of them, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Lease)> {
        self.leases.iter().map(|(id, lease)| (*id, lease))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut Lease> {
        self.leases.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, id: i64, lease: Lease) {
        let replaced = self.leases.insert(id, lease);
        assert!(replaced.is_none(), "lease {id} was granted twice");
    }

    /// Takes a lease that nothing is attached to any more.
    pub(crate) fn remove(&mut self, id: i64) {
        let removed = self.leases.remove(&id);
        let keys = removed.map(|lease| lease.keys.len());
        assert_eq!(keys, Some(0), "lease {id} is unknown or has keys left");
    }

    /// Notes that the lease of `key` is `lease` from now on; 0 stands for none. Whoever calls has
    /// made sure that there is such a lease.
    pub(crate) fn attach(&mut self, key: &[u8], before: i64, lease: i64) {
        if before == lease {
            return;
        }
        if let Some(before) = self.leases.get_mut(&before) {
            before.keys.remove(key);
        }
        if lease != 0 {
            let lease = self.leases.get_mut(&lease).expect("the lease was looked up before");
            // A copy: the key may be a part of a request that is large.
            lease.keys.insert(Bytes::copy_from_slice(key));
        }
    }

    /// Collects, when the state is restored, what the rows tell; false where there is no such lease.
    #[must_use]
    pub(crate) fn restore_key(&mut self, id: i64, key: &[u8]) -> bool {
        match self.leases.get_mut(&id) {
            Some(lease) => lease.keys.insert(Bytes::copy_from_slice(key)),
            None => false,
        }
    }
}
