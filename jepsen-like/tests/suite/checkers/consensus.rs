//! Raft's invariants: each named violation is found and told, and legal twins pass.

use jepsen_like::history::{Event, MemberId};
use jepsen_like::observation::{Fact, LogId, Observation, Role, Vote};

use crate::checkers::support::story::Story;

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

fn voted(term: u64, candidate: MemberId) -> Fact {
    Fact::Voted { term, candidate }
}

fn acknowledged(term: u64, leader: MemberId) -> Fact {
    Fact::Acknowledged { term, leader }
}

fn starts(term: u64, candidate: MemberId, is_committed: bool, applied: u64) -> Fact {
    let vote = Some(Vote { candidate, is_committed });
    Fact::Started { term, vote, last_log: id(0, 0), applied }
}

fn snapshot(index: u64, installed: bool) -> Fact {
    Fact::Snapshot { last: id(1, index), installed }
}

fn three() -> Fact {
    Fact::Membership { index: 0, voters: vec![vec![1, 2, 3]], learners: vec![] }
}

#[test]
fn an_orderly_life_is_legal() {
    told(&[
        (1, Fact::Started { term: 0, vote: None, last_log: id(0, 0), applied: 0 }),
        (1, three()),
        (1, voted(1, 1)),
        (2, voted(1, 1)),
        (1, acknowledged(1, 1)),
        (1, leads(1)),
        (2, acknowledged(1, 1)),
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
        (1, Fact::Started { term: 1, vote: None, last_log: id(1, 3), applied: 2 }),
        (1, applied(1, 3, 13)),
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
    let vote = |candidate| voted(2, candidate);
    breaks(
        &[
            (1, vote(1)),
            (1, Fact::Stopped),
            (1, Fact::Started { term: 2, vote: None, last_log: id(0, 0), applied: 0 }),
            (1, vote(3)),
        ],
        "VOTE_ONCE",
        &["term 2", "member 1 and for member 3"],
    );
}

#[test]
fn a_candidate_that_voted_for_somebody_else_is_told() {
    let stands = |term| Fact::Role { role: Role::Candidate, term };
    told(&[(1, voted(2, 1)), (1, stands(2)), (1, leads(2))]).is_legal();
    told(&[(1, stands(2)), (1, Fact::Stopped), (1, voted(2, 3))]).is_legal();
    told(&[(1, voted(2, 3)), (1, stands(3))]).is_legal();
    breaks(
        &[(1, voted(2, 3)), (1, stands(2))],
        "VOTE_ONCE",
        &["stands for election in term 2", "voted for member 3"],
    );
}

#[test]
fn a_term_that_goes_back_is_told() {
    breaks(&[(1, follows(4)), (1, follows(3))], "MONOTONIC_TERM", &["from 4 to 3"]);
    let restart = Fact::Started { term: 1, vote: None, last_log: id(0, 0), applied: 0 };
    breaks(
        &[(1, Fact::Voted { term: 2, candidate: 3 }), (1, restart)],
        "MONOTONIC_TERM",
        &["from 2 to 1"],
    );
}

#[test]
fn a_role_that_is_told_late_is_no_term_that_goes_back() {
    told(&[(1, leads(2)), (1, voted(3, 2)), (1, follows(2)), (1, follows(3))]).is_legal();
    let restart = Fact::Started { term: 2, vote: None, last_log: id(0, 0), applied: 0 };
    // A role may be told of a term that is not on the disk yet.
    told(&[(1, follows(3)), (1, restart.clone()), (1, follows(2))]).is_legal();
    breaks(&[(1, restart), (1, follows(1))], "MONOTONIC_TERM", &["from 2 to 1"]);
}

#[test]
fn a_vote_that_goes_back_is_told() {
    let legal = |before, after| told(&[(1, before), (1, Fact::Stopped), (1, after)]).is_legal();
    legal(voted(2, 3), starts(2, 3, false, 0));
    legal(voted(2, 3), starts(2, 1, true, 0));
    legal(voted(2, 3), starts(3, 0, false, 0));
    legal(acknowledged(2, 3), voted(3, 1));
    let breaks = |before, after, words: &[&str]| {
        breaks(&[(1, before), (1, Fact::Stopped), (1, after)], "MONOTONIC_VOTE", words);
    };
    breaks(voted(2, 3), starts(2, 1, false, 0), &["from member 3 in term 2 to member 1 in term 2"]);
    breaks(acknowledged(2, 3), starts(2, 3, false, 0), &["leader of term 2 to member 3 in term 2"]);
    breaks(acknowledged(2, 3), voted(2, 3), &["to member 3 in term 2"]);
    breaks(acknowledged(2, 3), acknowledged(2, 1), &["to member 1 as the leader"]);
    // Of a disk that was damaged or lost nothing is asked.
    told(&[(1, voted(2, 3)), (1, Fact::Damaged), (1, starts(1, 1, false, 0))]).is_legal();
}

#[test]
fn two_leaders_whom_others_acknowledge_are_told() {
    let facts = [(1, acknowledged(3, 1)), (2, acknowledged(3, 2))];
    breaks(&facts, "ELECTION_SAFETY", &["it leads term 3", "member 1"]);
}

#[test]
fn a_snapshot_that_goes_back_is_told() {
    let life = |facts: &[Fact]| -> Vec<(MemberId, Fact)> {
        let before = [applied(1, 9, 0), snapshot(7, false), Fact::Stopped];
        before.iter().chain(facts).map(|fact| (1, fact.clone())).collect()
    };
    told(&life(&[starts(0, 1, false, 7), snapshot(9, true)])).is_legal();
    told(&life(&[Fact::Damaged, starts(0, 1, false, 6)])).is_legal();
    let older = [starts(0, 1, false, 6)];
    breaks(&life(&older), "MONOTONIC_SNAPSHOT", &["state of index 6", "snapshot of index 7"]);
    let built = [starts(0, 1, false, 9), snapshot(8, false)];
    breaks(&life(&built), "MONOTONIC_SNAPSHOT", &["from index 9 to 8"]);
    let installed = [starts(0, 1, false, 9), snapshot(8, true)];
    breaks(&life(&installed), "MONOTONIC_SNAPSHOT", &["from index 9 to 8"]);
}

#[test]
fn what_is_said_to_be_durable_and_is_not_is_told() {
    let at_risk = Fact::AtRisk { last: id(2, 5), file: "wal-1".to_owned(), from: 1_536 };
    let words = ["member 1", "index 5 of term 2", "wal-1 from byte 1536"];
    breaks(&[(1, at_risk), (1, durable(2, 5))], "DURABLE_BYTES", &words);
}

#[test]
fn a_read_by_a_leader_that_was_superseded_is_told() {
    let granted = |term, index| Fact::ReadGranted { last: id(term, index) };
    let old = || (1, committed(2, 5));
    let begun = || (1, Fact::ReadBegun);
    told(&[old(), begun(), (1, granted(2, 5))]).is_legal();
    // Elected after the round began, which a quorum had answered by then perhaps.
    told(&[old(), begun(), (2, committed(3, 6)), (1, granted(2, 5))]).is_legal();
    breaks(
        &[old(), (2, committed(3, 6)), begun(), (1, granted(2, 5))],
        "READ_INDEX",
        &["leader of term 2", "index 5", "member 2 knew index 6 of term 3"],
    );
    breaks(
        &[old(), (2, committed(2, 6)), begun(), (1, granted(2, 5))],
        "READ_INDEX",
        &["index 5", "index 6 of term 2"],
    );
    // A follower's rounds are its own, and not those of a time as the leader.
    let (asked, answered) =
        ((1, Fact::ReadAsked), |term, index| Fact::ReadAnswered { last: id(term, index) });
    told(&[
        old(),
        begun(),
        (2, committed(3, 6)),
        asked.clone(),
        (1, granted(2, 5)),
        (1, answered(3, 6)),
    ])
    .is_legal();
    breaks(
        &[old(), (2, committed(3, 6)), asked, (1, answered(2, 5))],
        "READ_INDEX",
        &["leader of term 2", "index 5", "member 2 knew index 6 of term 3"],
    );
    // Another life has rounds of its own.
    let restart = (1, starts(2, 1, true, 0));
    told(&[(2, committed(3, 6)), begun(), restart, (1, granted(2, 5))]).is_legal();
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
    let restart =
        |term, index| Fact::Started { term: 4, vote: None, last_log: id(term, index), applied: 0 };
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
    let ahead = [applied(1, 4, 0), snapshot(9, false), applied(1, 5, 0)].map(|fact| (1, fact));
    breaks(&ahead, "STATE_ORDERING", &["index 9", "only 4"]);
    // A received snapshot takes the place of the state, and one that is built of it is told first.
    let received = [applied(1, 4, 0), snapshot(9, false), snapshot(9, true), applied(1, 10, 0)];
    told(&received.map(|fact| (1, fact))).is_legal();
    breaks(&[(1, Fact::Purged { last: id(1, 9) })], "STATE_ORDERING", &["purged to index 9"]);
    breaks(
        &[(1, Fact::Appended { from: id(1, 1), last: id(1, 2) }), (1, committed(1, 3))],
        "STATE_ORDERING",
        &["log ends at 2"],
    );
}

/// One thing told wrong for each guarantee that has nothing to do with a change of the membership.
pub(crate) fn falsified() -> Vec<(&'static str, Story)> {
    let restart = |index| Fact::Started { term: 3, vote: None, last_log: id(3, index), applied: 0 };
    let at_risk = Fact::AtRisk { last: id(2, 5), file: "wal-1".to_owned(), from: 1_536 };
    let granted = Fact::ReadGranted { last: id(2, 5) };
    let short = Fact::Appended { from: id(1, 1), last: id(1, 5) };
    let of_three = |rest: &[(MemberId, Fact)]| [&[(1, three())], rest].concat();
    let rows: Vec<(&'static str, Vec<(MemberId, Fact)>)> = vec![
        ("MONOTONIC_TERM", vec![(1, follows(4)), (1, follows(3))]),
        (
            "VOTE_ONCE",
            vec![(1, voted(2, 1)), (1, voted(3, 1)), (1, Fact::Damaged), (1, voted(2, 3))],
        ),
        ("MONOTONIC_VOTE", vec![(1, voted(2, 3)), (1, starts(2, 1, false, 0))]),
        ("ELECTION_SAFETY", vec![(1, leads(3)), (2, leads(3))]),
        ("ELECTED_BY_QUORUM", of_three(&[(2, voted(2, 3)), (3, voted(2, 3)), (1, leads(2))])),
        ("LEADER_COMPLETENESS", vec![(1, committed(1, 6)), (2, short), (2, leads(2))]),
        ("LOG_MATCHING", vec![(1, applied(1, 4, 7)), (2, applied(2, 4, 7))]),
        ("STATE_MACHINE_SAFETY", vec![(1, applied(1, 4, 7)), (2, applied(1, 4, 8))]),
        ("COMMITTED_IMMUTABLE", vec![(1, committed(1, 4)), (2, committed(2, 4))]),
        (
            "COMMITTED_ON_QUORUM",
            of_three(&[
                (1, durable(2, 5)),
                (2, durable(1, 9)),
                (3, durable(2, 4)),
                (1, leads(2)),
                (1, committed(2, 5)),
            ]),
        ),
        ("DURABLE_BYTES", vec![(1, at_risk), (1, durable(2, 5))]),
        ("COMMITTED_KEPT", vec![(2, durable(3, 9)), (1, committed(3, 7)), (2, restart(6))]),
        ("MONOTONIC_COMMIT", vec![(1, committed(1, 4)), (1, committed(1, 3))]),
        ("MONOTONIC_APPLIED", vec![(1, applied(1, 4, 0)), (1, applied(1, 4, 0))]),
        (
            "MONOTONIC_SNAPSHOT",
            vec![(1, applied(1, 9, 0)), (1, snapshot(7, false)), (1, snapshot(6, false))],
        ),
        ("STATE_ORDERING", vec![(1, committed(1, 3)), (1, applied(1, 4, 0))]),
        ("READ_INDEX", vec![(2, committed(3, 6)), (1, Fact::ReadBegun), (1, granted)]),
    ];
    rows.into_iter().map(|(guarantee, facts)| (guarantee, told(&facts))).collect()
}
