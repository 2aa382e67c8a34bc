//! The members at the end of a run, or at a time before, by what they were heard to say.
//!
//! What nobody told is left empty, and what nobody told of any member has no column: a reader must be able to rely on
//! what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jepsen_like::history::{
    Event, History, LeaseChange, LeaseId, MemberId, Micros, UpkeepRecord, WatchId, WatchRecord,
};
use jepsen_like::observation::{Fact, LogId, Role};
use reports::Table;
use sim::cluster::Status;

use super::micros;
use super::plot::word;
use crate::run::{FaultRecord, Place, Ran};

/// A row for each, as it was at the end.
pub(super) fn table(ran: &Ran) -> Table {
    rows(&ran.history, &ran.faults, &ran.members)
}

/// A row for each, as it was at a time.
pub(super) fn table_at(ran: &Ran, at: Micros) -> Table {
    let before = ran.history.events.iter().filter(|event| event.time() <= at);
    let history = History::from(before.cloned().collect::<Vec<Event>>());
    let begun = ran.faults.iter().filter(|fault| micros(fault.from) <= at).cloned();
    // What ended later was going on.
    let is_open = |to: &Duration| micros(*to) <= at;
    let faults: Vec<FaultRecord> =
        begun.map(|fault| FaultRecord { to: fault.to.filter(is_open), ..fault }).collect();
    let numbers = 1..=ran.members.len() as MemberId;
    let members: Vec<Status> = numbers.map(|member| status(member, &history)).collect();
    rows(&history, &faults, &members)
}

/// What somebody who heard a member so far knows of it. What is not told at all is as at the beginning.
fn status(member: MemberId, history: &History) -> Status {
    let mut status = Status::default();
    for event in &history.events {
        match event {
            Event::Observed(seen) if seen.member == member => match &seen.fact {
                Fact::Started { term, last_log, applied, .. } => {
                    status.starts += 1;
                    status.term = status.term.max(*term);
                    (status.durable, status.applied) = (last_log.index, *applied);
                }
                Fact::Stopped => status.is_leader = false,
                Fact::Role { role, term } => {
                    (status.is_leader, status.term) = (*role == Role::Leader, *term);
                }
                Fact::Voted { term, .. } | Fact::Acknowledged { term, .. } => {
                    status.term = status.term.max(*term);
                }
                Fact::Durable { last } | Fact::Truncated { last } => status.durable = last.index,
                Fact::Snapshot { installed: true, .. } => status.snapshots_installed += 1,
                _ => {}
            },
            Event::Applied(told) if told.member == member => {
                (status.applied, status.revision) = (told.index, told.revision);
                status.digest = told.digest;
            }
            _ => {}
        }
    }
    status
}

fn rows(history: &History, faults: &[FaultRecord], members: &[Status]) -> Table {
    let numbers = || 1..=members.len() as MemberId;
    let heard: Vec<Heard> = numbers().map(|member| Heard::of(member, history, faults)).collect();
    let watches = open_watches(history);
    let both = || members.iter().zip(&heard);
    let status = |name: &str, of: fn(&Status) -> String| {
        (name.to_owned(), members.iter().map(of).collect::<Vec<String>>())
    };
    let told = |name: &str, of: fn(&Heard) -> Option<String>| {
        let column = heard.iter().map(|heard| of(heard).unwrap_or_default());
        (name.to_owned(), column.collect())
    };
    let columns = [
        ("member".to_owned(), numbers().map(|member| member.to_string()).collect()),
        ("role".to_owned(), both().map(|(status, heard)| heard.role(status)).collect()),
        status("starts", |status| status.starts.to_string()),
        status("term", |status| status.term.to_string()),
        told("vote", |heard| heard.vote.map(|(term, to)| format!("{to} in term {term}"))),
        told("last log", |heard| {
            heard.log.map(|log| format!("{} of term {}", log.index, log.term))
        }),
        status("durable", |status| status.durable.to_string()),
        status("applied", |status| status.applied.to_string()),
        status("revision", |status| status.revision.to_string()),
        told("compacted", |heard| heard.compacted.map(|revision| revision.to_string())),
        status("digest", |status| format!("{:016x}", status.digest)),
        status("installed", |status| status.snapshots_installed.to_string()),
        ("open watches".to_owned(), numbers().map(|member| count(&watches, member)).collect()),
        ("leases".to_owned(), leases(history, members)),
    ];
    columns.into_iter().filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).fold(
        Table { columns: Vec::new(), rows: vec![Vec::new(); members.len()] },
        |mut table, (name, cells): (String, Vec<String>)| {
            table.columns.push(name);
            table.rows.iter_mut().zip(cells).for_each(|(row, cell)| row.push(cell));
            table
        },
    )
}

/// The last that a member told of what its status does not hold.
#[derive(Debug, Default)]
struct Heard {
    is_up: bool,
    is_paused: bool,
    is_learner: bool,
    role: Option<Role>,
    /// The term, and for whom.
    vote: Option<(u64, MemberId)>,
    log: Option<LogId>,
    compacted: Option<i64>,
}

impl Heard {
    fn of(member: MemberId, history: &History, faults: &[FaultRecord]) -> Self {
        let is_paused = |fault: &FaultRecord| {
            let is_member = fault.member.map(|member| member as MemberId) == Some(member);
            is_member
                && fault.place == Place::Process
                && fault.text == "paused"
                && fault.to.is_none()
        };
        let mut heard = Self { is_paused: faults.iter().any(is_paused), ..Self::default() };
        for event in &history.events {
            match event {
                Event::Observed(seen) if seen.member == member => heard.hear(member, &seen.fact),
                Event::CompactedAt { member: of, revision, .. } if *of == member => {
                    heard.compacted = Some(*revision);
                }
                Event::Upkeep(line) if line.member == member => {
                    if let UpkeepRecord::Hash { compacted, .. } = line.record {
                        heard.compacted = Some(compacted);
                    }
                }
                _ => {}
            }
        }
        heard
    }

