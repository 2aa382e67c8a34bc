//! Raft's invariants while the membership changes: legal changes pass, each broken rule is told.

use jepsen_like::history::{Event, MemberId};
use jepsen_like::observation::{Fact, LogId, Observation, Role};

use crate::checkers::support::story::Story;

fn told(facts: &[(MemberId, Fact)]) -> Story {
    facts.iter().zip(1..).fold(Story::default(), |story, ((member, fact), time)| {
        story.event(Event::Observed(Observation { time, member: *member, fact: fact.clone() }))
    })
}

fn id(index: u64) -> LogId {
    LogId { term: 2, index }
}

fn durable(index: u64) -> Fact {
    Fact::Durable { last: id(index) }
}

fn committed(index: u64) -> Fact {
    Fact::Committed { last: id(index) }
}

fn leads(term: u64) -> Fact {
    Fact::Role { role: Role::Leader, term }
}

fn voted(term: u64, candidate: MemberId) -> Fact {
    Fact::Voted { term, candidate }
}

fn configuration(index: u64, voters: &[&[MemberId]], learners: &[MemberId]) -> Fact {
    let voters = voters.iter().map(|set| set.to_vec()).collect();
    Fact::Membership { index, voters, learners: learners.to_vec() }
}

/// The same from several members.
fn each(members: &[MemberId], fact: &Fact) -> Vec<(MemberId, Fact)> {
    members.iter().map(|member| (*member, fact.clone())).collect()
}

/// Members 1 to 3 with a leader, 1, in term 2; what happens then, and the name of what breaks.
fn after_three(facts: impl IntoIterator<Item = (MemberId, Fact)>) -> Story {
    let mut all = each(&[1, 2, 3], &configuration(0, &[&[1, 2, 3]], &[]));
    all.extend(each(&[1, 2], &voted(2, 1)));
    all.push((1, leads(2)));
    all.extend(facts);
    told(&all)
}

/// One becomes the next by a joint configuration, each step committed before the other.
fn replaced() -> Vec<(MemberId, Fact)> {
    let mut facts = each(&[1, 2, 3, 4], &durable(5));
    let joint = configuration(5, &[&[1, 2, 3], &[1, 3, 4]], &[]);
    facts.extend(each(&[1, 2, 3, 4], &joint));
    facts.push((1, committed(5)));
    let after = configuration(6, &[&[1, 3, 4]], &[]);
    facts.extend(each(&[1, 3, 4], &after));
    facts.extend(each(&[1, 4], &durable(6)));
    facts.push((1, committed(6)));
    facts
}

#[test]
fn a_member_is_replaced_through_a_joint_configuration() {
    // K8.
    after_three(replaced()).is_legal();
}

#[test]
fn a_learner_counts_in_no_quorum() {
    // Mutant R12.
    let with_learner = configuration(4, &[&[1, 2, 3]], &[4]);
    let mut facts = each(&[1, 2, 3, 4], &with_learner);
    facts.extend(each(&[1, 4], &durable(7)));
    facts.extend(each(&[2, 3], &durable(4)));
    facts.push((1, committed(7)));
    after_three(facts).breaks("raft", "COMMITTED_ON_QUORUM", &["index 7", "on 1 of 3 voters"]);
}

#[test]
fn a_removed_member_counts_no_longer() {
    // Mutant C02.
    let mut facts = replaced();
    facts.extend(each(&[1, 2], &durable(9)));
    facts.push((1, committed(9)));
    after_three(facts).breaks("raft", "COMMITTED_ON_QUORUM", &["index 9", "on 1 of 3 voters"]);
}

#[test]
fn a_joint_configuration_commits_with_both_quorums() {
    // Mutant R13.
    let joint = configuration(5, &[&[1, 2, 3], &[1, 4, 5]], &[]);
    let one_side = |members: &[MemberId]| {
        let mut facts = each(&[1, 2, 3, 4, 5], &durable(0));
        facts.extend(each(&[1, 2, 3], &joint));
        facts.extend(each(members, &durable(5)));
        facts.push((1, committed(5)));
        after_three(facts)
    };
    one_side(&[1, 2, 4]).is_legal();
    one_side(&[1, 2, 3]).breaks("raft", "COMMITTED_ON_QUORUM", &["on 1 of 3 voters"]);
    one_side(&[1, 4, 5]).breaks("raft", "COMMITTED_ON_QUORUM", &["on 1 of 3 voters"]);
}

#[test]
fn what_was_committed_before_a_change_may_be_told_after_it() {
    let mut facts = each(&[1, 2], &durable(4));
    facts.extend(each(&[3, 4, 5], &durable(0)));
    facts.push((1, configuration(5, &[&[1, 2, 3], &[1, 4, 5]], &[])));
    facts.push((1, committed(4)));
    after_three(facts).is_legal();
}

#[test]
fn a_change_that_is_cut_off_is_in_force_no_longer() {
    // Mutant R15.
    let mut facts = each(&[1, 2, 3], &durable(6));
    facts.push((1, configuration(5, &[&[1, 2, 3], &[1, 4, 5]], &[])));
    facts.push((1, configuration(0, &[&[1, 2, 3]], &[])));
    facts.push((1, committed(6)));
    after_three(facts).is_legal();
}

#[test]
fn a_leader_is_elected_by_a_quorum_that_votes() {
    let elect = |voters: &[MemberId]| {
        let mut facts = each(&[4, 5], &voted(1, 9));
        facts.extend(each(&[1, 2, 3], &configuration(0, &[&[1, 2, 3]], &[4, 5])));
        facts.extend(each(&[1, 2, 3], &voted(1, 3)));
        facts.extend(each(voters, &voted(2, 1)));
        facts.push((1, leads(2)));
        told(&facts)
    };
    elect(&[1, 3]).is_legal();
    elect(&[1, 4, 5]).breaks("raft", "ELECTED_BY_QUORUM", &["term 2", "1 of 3 voters"]);
}

