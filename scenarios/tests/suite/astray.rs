//! Writes that go astray in a run: they are carried out, and who reads such a disk refuses it.

use jepsen_like::history::Event;
use jepsen_like::observation::Fact;
use reports::Verdict;
use scenarios::campaign::{Details, Subject, run_one};
use scenarios::plan::Plan;
use scenarios::run::{Options, Ran, simulate};
use scenarios::script::parse;

/// A member of whose files a write goes astray, if any, and that is started again when more was written.
fn plan(hit: &str) -> Plan {
    let script = format!(
        "# A test.\nmembers 3\nsnapshot-count 5000\nworkload writes\nclients 3\nduration 6s\n\
         at 1s remember follower as hit\n{hit}at 2s burst 40\nat 3s kill hit\nat 4s restart hit\n"
    );
    parse("astray", &script).unwrap_or_else(|error| panic!("{error}"))
}

/// How often members came up, with a state and a log that they took for sound.
fn starts(ran: &Ran) -> usize {
    let is_start = |event: &&Event| matches!(event, Event::Observed(seen) if matches!(seen.fact, Fact::Started { .. }));
    ran.history.events.iter().filter(is_start).count()
}

#[test]
fn a_log_with_a_hole_is_refused() {
    let well = simulate(&plan(""), 7, &Options::default());
    assert_eq!((well.counts.stops, starts(&well)), (0, 4), "nothing is wrong: it comes up again");
    for seed in [7, 8] {
        let ran =
            simulate(&plan("at 1s misdirect-write hit files wal\n"), seed, &Options::default());
        assert_eq!(ran.struck.get("misdirect-write"), Some(&1), "{:?}", ran.spared);
        assert!(ran.counts.stops >= 1, "nobody noticed");
        assert_eq!((starts(&ran), ran.left_down), (3, 0), "it does not come up again");
        assert!(ran.findings.is_empty(), "{:?}", ran.findings);
    }
}

#[test]
fn what_was_acknowledged_is_kept_by_the_others_and_the_accounts_tell() {
    let plan = plan("at 1s misdirect-write hit files wal\n");
    let run = run_one(&Subject::Script(plan), 7, &Details::default());
    assert_eq!(run.verdict, Verdict::Pass, "{:?}", run.findings);
    let counts = &run.ledger.as_ref().expect("every run has its accounts").counts;
    assert_eq!(counts.get("writes that landed elsewhere"), Some(&1), "{counts:?}");
    assert!(counts.contains_key("members that stopped for a reason"), "{counts:?}");
}

#[test]
fn a_write_that_never_came_shows_nothing() {
    let plan = plan("at 1s misdirect-write hit files nobody-writes-this\n");
    let run = run_one(&Subject::Script(plan), 7, &Details::default());
    assert_eq!(run.verdict, Verdict::Inconclusive, "{:?}", run.findings);
    let told = run.findings.iter().any(|finding| {
        finding.message.contains("`misdirect-write` hit nobody")
            && finding.message.contains("wrote no such file")
    });
    assert!(told, "{:?}", run.findings);
}

#[test]
fn no_more_members_are_hit_than_a_quorum_can_spare() {
    let hits = "at 1s misdirect-write hit files wal\nat 1s misdirect-write leader files wal\n";
    let ran = simulate(&plan(hits), 7, &Options::default());
    assert_eq!(ran.struck.get("misdirect-write"), Some(&1));
    let reasons = &ran.spared["misdirect-write"];
    assert!(reasons.keys().all(|reason| reason.ends_with("is needed first")), "{reasons:?}");
}
