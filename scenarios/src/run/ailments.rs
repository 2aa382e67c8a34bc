//! Machines and links that work, but not well.

use std::ops::RangeInclusive;
use std::time::Duration;

use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use sim::disk::{Faults, Times};
use sim::network::LinkOptions;

use super::members::{Members, Place};
use crate::ailment::{Ailment, DiskCall, LinkAilment};
use crate::dice::Dice;

/// How long after a disk was full a member may still stop for it.
const NOTICE: Duration = Duration::from_secs(2);

impl Members {
    /// Does it to the machine of a member, whether the member runs or not. Who has not joined yet gets a new disk when
    /// it does.
    pub(super) fn ail(&self, member: usize, ailment: &Ailment, dice: &mut Dice) {
        if !self.cluster.is_here(member) {
            return;
        }
        match ailment {
            Ailment::SlowDisk { times, lasting } => {
                let times = *times;
                let text = format!("disk of {member} is {times} times slower");
                self.disk_for(member, text, *lasting, move |faults| faults.slowdown = times);
            }
            Ailment::FullDisk { lasting } => {
                let text = format!("disk of {member} is full");
                self.may_stop(member, Some(*lasting + NOTICE));
                self.disk_for(member, text, *lasting, |faults| faults.capacity_bytes = Some(0));
            }
            Ailment::Damaged { damage, files } => self.damage(member, *damage, files, dice),
            Ailment::FailingDisk(call) => self.fail_disk(member, *call),
            Ailment::Drift { ppm } => {
                self.host(member).set_clock_drift(*ppm);
                self.blink(Place::Process, format!("clock of {member} drifts by {ppm} ppm"));
            }
            Ailment::ClockStep { millis } => {
                self.host(member).step_wall_clock(millis.saturating_mul(1_000_000));
                self.blink(Place::Process, format!("wall clock of {member} jumps by {millis} ms"));
            }
        }
    }

    fn fail_disk(&self, member: usize, call: DiskCall) {
        self.may_stop(member, None);
        self.host(member).disk().set_faults(|faults| match call {
            DiskCall::Read => faults.read_fails = Times::Next(1),
            DiskCall::Write => faults.write_fails = Times::Next(1),
            DiskCall::Sync => faults.sync_fails = Times::Next(1),
        });
        self.blink(Place::Disk, format!("the next {} of {member} fails", call.name()));
    }

    fn disk_for(
        &self,
        member: usize,
        text: String,
        lasting: Duration,
        change: impl FnOnce(&mut Faults),
    ) {
        self.host(member).disk().set_faults_for(lasting, change);
        self.begin(Place::Disk, Some(member), text);
        let members = self.clone();
        drop(SimRuntime::spawn(async move {
            SimRuntime::sleep(lasting).await;
            members.disk_works(member);
        }));
    }

    /// The disk is as it should be.
    fn disk_works(&self, member: usize) {
        self.host(member).disk().set_faults(|faults| *faults = Faults::default());
        self.finish(Place::Disk, Some(member));
    }

    /// Disks and clocks are as they should be. Wall clocks are set right, too: a member whose clock is an hour ahead
    /// refuses every signed token of the others, as it must, and would serve nobody for good.
    pub(super) fn cure(&self) {
        for member in self.all() {
            self.disk_works(member);
            self.host(member).set_clock_drift(0);
            self.host(member).set_wall_clock_right();
            self.all()
                .filter(|other| *other != member)
                .for_each(|other| self.cure_link(member, other));
        }
    }

    /// Does it to the links between two members, both ways.
    pub(super) fn ail_link(&self, one: usize, other: usize, ailment: &LinkAilment) {
        let (from, to) = (self.host(one).id(), self.host(other).id());
        let options = match ailment {
            LinkAilment::Delay(range) => {
                LinkOptions { latency: half_open(range), ..LinkOptions::default() }
            }
            LinkAilment::Loss(percent) => {
                LinkOptions { loss_per_million: percent * 10_000, ..LinkOptions::default() }
            }
            LinkAilment::Clog => return,
        };
        for (from, to) in [(from, to), (to, from)] {
            self.network().set_link(from, to, options.clone());
        }
    }

    /// Nothing arrives for a while, in this direction.
    pub(super) fn clog(&self, from: usize, to: usize, lasting: Duration) {
        self.network().clog(self.host(from).id(), self.host(to).id(), lasting);
    }

    /// The links between two members are as they should be.
    pub(super) fn cure_link(&self, one: usize, other: usize) {
        let (from, to) = (self.host(one).id(), self.host(other).id());
        for (from, to) in [(from, to), (to, from)] {
            self.network().set_link(from, to, LinkOptions::default());
        }
    }
}

fn half_open(range: &RangeInclusive<Duration>) -> std::ops::Range<Duration> {
    *range.start()..*range.end() + Duration::from_micros(1)
}