#[test]
fn a_joint_configuration_elects_with_both_quorums() {
    let elect = |voters: &[MemberId]| {
        let joint = configuration(5, &[&[1, 2, 3], &[1, 4, 5]], &[]);
        let mut facts = each(&[1, 2, 3, 4, 5], &voted(1, 9));
        facts.extend(each(&[1, 2, 3, 4, 5], &joint));
        facts.extend(each(voters, &voted(2, 1)));
        facts.push((1, leads(2)));
        told(&facts)
    };
    elect(&[1, 2, 5]).is_legal();
    elect(&[1, 2, 3]).breaks("raft", "ELECTED_BY_QUORUM", &["1 of 3 voters"]);
}

#[test]
fn who_has_no_vote_does_not_lead() {
    let mut facts = each(&[1, 2, 3, 4], &configuration(0, &[&[1, 2, 3]], &[4]));
    facts.push((4, leads(2)));
    told(&facts).breaks("raft", "ELECTED_BY_QUORUM", &["has no vote itself"]);
}

#[test]
fn who_is_let_go_leads_until_it_knows_that_it_is_committed() {
    let elect = |since: &[Fact], voters: &[MemberId]| {
        let everybody = [1, 2, 3, 4];
        let mut facts = each(&everybody, &configuration(0, &[&everybody], &[]));
        facts.extend(each(&everybody, &durable(6)));
        facts.extend(each(&everybody, &configuration(5, &[&everybody, &[1, 2, 3]], &[])));
        facts.extend(each(&everybody, &committed(5)));
        facts.extend(each(&everybody, &configuration(6, &[&[1, 2, 3]], &[])));
        facts.extend(each(&everybody, &voted(1, 9)));
        // All start again, and tell of nothing but what their logs end with.
        let started = Fact::Started { term: 1, vote: None, last_log: id(6), applied: 5 };
        facts.extend(each(&everybody, &started));
        facts.extend(each(&everybody, &configuration(6, &[&[1, 2, 3]], &[])));
        facts.extend(since.iter().map(|fact| (4, fact.clone())));
        facts.extend(each(voters, &voted(2, 4)));
        facts.push((4, leads(2)));
        told(&facts)
    };
    elect(&[], &[1, 2, 4]).is_legal();
    elect(&[], &[1, 4]).breaks("raft", "ELECTED_BY_QUORUM", &["1 of 3 voters"]);
    let breaks = |since: &[Fact]| {
        elect(since, &[1, 2, 4]).breaks("raft", "ELECTED_BY_QUORUM", &["has no vote itself"]);
    };
    breaks(&[committed(6)]);
    // It had led that term before it started, and was not elected since.
    breaks(&[leads(1)]);
    breaks(&[configuration(5, &[&[1, 2, 3]], &[4]), configuration(6, &[&[1, 2, 3]], &[])]);
}

#[test]
fn members_that_tell_nothing_of_their_votes_or_disks_prove_nothing() {
    let mut facts = each(&[1, 2, 3], &configuration(0, &[&[1, 2, 3]], &[]));
    facts.extend([(1, leads(2)), (1, durable(3)), (1, committed(3))]);
    told(&facts).is_legal();
}

#[test]
fn a_configuration_is_the_same_for_everybody() {
    let facts = [
        (1, configuration(4, &[&[1, 2, 3]], &[4])),
        (1, committed(4)),
        (2, configuration(4, &[&[1, 2, 3, 4]], &[])),
        (2, committed(4)),
    ];
    let words = ["index 4 is {1 2 3 4}", "{1 2 3} with learners {4} to member 1"];
    after_three(facts).breaks("raft", "CONFIGURATION_MATCHING", &words);
}

#[test]
fn a_change_whose_quorums_need_not_meet_is_told() {
    let step = |voters: &[&[MemberId]]| {
        after_three([(1, committed(3)), (1, configuration(4, voters, &[])), (1, committed(4))])
    };
    step(&[&[1, 2, 3, 4]]).is_legal();
    step(&[&[1, 2]]).is_legal();
    step(&[&[3, 4, 5], &[1, 2, 3]]).is_legal();
    step(&[&[1, 4, 5]]).breaks("raft", "ONE_CHANGE", &["{1 2 3} at index 0", "{1 4 5}"]);
}

#[test]
fn who_was_removed_stays_removed() {
    // G65.
    let mut facts = replaced();
    facts.push((1, configuration(8, &[&[1, 3, 4]], &[2])));
    facts.extend(each(&[1, 3, 4], &durable(8)));
    facts.push((1, committed(8)));
    after_three(facts).breaks("raft", "NEVER_RETURNS", &["member 2 was removed"]);
}

/// One thing told wrong for each guarantee of configurations.
pub(crate) fn falsified() -> Vec<(&'static str, Story)> {
    let differs = [
        (1, configuration(4, &[&[1, 2, 3]], &[4])),
        (1, committed(4)),
        (2, configuration(4, &[&[1, 2, 3, 4]], &[])),
        (2, committed(4)),
    ];
    let jump = [(1, committed(3)), (1, configuration(4, &[&[1, 4, 5]], &[])), (1, committed(4))];
    let mut returns = replaced();
    returns.push((1, configuration(8, &[&[1, 3, 4]], &[2])));
    returns.extend(each(&[1, 3, 4], &durable(8)));
    returns.push((1, committed(8)));
    vec![
        ("CONFIGURATION_MATCHING", after_three(differs)),
        ("ONE_CHANGE", after_three(jump)),
        ("NEVER_RETURNS", after_three(returns)),
    ]
}
