//! What may be wrong with machines and links, short of their being down or cut.

use std::fmt::{self, Display, Formatter};
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::span::Span;

/// Something that is wrong with a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ailment {
    /// Whatever the disk does takes so many times as long, for a while.
    SlowDisk {
        /// How many times.
        times: u32,
        /// How long.
        lasting: Duration,
    },
    /// The next call of that kind fails. A member must stop then: nobody knows what the disk holds.
    FailingDisk(DiskCall),
    /// The disk has no room for another byte, for a while.
    FullDisk {
        /// How long.
        lasting: Duration,
    },
    /// Something is wrong with what lies on the disk, and nobody knows before it is read. The newest file of the
    /// log is spared: its end cannot be told from what a loss of power leaves, by any log that is written once.
    Damaged {
        /// What is wrong.
        damage: Damage,
        /// Only in files whose names start so; in all, if empty.
        files: String,
    },
    /// The next write lands in another place of its file, and is missing where it belongs; nobody knows before it is
    /// read.
    Misdirected {
        /// Only to files whose names start so; to any, if empty.
        files: String,
    },
    /// The clock gains so many microseconds a second, or loses them, until the run is healed.
    Drift {
        /// Parts per million.
        ppm: i32,
    },
    /// The wall clock jumps by so many milliseconds.
    ClockStep {
        /// Forward if positive.
        millis: i64,
    },
}

/// What may become of bytes that were written and synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// One of them is another one.
    Bit,
    /// A sector cannot be read any more.
    Sector,
    /// A sector holds what lies in another one: a write went astray.
    Astray,
}

impl Damage {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bit, Self::Sector, Self::Astray];

    /// Its word in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bit => "flip-bit",
            Self::Sector => "break-sector",
            Self::Astray => "stray-write",
        }
    }
}

/// What a program asks of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskCall {
    /// To read.
    Read,
    /// To write.
    Write,
    /// To make durable; what it should have made durable is gone.
    Sync,
}

impl DiskCall {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Sync];

    /// Its word in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
        }
    }
}

/// Something that is wrong with links, both ways, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkAilment {
    /// Every message takes a time of this range.
    Delay(RangeInclusive<Duration>),
    /// So many of a hundred messages are lost, and sent again later.
    Loss(u32),
    /// So many bytes a second pass.
    Bandwidth(u64),
    /// Nothing arrives; everything does when it is over.
    Clog,
}

impl LinkAilment {
    /// Its word in scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay(_) => "delay",
            Self::Loss(_) => "lose",
            Self::Bandwidth(_) => "bandwidth",
            Self::Clog => "clog",
        }
    }
}

impl Display for LinkAilment {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(range) => {
                write!(out, "by {}..{}", Span(*range.start()), Span(*range.end()))
            }
            Self::Loss(percent) => write!(out, "{percent} percent"),
            Self::Bandwidth(bytes) => write!(out, "{bytes} bytes per second"),
            Self::Clog => Ok(()),
        }
    }
}
