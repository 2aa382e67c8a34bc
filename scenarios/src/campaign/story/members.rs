//! The members at the end of a run, by what they were heard to say.
//!
//! What nobody told is left empty, and what nobody told of any member has no column: a reader must be able to rely on
//! what is there.

use std::collections::{BTreeMap, BTreeSet};

use jepsen_like::history::{
    Event, History, LeaseChange, LeaseId, MemberId, UpkeepRecord, WatchId, WatchRecord,
};
use jepsen_like::observation::{Fact, LogId, Role};
use reports::Table;
use sim::cluster::Status;

use super::plot::word;
use crate::run::{FaultRecord, Place, Ran};

/// A row for each.
pub(super) fn table(ran: &Ran) -> Table {
    let numbers = || 1..=ran.members.len() as MemberId;
    let heard: Vec<Heard> =
        numbers().map(|member| Heard::of(member, &ran.history, &ran.faults)).collect();
    let watches = open_watches(&ran.history);
    let both = || ran.members.iter().zip(&heard);
    let status = |name: &str, of: fn(&Status) -> String| {
        (name.to_owned(), ran.members.iter().map(of).collect::<Vec<String>>())
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
        ("leases".to_owned(), leases(ran)),
    ];
    columns.into_iter().filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).fold(
        Table { columns: Vec::new(), rows: vec![Vec::new(); ran.members.len()] },
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
            | Fact::ReadGranted { .. } => {}
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
fn leases(ran: &Ran) -> Vec<String> {
    let lines: Vec<_> = ran
        .history
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
    ran.members.iter().map(count).collect()
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
