//! How far a log reaches on the disk, for whoever compares what it says with what the disk holds.

use std::sync::{Arc, Mutex, PoisonError};

/// Everything before this byte of this file is durable, and so is every file of the log before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// The segment's file.
    pub file: Arc<str>,
    /// Where in it the last durable batch ends.
    pub bytes: u64,
}

/// Follows the reach of a log without keeping the log open.
#[derive(Debug, Clone, Default)]
pub struct Reached(Arc<Mutex<Reach>>);

impl Reached {
    /// How far the log reaches now.
    pub fn now(&self) -> Reach {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, reach: Reach) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reach;
    }
}
