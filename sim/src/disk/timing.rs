//! How long input and output takes.

use std::ops::Range;
use std::time::Duration;

/// The speed of a healthy disk; the defaults are those of a good SSD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// A sync of a file or of the directory, drawn for each.
    pub sync: Range<Duration>,
    /// Any other call: it reaches the page cache only.
    pub call: Duration,
    /// Moving 4096 bytes between the caller and the page cache.
    pub page: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            sync: Duration::from_micros(200)..Duration::from_micros(1200),
            call: Duration::from_micros(2),
            page: Duration::from_micros(1),
        }
    }
}

impl Timing {
    /// A call that moves so many bytes.
    pub(super) fn transfer(&self, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.call + self.page * (bytes / 4096) + self.page * (bytes % 4096) / 4096
    }
}
