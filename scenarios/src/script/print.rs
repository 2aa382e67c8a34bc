//! From a plan back to text; [`parse`](super::parse) reads it to the same plan.

use std::fmt::{self, Display, Formatter};

use crate::ailment::{Ailment, LinkAilment};
use crate::plan::{Action, LinkEnd, Mix, Plan, Split, Step, Who};
use crate::span::Span;

/// A plan as a script that says of which seed it was, in a comment.
pub fn with_seed(plan: &Plan, seed: u64) -> String {
    // Beneath what the scenario shows, of which it is no part.
    plan.to_string().replacen("\n\n", &format!("\n\n# Shown for seed {seed}.\n"), 1)
}

impl Display for Plan {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { about, cluster, workload, duration, steps, floors, .. } = self;
        writeln!(out, "# {about}\n")?;
        writeln!(out, "members {}", cluster.members)?;
        writeln!(out, "snapshot-count {}", cluster.snapshot_count)?;
        writeln!(out, "election-timeout {}", Span(cluster.election_timeout))?;
        writeln!(out, "heartbeat {}", Span(cluster.heartbeat))?;
        if cluster.quota > 0 {
            writeln!(out, "quota {}", cluster.quota)?;
        }
        if cluster.max_request_bytes > 0 {
            writeln!(out, "max-request-bytes {}", cluster.max_request_bytes)?;
        }
        if !cluster.clock_offsets.is_zero() {
            writeln!(out, "clock-offsets {}", Span(cluster.clock_offsets))?;
        }
        match Mix::NAMED.iter().find(|(_, mix)| *mix == workload.mix) {
            Some((name, _)) => writeln!(out, "workload {name}")?,
            None => {
                write!(out, "mix")?;
                for (kind, weight) in workload.mix.weights() {
                    write!(out, " {kind} {weight}")?;
                }
                writeln!(out)?;
            }
        }
        writeln!(out, "clients {}", workload.clients)?;
        writeln!(out, "watchers {}", workload.watchers)?;
        writeln!(out, "keys {}", workload.keys)?;
        writeln!(out, "pace {}", Span(workload.pace))?;
        if workload.users > 0 {
            writeln!(out, "users {}", workload.users)?;
        }
        if workload.slow_watchers > 0 {
            writeln!(out, "slow-watchers {}", workload.slow_watchers)?;
        }
        if workload.holders > 0 {
            writeln!(out, "holders {}", workload.holders)?;
        }
        if workload.lockers > 0 {
            writeln!(out, "lockers {}", workload.lockers)?;
        }
        if workload.electors > 0 {
            writeln!(out, "electors {}", workload.electors)?;
        }
        writeln!(out, "duration {}\n", Span(*duration))?;
        steps.iter().try_for_each(|step| writeln!(out, "{step}"))?;
        if !floors.is_empty() {
            writeln!(out)?;
        }
        floors.iter().try_for_each(|floor| {
            writeln!(out, "check {} >= {}", floor.counter.name(), floor.at_least)
        })
    }
}

impl Display for Step {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (from, to) = (*self.at.start(), *self.at.end());
        if from == to {
            write!(out, "at {} {}", Span(from), self.action)
        } else {
            write!(out, "at {}..{} {}", Span(from), Span(to), self.action)
        }
    }
}

