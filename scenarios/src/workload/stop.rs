//! A sign that everybody can see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tells tasks to come to an end; clones are the same sign.
#[derive(Debug, Clone, Default)]
pub struct StopSign {
    raised: Arc<AtomicBool>,
}

impl StopSign {
    /// Tells everybody.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
    }

    /// Whether it is time to end.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }
}
