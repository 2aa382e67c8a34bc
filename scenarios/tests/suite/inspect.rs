//! A run that is stopped and looked into is the run that it would have been.

use std::time::Duration;

use scenarios::campaign::find;
use scenarios::panics::Slot;
use scenarios::run::{Options, inspect, simulate};

#[test]
fn looking_changes_nothing_before_the_moment() {
    let plan = find("power-loss-all").expect("it is in the library").plan(3);
    let options = Options { is_recorded: true, ..Options::default() };
    let whole = simulate(&plan, 3, &options).recording.events;
    for millis in [5, 700, 3_000] {
        let at = Duration::from_millis(millis);
        let found = inspect(&plan, 3, at, None, &Slot::default());
        let before = whole.iter().filter(|event| event.at < at).count();
        let seen = found.digest.count as usize;
        // What happens at the very moment may be before or after it.
        assert!((before..=before + 1).contains(&seen), "{before} and {seen} events at {at:?}");
        assert!(whole[..seen].ends_with(&found.events), "{at:?}");
        assert_eq!(found.members.len(), plan.cluster.members);
    }
}

#[test]
fn what_is_durable_is_what_a_member_told_and_no_more_than_it_sees() {
    let plan = find("power-loss-all").expect("it is in the library").plan(3);
    let mut ahead = 0;
    for millis in (1_000..2_000).step_by(250) {
        let found = inspect(&plan, 3, Duration::from_millis(millis), None, &Slot::default());
        for member in found.members {
            let current = member.current.expect("a running member could start again");
            let durable = member.durable.expect("and after a loss of power as well");
            let last = |content: &sim::cluster::Content| content.log.last().map(|last| last.index);
            assert!(last(&durable) >= Some(member.status.durable), "{millis} ms {}", member.number);
            assert!(last(&durable) <= last(&current), "{millis} ms {}", member.number);
            assert!(durable.applied <= current.applied, "{millis} ms {}", member.number);
            assert!(durable.revision <= member.status.revision, "{millis} ms {}", member.number);
            ahead += usize::from(durable.applied < Some(member.status.applied));
        }
    }
    assert!(ahead > 0, "no member had applied more than its database covers");
}
