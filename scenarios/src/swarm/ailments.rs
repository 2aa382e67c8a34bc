//! Machines and links that work, but not well, by the seed.

use std::time::Duration;

use super::{Kind, Schedule};
use crate::ailment::{Ailment, DiskCall, LinkAilment};
use crate::plan::{Action, LinkEnd, Who};

impl Schedule {
    /// Something is wrong with a machine.
    pub(super) fn ail(&mut self, kind: Kind) {
        let who = self.victim();
        let ailment = match kind {
            Kind::SlowDisk => {
                let times = *self.dice.pick(&[5, 20, 100]);
                Ailment::SlowDisk { times, lasting: self.dice.millis(200..=4_000) }
            }
            Kind::FailingDisk => Ailment::FailingDisk(*self.dice.pick(&DiskCall::ALL)),
            Kind::FullDisk => Ailment::FullDisk { lasting: self.dice.millis(100..=2_000) },
            Kind::Drift => Ailment::Drift { ppm: *self.dice.pick(&DRIFTS_PPM) },
            _ => Ailment::ClockStep { millis: *self.dice.pick(&CLOCK_STEPS_MS) },
        };
        self.step(Duration::ZERO, Action::Ail(who, ailment));
        if matches!(kind, Kind::FailingDisk | Kind::FullDisk) {
            // A member whose disk fails stops, and somebody has to start it again.
            let after = self.dice.millis(2_500..=5_000);
            self.step(after, Action::Restart(Who::All));
        }
    }

    /// Two sides, or some members and all clients.
    pub(super) fn ends(&mut self) -> (LinkEnd, LinkEnd) {
        let is_clients = self.dice.percent(25) || self.members == 1;
        if is_clients {
            let who = if self.dice.percent(30) { Who::All } else { self.victim() };
            let ends = (LinkEnd::Members(who), LinkEnd::Clients);
            return if self.dice.percent(50) { ends } else { (ends.1, ends.0) };
        }
        let (one, other) = self.two();
        (LinkEnd::Members(one), LinkEnd::Members(other))
    }

    /// Something is wrong with the links between two sides.
    pub(super) fn ail_link(&mut self, kind: Kind) {
        let (one, other) = self.ends();
        let ailment = match kind {
            Kind::Delay => {
                let least = self.dice.millis(5..=200);
                LinkAilment::Delay(least..=least * 3)
            }
            Kind::Loss => LinkAilment::Loss(*self.dice.pick(&[1, 5, 20, 60])),
            Kind::Bandwidth => LinkAilment::Bandwidth(*self.dice.pick(&BANDWIDTHS)),
            _ => LinkAilment::Clog,
        };
        let lasting = self.dice.millis(200..=4_000);
        self.step(Duration::ZERO, Action::AilLink { one, other, ailment, lasting });
    }
}

/// Crystals drift by a hundred at most; a virtual machine that is short of time, by a lot more.
const DRIFTS_PPM: [i32; 6] = [-100_000, -1_000, -100, 100, 1_000, 100_000];
/// What a time server, an operator or a leap may do to a wall clock.
const CLOCK_STEPS_MS: [i64; 6] = [-3_600_000, -1_000, -50, 50, 1_000, 3_600_000];
/// From what holds up heartbeats behind a single append, to what only a snapshot feels.
const BANDWIDTHS: [u64; 4] = [5_000, 20_000, 100_000, 1_000_000];
