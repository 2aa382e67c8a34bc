//! Linearizable reads at a follower: in a cluster of three its own vote is all that the leader needs to answer.

use jepsen_like::history::Event;
use jepsen_like::observation::Fact;
use reports::Verdict;
use scenarios::run::{Options, judge, simulate};
use scenarios::script::parse;

/// In a calm cluster with one client: how often followers were answered, and how often the leader asked a quorum for
/// them meanwhile.
fn rounds(members: usize) -> (usize, usize) {
    let script = format!(
        "# A test.\nmembers {members}\nmix put 10 range 90 delete 0 txn 0 cas 0 compact 0\nclients 1\npace 5ms\n\
         duration 8s\n"
    );
    let plan = parse("reads", &script).unwrap_or_else(|error| panic!("{error}"));
    let ran = simulate(&plan, 7, &Options::default());
    assert_eq!(judge(&plan, &ran).verdict, Verdict::Pass);
    let (mut asking, mut answered, mut confirmed) = (false, 0, 0);
    for event in &ran.history.events {
        let Event::Observed(seen) = event else { continue };
        match seen.fact {
            Fact::ReadAsked => asking = true,
            Fact::ReadBegun if asking => confirmed += 1,
            Fact::ReadAnswered { .. } => {
                asking = false;
                answered += 1;
            }
            _ => {}
        }
    }
    (answered, confirmed)
}

#[test]
fn a_leader_of_three_believes_the_follower_that_asks() {
    let (answered, confirmed) = rounds(3);
    assert!(answered > 50 && confirmed == 0, "{confirmed} of {answered}");
}

#[test]
fn a_leader_of_five_asks_others_as_well() {
    let (answered, confirmed) = rounds(5);
    assert!(answered > 50 && confirmed == answered, "{confirmed} of {answered}");
}
