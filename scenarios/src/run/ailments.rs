//! Machines and links that work, but not well.

use std::ops::RangeInclusive;
use std::time::Duration;

use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use sim::disk::{Faults, Times};
use sim::network::LinkOptions;

use super::chronicle::Slot;
use super::links::Link;
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
            self.spares(format!("member {member} is not there"));
            return;
        }
        match ailment {
            Ailment::SlowDisk { times, lasting } => {
                let times = *times;
                let text = format!("disk of {member} is {times} times slower");
                let slow = move |faults: &mut Faults, times| faults.slowdown = times;
                self.disk_for(Slot::Slowness(member), text, *lasting, slow, (times, 0));
            }
            Ailment::FullDisk { lasting } => {
                let text = format!("disk of {member} is full");
                self.may_stop(member, Some(*lasting + NOTICE));
                let full = |faults: &mut Faults, bytes| faults.capacity_bytes = bytes;
                self.disk_for(Slot::Room(member), text, *lasting, full, (Some(0), None));
            }
            Ailment::Damaged { damage, files } => self.damage(member, *damage, files, dice),
            Ailment::Misdirected { files } => self.misdirect_write(member, files),
            Ailment::FailingDisk(call) => self.fail_disk(member, *call),
            Ailment::Drift { ppm } => {
                self.host(member).set_clock_drift(*ppm);
                let text = format!("clock of {member} drifts by {ppm} ppm");
                self.begin_curable(Place::Process, None, Some(Slot::Rate(member)), text);
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
        let text = format!("the next {} of {member} fails", call.name());
        let fault = self.begin_curable(Place::Disk, Some(member), None, text);
        self.lock().armed.push((member, call, fault));
    }

    /// Tells of each call that was to fail whether one came.
    fn disarm_disks(&self) {
        let armed = std::mem::take(&mut self.lock().armed);
        for (member, call, fault) in armed {
            let mut is_waiting = false;
            self.host(member).disk().set_faults(|faults| {
                let times = match call {
                    DiskCall::Read => &faults.read_fails,
                    DiskCall::Write => &faults.write_fails,
                    DiskCall::Sync => &faults.sync_fails,
                };
                is_waiting = *times == Times::Next(1);
            });
            self.end_fault(fault);
            // A disk that was lost has no faults any more, whether they came to anything or not.
            if is_waiting || self.is_lost(member) {
                let reason = format!("member {member} asked for no {} any more", call.name());
                self.spares_kind("fail-disk", &reason);
            } else {
                self.strikes("fail-disk");
            }
        }
    }

    /// Every sync takes `lasting` longer, until so much time has passed.
    pub(super) fn stall_disk(&self, member: usize, files: &str, lasting: Duration) {
        let set = |faults: &mut Faults, (files, stall): (String, Duration)| {
            faults.only = files;
            faults.sync_stalls = stall;
        };
        let files_text = if files.is_empty() { "all files" } else { files };
        let text = format!("disk of {member} stalls: {files_text}");
        let values = ((files.to_owned(), lasting), (String::new(), Duration::ZERO));
        self.disk_for(Slot::Stall(member), text, lasting, set, values);
    }

    /// Something of a disk is one thing for a while, and then another.
    fn disk_for<T: Send + 'static>(
        &self,
        slot: Slot,
        text: String,
        lasting: Duration,
        set: fn(&mut Faults, T),
        (ailing, well): (T, T),
    ) {
        let (Slot::Stall(member) | Slot::Slowness(member) | Slot::Room(member)) = slot else {
            unreachable!("{slot:?} is none of a disk's")
        };
        self.host(member).disk().set_faults_for(lasting, |faults| set(faults, ailing));
        let fault = self.begin_curable(Place::Disk, Some(member), Some(slot), text);
        let members = self.clone();
        drop(SimRuntime::spawn(async move {
            SimRuntime::sleep(lasting).await;
            // The same may be wrong again by now, or the disk is another.
            if members.lasts(fault) {
                members.host(member).disk().set_faults(|faults| set(faults, well));
                members.end_fault(fault);
            }
        }));
    }

    /// Disks and clocks are as they should be. Wall clocks are set right, too: a member whose clock is an hour ahead
    /// refuses every signed token of the others, as it must, and would serve nobody for good. Machines of members that
    /// are gone are cured as well: who comes next may have one of them.
    pub(super) fn cure(&self) {
        self.disarm_disks();
        self.settle_writes();
        let machines = 1..=self.cluster.size();
        for member in machines.clone() {
            self.host(member).disk().set_faults(|faults| *faults = Faults::default());
            self.host(member).set_clock_drift(0);
            self.host(member).set_wall_clock_right();
            let others = machines.clone().filter(|other| *other != member);
            others.for_each(|other| self.cure_link(Link::between(member, other)));
            self.cure_link(Link::to_clients(member));
            self.give_up_silent_clients(member);
        }
        self.end_curable();
    }

    /// Connections of clients that are half open are over. Between each other, members have to notice by themselves; but
    /// a client that only listens, and hears the member well, gives up when its operating system does, and so does the
    /// member, which asks its clients for a sign of life every two hours. Both systems take a quarter of an hour (Linux,
    /// tcp(7), `tcp_retries2`), which is longer than a run.
    fn give_up_silent_clients(&self, member: usize) {
        for (one, other) in self.machines(Link::to_clients(member)) {
            self.network().reset_half_open(one, other);
        }
    }

    /// Does it to links, both ways.
    pub(super) fn ail_link(&self, link: Link, ailment: &LinkAilment) {
        let well = LinkOptions::default();
        match ailment {
            LinkAilment::Delay(range) => {
                self.set_link(link, &LinkOptions { latency: half_open(range), ..well });
            }
            LinkAilment::Loss(percent) => {
                self.set_link(link, &LinkOptions { loss_per_million: percent * 10_000, ..well });
            }
            LinkAilment::Bandwidth(bytes) => {
                self.set_link(link, &LinkOptions { bandwidth: Some(*bytes), ..well });
            }
            LinkAilment::Clog => {}
        }
    }

    fn set_link(&self, link: Link, options: &LinkOptions) {
        for (one, other) in self.machines(link) {
            self.network().set_link(one, other, options.clone());
            self.network().set_link(other, one, options.clone());
        }
    }

    /// Nothing arrives for a while, both ways.
    pub(super) fn clog(&self, link: Link, lasting: Duration) {
        for (one, other) in self.machines(link) {
            self.network().clog(one, other, lasting);
            self.network().clog(other, one, lasting);
        }
    }

    /// The links are as they should be.
    pub(super) fn cure_link(&self, link: Link) {
        self.set_link(link, &LinkOptions::default());
    }
}

fn half_open(range: &RangeInclusive<Duration>) -> std::ops::Range<Duration> {
    *range.start()..*range.end() + Duration::from_micros(1)
}