    fn hear(&mut self, member: MemberId, fact: &Fact) {
        match fact {
            Fact::Started { last_log, .. } => {
                let Self { is_paused, is_learner, vote, .. } = *self;
                let log = Some(*last_log);
                *self = Self { is_up: true, is_paused, is_learner, vote, log, ..Self::default() };
            }
            Fact::Stopped => (self.is_up, self.role) = (false, None),
            Fact::Role { role, .. } => self.role = Some(*role),
            Fact::Voted { term, candidate } => self.vote = Some((*term, *candidate)),
            Fact::Membership { voters, learners, .. } => {
                let votes = voters.iter().flatten().any(|voter| *voter == member);
                self.is_learner = !votes && learners.contains(&member);
            }
            Fact::Truncated { last } => self.log = Some(*last),
            // A log whose end is of a later term has replaced a longer one.
            Fact::Appended { last, .. }
            | Fact::Durable { last }
            | Fact::Committed { last }
            | Fact::Snapshot { last, .. } => self.log = self.log.max(Some(*last)),
            Fact::Acknowledged { term, leader } => self.vote = Some((*term, *leader)),
            Fact::Applied { .. }
            | Fact::Purged { .. }
            | Fact::Damaged
            | Fact::AtRisk { .. }
            | Fact::ReadBegun
            | Fact::ReadGranted { .. }
            | Fact::ReadAsked
            | Fact::ReadAnswered { .. } => {}
        }
    }

    /// What it is, in a word or two.
    fn role(&self, status: &Status) -> String {
        let role = match self.role {
            _ if status.is_removed => "removed",
            _ if !self.is_up => "down",
            _ if status.is_leader => word(Role::Leader),
            _ if self.is_learner => word(Role::Learner),
            Some(role) => word(role),
            None => "started",
        };
        let paused = if self.is_up && self.is_paused { ", paused" } else { "" };
        format!("{role}{paused}")
    }
}

/// The member that serves each watch which, for all that its user knows, goes on.
fn open_watches(history: &History) -> BTreeMap<WatchId, MemberId> {
    let mut open = BTreeMap::new();
    for event in &history.events {
        let Event::Watch(line) = event else { continue };
        match line.record {
            WatchRecord::Canceled { .. } | WatchRecord::Broken { .. } => open.remove(&line.watch),
            _ => open.insert(line.watch, line.member),
        };
    }
    open
}

/// Nothing where nobody watches.
fn count(watches: &BTreeMap<WatchId, MemberId>, member: MemberId) -> String {
    if watches.is_empty() {
        return String::new();
    }
    watches.values().filter(|serving| **serving == member).count().to_string()
}

/// The leases of each member, by the entries that it has applied; nothing where the log has none.
fn leases(history: &History, members: &[Status]) -> Vec<String> {
    let lines: Vec<_> = history
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Lease(line) => Some(line),
            _ => None,
        })
        .collect();
    let count = |status: &Status| {
        let mut leases: BTreeSet<LeaseId> = BTreeSet::new();
        for line in lines.iter().filter(|line| line.index <= status.applied) {
            match line.change {
                LeaseChange::Granted => leases.insert(line.lease),
                LeaseChange::Revoked | LeaseChange::Expired => leases.remove(&line.lease),
            };
        }
        if lines.is_empty() { String::new() } else { leases.len().to_string() }
    };
    members.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use jepsen_like::observation::Observation;

    use super::*;

    fn heard(facts: Vec<Fact>) -> Heard {
        let event = |fact| Event::Observed(Observation { time: 1, member: 2, fact });
        let events: Vec<Event> = facts.into_iter().map(event).collect();
        Heard::of(2, &History::from(events), &[])
    }

    fn started(index: u64) -> Fact {
        Fact::Started { term: 1, last_log: LogId { term: 1, index }, applied: 0, vote: None }
    }

    #[test]
    fn a_member_is_what_it_told_last() {
        let running = Status::default();
        let role = |facts, status: &Status| heard(facts).role(status);
        let follows = || vec![started(1), Fact::Role { role: Role::Follower, term: 1 }];
        assert_eq!(role(vec![], &running), "down");
        assert_eq!(role(vec![started(1)], &running), "started");
        assert_eq!(role(follows(), &running), "follower");
        let joined = Fact::Membership { index: 9, voters: vec![vec![1, 3]], learners: vec![2] };
        assert_eq!(role([follows(), vec![joined]].concat(), &running), "learner");
        assert_eq!(role([follows(), vec![Fact::Stopped]].concat(), &running), "down");
        let removed = Status { is_removed: true, ..running };
        assert_eq!(role(follows(), &removed), "removed");
    }

    #[test]
    fn the_log_ends_where_its_last_entry_was_told_and_a_vote_outlives_a_restart() {
        let at = |term, index| LogId { term, index };
        let told = heard(vec![
            started(4),
            Fact::Voted { term: 3, candidate: 1 },
            Fact::Durable { last: at(1, 9) },
            Fact::Durable { last: at(2, 7) },
            Fact::Durable { last: at(2, 6) },
        ]);
        assert_eq!(told.log, Some(at(2, 7)));
        let again = heard(vec![Fact::Voted { term: 3, candidate: 1 }, started(4)]);
        assert_eq!((again.log, again.vote), (Some(at(1, 4)), Some((3, 1))));
    }
}
