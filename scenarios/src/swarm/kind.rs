//! The kinds of faults that a seed may have.

/// Kinds of faults that a seed may switch off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Kill,
    RestartLoop,
    PowerLoss,
    PowerLossInWrite,
    PowerLossOfAll,
    Partition,
    OneWay,
    CutClients,
    Flap,
    Pause,
    StallDisk,
    StallThenPowerLoss,
    Reset,
    HalfOpen,
    Compact,
    Burst,
    SlowDisk,
    FailingDisk,
    FullDisk,
    Drift,
    ClockStep,
    Delay,
    Loss,
    Bandwidth,
    Clog,
    Swizzle,
}

pub(super) const KINDS: [Kind; 26] = [
    Kind::Kill,
    Kind::RestartLoop,
    Kind::PowerLoss,
    Kind::PowerLossInWrite,
    Kind::PowerLossOfAll,
    Kind::Partition,
    Kind::OneWay,
    Kind::CutClients,
    Kind::Flap,
    Kind::Pause,
    Kind::StallDisk,
    Kind::StallThenPowerLoss,
    Kind::Reset,
    Kind::HalfOpen,
    Kind::Compact,
    Kind::Burst,
    Kind::SlowDisk,
    Kind::FailingDisk,
    Kind::FullDisk,
    Kind::Drift,
    Kind::ClockStep,
    Kind::Delay,
    Kind::Loss,
    Kind::Bandwidth,
    Kind::Clog,
    Kind::Swizzle,
];

impl Kind {
    /// Whether it makes sense without peers.
    pub(super) fn suits_one(self) -> bool {
        !matches!(self, Self::Partition | Self::OneWay | Self::Flap | Self::Swizzle)
    }

    /// Whether it hurts.
    pub(super) fn is_fault(self) -> bool {
        // A member may never ask its disk for what would fail, and a clock alone hurts nobody.
        !matches!(
            self,
            Self::Compact | Self::Burst | Self::FailingDisk | Self::Drift | Self::ClockStep
        )
    }
}
