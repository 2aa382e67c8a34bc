//! The invariants of Raft tried on runs: what each of them looks at is told in a real run, and one thing told wrong
//! makes it speak.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use jepsen_like::checker::{Verdict, raft};
use jepsen_like::history::{Event, History, MemberId};
use jepsen_like::observation::{Fact, LogId, Observation, Role, Vote};
use scenarios::run::{Options, simulate};
use scenarios::script::parse;

/// A follower misses more than the log keeps, a leader is cut off, everybody starts again on a
/// disk that has lost its power, and the membership changes.
const SCRIPT: &str = "\
# A self-test.
members 3
snapshot-count 20
clients 3
pace 10ms
duration 12s
at 1s remember follower as slow
at 1s cut slow from all
at 3s heal
at 4s remember leader as old
at 4s cut old from followers
at 6s heal
at 7s power-loss all
at 7500ms restart all
at 9s remove-member follower
";

fn history() -> &'static History {
    static HISTORY: OnceLock<History> = OnceLock::new();
    HISTORY.get_or_init(|| {
        let plan = parse("self-test", SCRIPT).unwrap_or_else(|error| panic!("{error}"));
        simulate(&plan, 7, &Options::default()).history
    })
}

fn facts() -> impl DoubleEndedIterator<Item = (usize, MemberId, &'static Fact)> {
    history().events.iter().enumerate().filter_map(|(at, event)| match event {
        Event::Observed(seen) => Some((at, seen.member, &seen.fact)),
        _ => None,
    })
}

/// The last place at which a fact is of this kind.
fn last(is_meant: impl Fn(&Fact) -> bool) -> (usize, MemberId, Fact) {
    let (at, member, fact) =
        facts().rfind(|(_, _, fact)| is_meant(fact)).expect("the run told such a fact");
    (at, member, fact.clone())
}

/// What the checker says when one fact of the run is replaced by others.
fn broken(at: usize, facts: Vec<Fact>) -> &'static str {
    let mut events = history().events.clone();
    let Event::Observed(seen) = events[at].clone() else { panic!("no observation") };
    let falsified =
        facts.into_iter().map(|fact| Event::Observed(Observation { fact, ..seen.clone() }));
    events.splice(at..=at, falsified);
    match raft::check(&History::from(events)) {
        Verdict::Violation(violation) => violation.guarantee,
        other => panic!("it does not speak: {other:?}"),
    }
}

fn before(last: LogId, by: u64) -> LogId {
    LogId { index: last.index - by, ..last }
}

fn behind(last: LogId, by: u64) -> LogId {
    LogId { index: last.index + by, ..last }
}

#[test]
fn a_run_tells_whatever_an_invariant_looks_at() {
    assert_eq!(raft::check(history()), Verdict::Pass);
    let kind = |fact: &Fact| match fact {
        Fact::Started { vote: None, .. } => "started",
        Fact::Started { vote: Some(_), .. } => "started with a vote",
        Fact::Stopped => "stopped",
        Fact::Role { role: Role::Leader, .. } => "leads",
        Fact::Role { role: Role::Candidate, .. } => "stands for election",
        Fact::Role { .. } => "follows",
        Fact::Voted { .. } => "voted",
        Fact::Acknowledged { .. } => "acknowledged",
        Fact::Appended { .. } => "appended",
        Fact::Truncated { .. } => "truncated",
        Fact::Durable { .. } => "durable",
        Fact::Committed { .. } => "committed",
        Fact::Applied { .. } => "applied",
        Fact::Snapshot { installed: false, .. } => "snapshot built",
        Fact::Snapshot { installed: true, .. } => "snapshot installed",
        Fact::Purged { .. } => "purged",
        Fact::Membership { voters, .. } if voters.len() > 1 => "joint membership",
        Fact::Membership { .. } => "membership",
        Fact::ReadBegun => "read begun",
        Fact::ReadGranted { .. } => "read granted",
        Fact::ReadAsked => "read asked",
        Fact::ReadAnswered { .. } => "read answered",
        // What only a disk shows that lies or is damaged.
        Fact::AtRisk { .. } | Fact::Damaged => "of no sound disk",
    };
    let mut told: BTreeSet<&str> = facts().map(|(_, _, fact)| kind(fact)).collect();
    // Whether a tail is cut in this run hangs on moments: what is told then is tried by hand.
    told.remove("truncated");
    let expected = [
        "started",
        "started with a vote",
        "stopped",
        "leads",
        "stands for election",
        "follows",
        "voted",
        "acknowledged",
        "appended",
        "durable",
        "committed",
        "applied",
        "snapshot built",
        "snapshot installed",
        "purged",
        "joint membership",
        "membership",
        "read begun",
        "read granted",
        "read asked",
        "read answered",
    ];
    assert_eq!(told, expected.into_iter().collect());
}

