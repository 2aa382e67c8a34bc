//! What all values of a state come to, so that one which is whole and old, or missing, does not pass for what was
//! written last.
//!
//! The engine does not look at the checksums of its pages when it reads them, only all at once when it opens a file
//! that was not closed. A page whose last write never reached
//! its place holds values that are sound by themselves, of an earlier commit: the sum of the checksums of all values
//! tells them from those of this one. It is kept with every commit, and compared by whoever reads everything: a member
//! that starts, sends a snapshot, or copies its database.

use bytes::Buf;

/// The sum of a set of sealed values; it does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum(u64);

impl Sum {
    /// That of one value.
    pub(super) fn of(sealed: &[u8]) -> Self {
        Self(weight(sealed))
    }

    /// With other values.
    pub(super) fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    /// Without other values.
    pub(super) fn remove(&mut self, other: Self) {
        self.0 = self.0.wrapping_sub(other.0);
    }

    pub(super) fn to_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }
}

/// The checksum of a sealed value and its key, mixed (splitmix64) so that those of several values do not cancel out.
fn weight(mut sealed: &[u8]) -> u64 {
    let mut z =
        u64::from(sealed.try_get_u32_le().unwrap_or_default()).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::codec::seal;

    #[test]
    fn a_sum_is_that_of_a_set() {
        let [a, b, old] = [("a", "1"), ("b", "2"), ("b", "1")]
            .map(|(key, value)| Sum::of(&seal(key.as_bytes(), value.as_bytes())));
        let mut one = Sum::default();
        [a, old, b].into_iter().for_each(|value| one.add(value));
        one.remove(old);
        let mut other = Sum::default();
        [b, a].into_iter().for_each(|value| other.add(value));
        assert_eq!(one, other);
        other.remove(b);
        other.add(old);
        assert_ne!(one, other);
        assert_eq!(Sum::from_bytes(one.to_bytes()), one);
    }
}