impl Display for Action {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(who) => write!(out, "kill {who}"),
            Self::PowerLoss(who) => write!(out, "power-loss {who}"),
            Self::PowerLossInWrite(who) => write!(out, "power-loss-in-write {who}"),
            Self::Restart(who) => write!(out, "restart {who}"),
            Self::Pause(who, lasting) => write!(out, "pause {who} for {}", Span(*lasting)),
            Self::StallDisk { who, files, lasting } => {
                write!(out, "stall-disk {who}")?;
                print_files(out, files)?;
                write!(out, " for {}", Span(*lasting))
            }
            Self::Partition(split) => write!(out, "partition {split}"),
            Self::Cut(these, those) => write!(out, "cut {these} from {those}"),
            Self::OneWay(from, to) => write!(out, "one-way {from} -> {to}"),
            Self::CutClients(who) => write!(out, "cut {who} from clients"),
            Self::Flap { one, other, every, lasting } => {
                write!(out, "flap {one} - {other} every {} for {}", Span(*every), Span(*lasting))
            }
            Self::Reset(one, other) => write!(out, "reset {one} - {other}"),
            Self::HalfOpen { one, other, is_one_way } => {
                let between = if *is_one_way { "->" } else { "-" };
                write!(out, "half-open {one} {between} {other}")
            }
            Self::RestartLoop { who, every, lasting } => {
                let (every, lasting) = (Span(*every), Span(*lasting));
                write!(out, "restart-loop {who} every {every} for {lasting}")
            }
            Self::Ail(who, ailment) => print_ailment(out, who, ailment),
            Self::AilLink { one, other, ailment, lasting } => {
                write!(out, "{} {one} - {other} ", ailment.name())?;
                if *ailment != LinkAilment::Clog {
                    write!(out, "{ailment} ")?;
                }
                write!(out, "for {}", Span(*lasting))
            }
            Self::Swizzle { every } => write!(out, "swizzle every {}", Span(*every)),
            Self::Heal => write!(out, "heal"),
            Self::Compact { keep: 0 } => write!(out, "compact"),
            Self::Compact { keep } => write!(out, "compact keep {keep}"),
            Self::Burst { puts, bytes: 0 } => write!(out, "burst {puts}"),
            Self::Burst { puts, bytes } => write!(out, "burst {puts} of {bytes} bytes"),
            Self::Membership(change) => write!(out, "{change}"),
            Self::LoseDisk(who) => write!(out, "lose-disk {who}"),
            Self::GrantLeases { leases, ttl } => {
                write!(out, "grant {leases} leases for {}", Span(*ttl))
            }
            Self::Upkeep(who, upkeep) => write!(out, "{} {who}", upkeep.name()),
            Self::Fill(puts) => write!(out, "fill {puts}"),
            Self::Empty => write!(out, "empty"),
            Self::Remember(who, name) => write!(out, "remember {who} as {name}"),
            Self::Serves { via: None, within } => {
                write!(out, "check serves within {}", Span(*within))
            }
            Self::Serves { via: Some(via), within } => {
                write!(out, "check serves through {via} within {}", Span(*within))
            }
        }
    }
}

fn print_ailment(out: &mut Formatter<'_>, who: &Who, ailment: &Ailment) -> fmt::Result {
    match ailment {
        Ailment::SlowDisk { times, lasting } => {
            write!(out, "slow-disk {who} {times} times for {}", Span(*lasting))
        }
        Ailment::FailingDisk(call) => write!(out, "fail-disk {who} {}", call.name()),
        Ailment::Damaged { damage, files } => {
            write!(out, "{} {who}", damage.name())?;
            print_files(out, files)
        }
        Ailment::Misdirected { files } => {
            write!(out, "misdirect-write {who}")?;
            print_files(out, files)
        }
        Ailment::FullDisk { lasting } => write!(out, "fill-disk {who} for {}", Span(*lasting)),
        Ailment::Drift { ppm } => write!(out, "drift {who} {ppm}"),
        Ailment::ClockStep { millis } => write!(out, "step-clock {who} {millis}"),
    }
}

/// Which files are meant, if not all.
fn print_files(out: &mut Formatter<'_>, files: &str) -> fmt::Result {
    if files.is_empty() { Ok(()) } else { write!(out, " files {files}") }
}

impl Display for Who {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(number) => write!(out, "{number}"),
            Self::Leader => write!(out, "leader"),
            Self::Follower => write!(out, "follower"),
            Self::Followers => write!(out, "followers"),
            Self::Any => write!(out, "any"),
            Self::All => write!(out, "all"),
            Self::Learner => write!(out, "learner"),
            Self::Named(name) => write!(out, "{name}"),
        }
    }
}

impl Display for LinkEnd {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members(who) => write!(out, "{who}"),
            Self::Clients => out.write_str("clients"),
        }
    }
}

impl Display for Split {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinorityWith(who) => write!(out, "minority {who}"),
            Self::MajorityWith(who) => write!(out, "majority {who}"),
            Self::Ring => write!(out, "ring"),
            Self::Groups(groups) => {
                let words: Vec<String> = groups
                    .iter()
                    .map(|group| {
                        let members: Vec<String> = group.iter().map(usize::to_string).collect();
                        format!("{{{}}}", members.join(" "))
                    })
                    .collect();
                out.write_str(&words.join(" "))
            }
        }
    }
}
