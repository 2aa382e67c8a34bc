//! A member that panics is what a run is to find; the harness that panics shows nothing.
//!
//! The place tells whose code it was. Libraries that both use are whoever's machine they ran on, and code of the product
//! is the product's on a client's machine, too.

use sim::Panic;

use super::members::Members;
use crate::panics::{Judged, is_of_harness, is_of_member};

/// Judges a panic whose words tell the place.
pub(super) fn judge(panic: &Panic, members: &Members) -> Judged {
    let Panic { machine, at, message } = panic;
    let member = members.on_machine(machine);
    let who = member.map_or(machine.clone(), |member| format!("member {member}"));
    Judged {
        is_finding: is_of_member(message) || (member.is_some() && !is_of_harness(message)),
        message: format!("{who} panicked at {at:?}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use openraft_rt::AsyncRuntime;
    use sim::network::NetworkOptions;
    use sim::{SimRuntime, Trace, World};

    use crate::panics::{Judged, MEMBER_PANIC, Slot};
    use crate::run::phases::{Options, Ran, Run};
    use crate::script;

    const SCRIPT: &str = "# Nothing is done to anybody.\nmembers 3\nclients 2\nduration 10s\n";

    /// A run in which a task on a machine comes to this after a second: of a member, or of a client.
    fn run(is_member: bool, end: fn()) -> (Slot, Option<Ran>) {
        let slot = Slot::default();
        let inside = slot.clone();
        slot.enter();
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            sim::run(7, move || async move {
                inside.enter();
                let world = World::new(Trace::default(), NetworkOptions::default());
                let options = Options { panics: Some(inside), ..Options::default() };
                let plan = script::parse("quiet", SCRIPT).expect("it is a script");
                let run = Run::boot(world.clone(), plan, &options);
                let client = || world.host("somebody", "10.1.1.1");
                let host = if is_member { run.cluster().host(2) } else { client() };
                drop(host.spawn(async move {
                    SimRuntime::sleep(Duration::from_secs(1)).await;
                    end();
                }));
                run.run().await
            })
        }));
        Slot::leave();
        (slot, attempt.ok())
    }

    /// Panics at a place in a library.
    fn library() {
        drop(bytes::Bytes::new().slice(1..2));
    }

    #[test]
    fn a_panic_on_the_machine_of_a_member_ends_the_run_with_all_that_was_seen() {
        let (_, ran) = run(true, library);
        let ran = ran.expect("the run has an end of its own");
        let [finding] = &ran.findings[..] else { panic!("{:?}", ran.findings) };
        assert_eq!(finding.checker, MEMBER_PANIC);
        assert!(finding.message.starts_with("member 2 panicked at 1."), "{finding:?}");
        assert!(finding.message.contains("bytes.rs:"), "the place is told: {finding:?}");
        assert!(ran.simulated < Duration::from_millis(1_100), "it ends at once");
        assert!(ran.is_cut_off && ran.counts.acknowledged > 0, "what came before is kept");
    }

    #[test]
    fn a_panic_that_somebody_caught_before_is_not_the_one_that_is_judged() {
        let (_, ran) = run(true, || {
            drop(catch_unwind(|| panic!("the harness has a bug that does no harm")));
            library();
        });
        let ran = ran.expect("the run has an end of its own");
        assert!(ran.findings[0].message.contains("bytes.rs:"), "{:?}", ran.findings);
    }

    #[test]
    fn a_panic_of_the_harness_is_no_finding_on_any_machine() {
        for (is_member, end) in [(true, (|| panic!("a bug")) as fn()), (false, library)] {
            let (slot, ran) = run(is_member, end);
            assert!(ran.is_none(), "the run shows nothing");
            let judged = slot.judged().expect("the run has looked at it");
            assert!(matches!(judged, Judged { is_finding: false, .. }), "{judged:?}");
        }
    }
}
