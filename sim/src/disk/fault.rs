//! The knobs of a disk that is not well.

use std::time::Duration;

/// How often something happens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Times {
    /// Not at all.
    #[default]
    Never,
    /// The next so many times.
    Next(u32),
    /// From now on.
    Always,
}

impl Times {
    /// Whether it happens this time.
    pub(super) fn strike(&mut self) -> bool {
        match self {
            Self::Never | Self::Next(0) => false,
            Self::Next(left) => {
                *left -= 1;
                true
            }
            Self::Always => true,
        }
    }
}

/// What is wrong with a disk; by default, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Only files whose name starts so are hit, but for writes that go astray; all, if this is empty.
    pub only: String,
    /// Syncs fail, and what they should have made durable is gone for good.
    pub sync_fails: Times,
    /// Syncs succeed without doing anything.
    pub sync_lies: Times,
    /// Syncs take this much longer. If only some files are hit, the device goes on with the others meanwhile.
    pub sync_stalls: Duration,
    /// Reads fail.
    pub read_fails: Times,
    /// Writes fail, and have written nothing.
    pub write_fails: Times,
    /// Writes land in another place of the same file.
    pub write_misdirected: Times,
    /// Only to files whose name starts so; to all, if this is empty.
    pub misdirected_only: String,
    /// Bytes that all files together may have; more is refused.
    pub capacity_bytes: Option<u64>,
    /// Everything takes so many times as long, beyond the one time that it takes anyway.
    pub slowdown: u32,
    /// When stalls and slowness end, in true nanoseconds; when they are switched off, if this is not said.
    pub(super) slow_until: Option<u64>,
}
