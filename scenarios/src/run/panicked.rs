//! A member that panics is what a run is to find; the harness that panics shows nothing.
//!
//! The place tells whose code it was. Libraries that both use are whoever's machine they ran on.

use sim::Panic;

use super::members::Members;
use crate::panics::{Slot, is_of_harness, is_of_member};

/// What is found when a task panicked.
///
/// # Panics
///
/// If it was the harness, with the same words.
pub(super) fn found(panic: &Panic, members: &Members, slot: Option<&Slot>) -> String {
    let told = slot.and_then(Slot::first);
    // Only what was put into the slot tells the place.
    let message = told.unwrap_or_else(|| panic.message.clone());
    let member = members.on_machine(&panic.machine);
    let is_member = is_of_member(&message) || (member.is_some() && !is_of_harness(&message));
    assert!(is_member, "{} panicked: {message}", panic.machine);
    let who = member.map_or(panic.machine.clone(), |member| format!("member {member}"));
    format!("{who} panicked at {:?}: {message}", panic.at)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use openraft_rt::AsyncRuntime;
    use sim::network::NetworkOptions;
    use sim::{SimRuntime, Trace, World};

    use crate::panics::{MEMBER_PANIC, Slot};
    use crate::run::phases::{Options, Ran, Run};
    use crate::script;

    const SCRIPT: &str = "# Nothing is done to anybody.\nmembers 3\nclients 2\nduration 10s\n";

    /// A run in which a task on the machine of a member comes to this after a second.
    fn run(end: fn()) -> (Slot, Option<Ran>) {
        let slot = Slot::default();
        let inside = slot.clone();
        slot.enter();
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            sim::run(7, move || async move {
                inside.enter();
                let world = World::new(Trace::default(), NetworkOptions::default());
                world.keep_panics();
                let options = Options { panics: Some(inside), ..Options::default() };
                let plan = script::parse("quiet", SCRIPT).expect("it is a script");
                let run = Run::boot(world, plan, &options);
                drop(run.cluster().host(2).spawn(async move {
                    SimRuntime::sleep(Duration::from_secs(1)).await;
                    end();
                }));
                run.run().await
            })
        }));
        Slot::leave();
        (slot, attempt.ok())
    }

    #[test]
    fn a_panic_on_the_machine_of_a_member_ends_the_run_with_all_that_was_seen() {
        // The place of this one is in the library, and not here.
        let (_, ran) = run(|| drop(bytes::Bytes::new().slice(1..2)));
        let ran = ran.expect("the run has an end of its own");
        let [finding] = &ran.findings[..] else { panic!("{:?}", ran.findings) };
        assert_eq!(finding.checker, MEMBER_PANIC);
        assert!(finding.message.starts_with("member 2 panicked at 1."), "{finding:?}");
        assert!(finding.message.contains("/bytes-1."), "the place is told: {finding:?}");
        assert!(ran.simulated < Duration::from_secs(2), "it ends early");
        assert!(ran.counts.acknowledged > 0, "what came before is kept");
    }

    #[test]
    fn a_panic_of_the_harness_on_the_machine_of_a_member_is_no_finding() {
        let (slot, ran) = run(|| panic!("the harness has a bug"));
        assert!(ran.is_none(), "the run shows nothing");
        let first = slot.first().expect("it was told");
        assert!(first.contains("the harness has a bug (scenarios/src/run/panicked.rs:"), "{first}");
    }
}
