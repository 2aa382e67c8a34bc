//! Raft's invariants: each named violation is found and told, and legal twins pass.

use jepsen_like::history::{Event, MemberId};
use jepsen_like::observation::{Fact, LogId, Observation, Role};

use crate::support::story::Story;

fn told(facts: &[(MemberId, Fact)]) -> Story {
    facts.iter().zip(1..).fold(Story::default(), |story, ((member, fact), time)| {
        story.event(Event::Observed(Observation { time, member: *member, fact: fact.clone() }))
    })
}

fn breaks(facts: &[(MemberId, Fact)], guarantee: &str, words: &[&str]) {
    told(facts).breaks("raft", guarantee, words);
}

fn id(term: u64, index: u64) -> LogId {
    LogId { term, index }
}

fn leads(term: u64) -> Fact {
    Fact::Role { role: Role::Leader, term }
}

fn follows(term: u64) -> Fact {
    Fact::Role { role: Role::Follower, term }
}

fn applied(term: u64, index: u64, digest: u64) -> Fact {
    Fact::Applied { entry: id(term, index), digest }
}

fn committed(term: u64, index: u64) -> Fact {
    Fact::Committed { last: id(term, index) }
}

fn durable(term: u64, index: u64) -> Fact {
    Fact::Durable { last: id(term, index) }
}

fn three() -> Fact {
    Fact::Membership { index: 0, voters: vec![vec![1, 2, 3]], learners: vec![] }
}

#[test]
fn an_orderly_life_is_legal() {
    told(&[
        (1, Fact::Started { term: 0, last_log: id(0, 0), applied: 0 }),
        (1, three()),
        (1, Fact::Voted { term: 1, candidate: 1 }),
        (2, Fact::Voted { term: 1, candidate: 1 }),
        (1, leads(1)),
        (2, follows(1)),
        (1, Fact::Appended { from: id(1, 1), last: id(1, 3) }),
        (1, durable(1, 3)),
        (2, durable(1, 3)),
        (3, durable(0, 0)),
        (1, committed(1, 3)),
        (1, applied(1, 1, 11)),
        (2, applied(1, 1, 11)),
        (1, applied(1, 2, 12)),
        (1, Fact::Snapshot { last: id(1, 2), installed: false }),
        (1, Fact::Purged { last: id(1, 2) }),
        (3, Fact::Snapshot { last: id(1, 2), installed: true }),
        (3, Fact::Appended { from: id(1, 3), last: id(1, 3) }),
        (3, committed(1, 3)),
        (3, applied(1, 3, 13)),
        (1, Fact::Stopped),
        (1, Fact::Started { term: 1, last_log: id(1, 3), applied: 1 }),
        (1, applied(1, 2, 12)),
        (2, leads(2)),
    ])
    .is_legal();
}

#[test]
fn two_leaders_in_a_term_are_told() {
    breaks(&[(1, leads(3)), (2, leads(3))], "ELECTION_SAFETY", &["term 3", "member 1"]);
}

#[test]
fn two_votes_in_a_term_are_told() {
    let vote = |candidate| Fact::Voted { term: 2, candidate };
    breaks(
        &[
            (1, vote(1)),
            (1, Fact::Stopped),
            (1, Fact::Started { term: 2, last_log: id(0, 0), applied: 0 }),
            (1, vote(3)),
        ],
        "VOTE_ONCE",
        &["term 2", "member 1 and for member 3"],
    );
}

#[test]
fn a_term_that_goes_back_is_told() {
    breaks(&[(1, follows(4)), (1, follows(3))], "MONOTONIC_TERM", &["from 4 to 3"]);
    let restart = Fact::Started { term: 1, last_log: id(0, 0), applied: 0 };
    breaks(
        &[(1, Fact::Voted { term: 2, candidate: 3 }), (1, restart)],
        "MONOTONIC_TERM",
        &["from 2 to 1"],
    );
}

