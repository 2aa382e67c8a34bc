//! Choices, and the keys of one program.

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::key;
use crate::symbol::Symbol;

/// Where choices come from.
pub(super) struct Draw {
    random: StdRng,
    keys: Vec<Bytes>,
    /// The kind of alarm that the program raises: of two, an old etcd heeds the last one only.
    pub(super) alarm: i32,
    /// Transactions within transactions at most.
    pub(super) depth_max: usize,
    /// Whether ranges end behind their beginning.
    pub(super) forward: bool,
}

/// Transactions within transactions, where nothing speaks against them.
const DEPTH_MAX: usize = 3;

impl Draw {
    pub(super) fn new(random: StdRng) -> Self {
        let mut draw =
            Self { random, keys: Vec::new(), alarm: 0, depth_max: DEPTH_MAX, forward: false };
        draw.keys = key::pool(&mut draw);
        draw.alarm = draw.one(&[1, 1, 2]);
        draw
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    /// True `percent` times in a hundred.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(super) fn one<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// A key that other requests of the program name, too; or a strange one.
    pub(super) fn key(&mut self) -> Bytes {
        if self.chance(4) {
            return key::strange(self);
        }
        let place = self.below(self.keys.len());
        self.keys[place].clone()
    }

    /// An end for a range that begins with `key`.
    pub(super) fn range_end(&mut self, key: &Bytes) -> Bytes {
        let end = key::range_end(self, key);
        let ends_early = !end.is_empty() && *end != [0] && end <= *key;
        if self.forward && ends_early { Bytes::new() } else { end }
    }

    /// A revision: mostly one that means something.
    pub(super) fn revision(&mut self) -> i64 {
        match self.below(12) {
            0..4 => 0,
            4..8 => Symbol::Current(-(self.below(30) as i64)).number(),
            8 => Symbol::Current(1).number(),
            9 => Symbol::Compacted(self.one(&[-1, 0, 0, 1, 2])).number(),
            10 => self.one(&[-1, 1, 2, i64::MIN, i64::MAX]),
            _ => Symbol::Current(self.one(&[0, 2, 100])).number(),
        }
    }

    /// A value.
    pub(super) fn value(&mut self) -> Bytes {
        match self.below(12) {
            0 => Bytes::new(),
            1 => Bytes::from(vec![self.one(&[0_u8, 0xff]); self.below(4)]),
            2 => Bytes::from(vec![b'v'; self.below(3000)]),
            _ => Bytes::from(format!("v{}", self.below(8))),
        }
    }

    /// The id of a lease, which may exist.
    pub(super) fn lease(&mut self) -> i64 {
        match self.below(20) {
            0..15 => 0,
            15..18 => Symbol::Lease(self.below(3) as i64).number(),
            _ => self.one(&[-1, 1, 77, i64::MAX, i64::MIN]),
        }
    }
}