#[test]
fn what_is_committed_is_not_made_up_of_what_is_applied() {
    let is_apart = |(_, member, fact): &(usize, MemberId, &Fact)| {
        let Fact::Committed { last } = fact else { return false };
        !facts().any(|(_, other, fact)| {
            other == *member && matches!(fact, Fact::Applied { entry, .. } if entry == last)
        })
    };
    let commits = facts().filter(|(_, _, fact)| matches!(fact, Fact::Committed { .. })).count();
    let applied = facts().filter(|(_, _, fact)| matches!(fact, Fact::Applied { .. })).count();
    assert!(commits < applied, "{commits} commits, {applied} applied");
    assert!(facts().filter(is_apart).count() < commits, "what is committed is applied");
}

#[test]
fn an_index_out_of_order_is_noticed_in_a_run() {
    let (at, _, fact) = last(|fact| matches!(fact, Fact::Committed { .. }));
    let Fact::Committed { last: end } = fact.clone() else { unreachable!() };
    assert_eq!(broken(at, vec![Fact::Committed { last: behind(end, 1_000) }]), "STATE_ORDERING");
    let back = Fact::Committed { last: before(end, 1) };
    assert_eq!(broken(at, vec![fact, back]), "MONOTONIC_COMMIT");

    let (at, _, fact) = last(|fact| matches!(fact, Fact::Applied { .. }));
    let Fact::Applied { entry, digest } = fact.clone() else { unreachable!() };
    let early = Fact::Applied { entry: behind(entry, 1_000), digest };
    assert_eq!(broken(at, vec![early]), "STATE_ORDERING");
    assert_eq!(broken(at, vec![fact.clone(), fact]), "MONOTONIC_APPLIED");

    let (at, _, fact) = last(|fact| matches!(fact, Fact::Purged { .. }));
    let Fact::Purged { last: end } = fact else { unreachable!() };
    assert_eq!(broken(at, vec![Fact::Purged { last: behind(end, 1_000) }]), "STATE_ORDERING");
}

#[test]
fn a_snapshot_out_of_order_is_noticed_in_a_run() {
    let (at, _, fact) = last(|fact| matches!(fact, Fact::Snapshot { installed: false, .. }));
    let Fact::Snapshot { last: end, .. } = fact.clone() else { unreachable!() };
    let older = Fact::Snapshot { last: before(end, 1), installed: false };
    assert_eq!(broken(at, vec![fact, older]), "MONOTONIC_SNAPSHOT");
    // The members start again before, and apply more after.
    let (at, _) = first_build();
    let newer = Fact::Snapshot { last: behind(end, 1_000), installed: false };
    assert_eq!(broken(at, vec![newer]), "STATE_ORDERING");
}

fn first_build() -> (usize, Fact) {
    let is_built = |fact: &Fact| matches!(fact, Fact::Snapshot { installed: false, .. });
    let (at, _, fact) = facts().find(|(_, _, fact)| is_built(fact)).expect("one is built");
    (at, fact.clone())
}

#[test]
fn a_start_with_an_older_vote_or_state_is_noticed_in_a_run() {
    let (at, _, fact) = last(|fact| matches!(fact, Fact::Started { vote: Some(_), .. }));
    let Fact::Started { term, vote: Some(vote), last_log, applied } = fact else { unreachable!() };
    let vote = Some(vote);
    let older = Fact::Started { term: term - 1, vote, last_log, applied };
    assert_eq!(broken(at, vec![older]), "MONOTONIC_TERM");
    let other = Some(Vote { candidate: 9, is_committed: false });
    let changed = Fact::Started { term, vote: other, last_log, applied };
    assert_eq!(broken(at, vec![changed]), "MONOTONIC_VOTE");
    let stale = Fact::Started { term, vote, last_log, applied: 1 };
    assert_eq!(broken(at, vec![stale]), "MONOTONIC_SNAPSHOT");
}

#[test]
fn a_read_of_too_old_an_index_is_noticed_in_a_run() {
    let (at, _, fact) = last(|fact| matches!(fact, Fact::ReadGranted { .. }));
    let Fact::ReadGranted { last: read } = fact else { unreachable!() };
    let of_before = Fact::ReadGranted { last: LogId { term: read.term - 1, ..read } };
    assert_eq!(broken(at, vec![of_before]), "READ_INDEX");
    let older = Fact::ReadGranted { last: before(read, 100) };
    assert_eq!(broken(at, vec![older]), "READ_INDEX");
    let (at, _, fact) = last(|fact| matches!(fact, Fact::ReadAnswered { .. }));
    let Fact::ReadAnswered { last: read } = fact else { unreachable!() };
    let older = Fact::ReadAnswered { last: before(read, 100) };
    assert_eq!(broken(at, vec![older]), "READ_INDEX");
}

#[test]
fn bytes_that_are_not_durable_are_noticed_in_a_run() {
    let (at, _, fact) = last(|fact| matches!(fact, Fact::Durable { .. }));
    let Fact::Durable { last: end } = fact.clone() else { unreachable!() };
    let at_risk = Fact::AtRisk { last: end, file: "wal".to_owned(), from: 0 };
    assert_eq!(broken(at, vec![at_risk, fact]), "DURABLE_BYTES");
}