#[test]
fn indexes_that_go_back_are_told() {
    breaks(&[(1, committed(1, 4)), (1, committed(1, 3))], "MONOTONIC_COMMIT", &["from 4 to 3"]);
    breaks(
        &[(1, applied(1, 4, 0)), (1, applied(1, 4, 0))],
        "MONOTONIC_APPLIED",
        &["index 4 after index 4"],
    );
}

#[test]
fn logs_that_differ_are_told() {
    breaks(&[(1, applied(1, 4, 7)), (2, applied(2, 4, 7))], "LOG_MATCHING", &["index 4", "term 2"]);
    breaks(&[(1, applied(1, 4, 7)), (2, applied(1, 4, 8))], "STATE_MACHINE_SAFETY", &["index 4"]);
    breaks(&[(1, committed(1, 4)), (2, committed(2, 4))], "COMMITTED_IMMUTABLE", &["index 4"]);
}

#[test]
fn a_committed_entry_that_leaves_a_disk_is_told() {
    let life =
        |after: Fact| [(2, durable(3, 9)), (1, committed(3, 7)), (2, Fact::Stopped), (2, after)];
    let restart = |term, index| Fact::Started { term: 4, last_log: id(term, index), applied: 0 };
    told(&life(restart(3, 7))).is_legal();
    told(&life(durable(4, 8))).is_legal();
    breaks(&life(restart(3, 6)), "COMMITTED_KEPT", &["member 2", "index 6", "index 7 of term 3"]);
    breaks(&life(restart(2, 9)), "COMMITTED_KEPT", &["index 9 of term 2"]);
    breaks(&life(durable(3, 6)), "COMMITTED_KEPT", &["index 6"]);
    // Of another leader's log nobody knows whether the entry is in it.
    told(&[(2, durable(2, 9)), (1, committed(3, 7)), (2, durable(2, 6))]).is_legal();
}

#[test]
fn a_commit_without_a_durable_quorum_is_told() {
    breaks(
        &[
            (1, three()),
            (1, durable(2, 5)),
            (2, durable(1, 9)),
            (3, durable(2, 4)),
            (1, leads(2)),
            (1, committed(2, 5)),
        ],
        "COMMITTED_ON_QUORUM",
        &["index 5", "on 1 of 3 voters"],
    );
}

#[test]
fn a_joint_membership_needs_both_quorums() {
    let voters = vec![vec![1, 2, 3], vec![3, 4, 5]];
    let joint = Fact::Membership { index: 1, voters, learners: vec![] };
    let mut facts = vec![(1, joint), (1, leads(2))];
    facts.extend([1, 2, 3].map(|member| (member, durable(2, 5))));
    facts.extend([4, 5].map(|member| (member, durable(1, 1))));
    facts.push((1, committed(2, 5)));
    breaks(&facts, "COMMITTED_ON_QUORUM", &["on 1 of 3 voters"]);
}

#[test]
fn a_leader_without_committed_entries_is_told() {
    breaks(
        &[
            (1, committed(1, 6)),
            (2, Fact::Appended { from: id(1, 1), last: id(1, 5) }),
            (2, leads(2)),
        ],
        "LEADER_COMPLETENESS",
        &["ends at index 5", "index 6 of term 1"],
    );
}

#[test]
fn a_state_out_of_order_is_told() {
    breaks(&[(1, committed(1, 3)), (1, applied(1, 4, 0))], "STATE_ORDERING", &["applied index 4"]);
    let snapshot = Fact::Snapshot { last: id(1, 9), installed: false };
    breaks(&[(1, applied(1, 4, 0)), (1, snapshot)], "STATE_ORDERING", &["index 9", "only 4"]);
    breaks(&[(1, Fact::Purged { last: id(1, 9) })], "STATE_ORDERING", &["purged to index 9"]);
    breaks(
        &[(1, Fact::Appended { from: id(1, 1), last: id(1, 2) }), (1, committed(1, 3))],
        "STATE_ORDERING",
        &["log ends at 2"],
    );
}
