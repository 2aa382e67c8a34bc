//! What a run relied on, and how far it went: the terms under which its verdict holds.
//!
//! A pass says nothing about what was never done to the cluster, and a violation nothing about a store that was
//! promised more than it got (TigerBeetle's fault atlas keeps such accounts).

use std::collections::BTreeMap;

use reports::{Ledger, Table};

use crate::ailment::{Ailment, Damage};
use crate::plan::{Action, Plan};
use crate::run::{Place, Ran};

/// Kinds of steps, by what they go against.
const DISKS_THAT_FAIL: [&str; 2] = ["fail-disk", "fill-disk"];
const WRITES_ASTRAY: [&str; 1] = ["misdirect-write"];
const LINKS_CUT: [&str; 5] = ["partition", "cut", "one-way", "flap", "swizzle"];
const LINKS_BAD: [&str; 4] = ["delay", "lose", "clog", "bandwidth"];
const RESETS: [&str; 2] = ["reset", "half-open"];
const CLOCK_STEPS: [&str; 1] = ["step-clock"];
const DRIFTS: [&str; 1] = ["drift"];
const SLOW: [&str; 2] = ["slow-disk", "stall-disk"];

/// What is counted, in the words of a page about many runs.
const DISKS_LOST: &str = "disks lost";
const DAMAGE: &str = "bits or sectors that went wrong";
const MISDIRECTED: &str = "writes that landed elsewhere";
const LEFT_DOWN: &str = "members whose log could not show what it had lost";
const POWER_LOST: &str = "power lost";
const POWER_LOST_IN_WRITE: &str = "power lost in a write";
const DISKS_FAILED: &str = "disks that failed or filled up";
const STOPS: &str = "members that stopped for a reason";
const CUTS: &str = "links cut";
const BAD_LINKS: &str = "links slow, lossy or clogged";
const BROKEN: &str = "connections reset";
const JUMPS: &str = "clocks that jumped";
const DRIFTED: &str = "clocks that drifted";
const KILLS: &str = "kills";
const PAUSES: &str = "pauses";
const SLOW_DISKS: &str = "slow or stalled disks";
/// How far a clock was off at most.
const DRIFT_PPM: &str = "ppm that a clock was off";

/// The accounts of a run as numbers: what was done, by kind, and how far it went.
pub(super) fn ledger(plan: &Plan, ran: &Ran) -> Ledger {
    let steps =
        |kinds: &[&str]| -> u64 { kinds.iter().filter_map(|kind| ran.struck.get(*kind)).sum() };
    // Steps hit several members, and the end of a run does things that are no steps.
    let ended = |how: &str| {
        let ends = ran.faults.iter().filter(|fault| fault.place == Place::Process);
        ends.filter(|fault| fault.text == how).count() as u64
    };
    let in_write = ended("power lost in a write");
    let counts = [
        (DISKS_LOST, ended("disk lost")),
        (DAMAGE, steps(&Damage::ALL.map(Damage::name))),
        (MISDIRECTED, steps(&WRITES_ASTRAY)),
        (LEFT_DOWN, ran.left_down),
        (POWER_LOST, ended("power lost") + in_write),
        (POWER_LOST_IN_WRITE, in_write),
        (DISKS_FAILED, steps(&DISKS_THAT_FAIL)),
        (STOPS, ran.counts.stops),
        (CUTS, steps(&LINKS_CUT)),
        (BAD_LINKS, steps(&LINKS_BAD)),
        (BROKEN, steps(&RESETS)),
        (JUMPS, steps(&CLOCK_STEPS)),
        (DRIFTED, steps(&DRIFTS)),
        (KILLS, ended("killed")),
        (PAUSES, ended("paused")),
        (SLOW_DISKS, steps(&SLOW)),
    ];
    let drift = if steps(&DRIFTS) > 0 { drift(plan) } else { 0 };
    Ledger { counts: happened(&counts), limits: happened(&[(DRIFT_PPM, u64::from(drift))]) }
}

/// A record of every run is kept: what did not happen needs no words in it.
fn happened(numbers: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let there = numbers.iter().filter(|(_, number)| *number > 0);
    there.map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

/// The accounts of a run in words: what was assumed, within which limits, and what was done.
pub(super) fn table(ledger: &Ledger) -> Table {
    let count = |name: &str| ledger.counts.get(name).copied().unwrap_or(0);
    let drift = ledger.limits.get(DRIFT_PPM).copied().unwrap_or(0);
    let (damaged, misdirected) = (count(DAMAGE), count(MISDIRECTED));
    let rows = [
        (
            "voters keep their disks, and what was synced to them",
            "a quorum of every membership does",
            format!(
                "{} lost, {damaged} bits or sectors that went wrong, {misdirected} writes that landed elsewhere",
                count(DISKS_LOST)
            ),
        ),
        (
            "what was synced is there after a loss of power, and what was not may be, in part",
            "always",
            format!(
                "power lost {} times, {} of them in a write",
                count(POWER_LOST),
                count(POWER_LOST_IN_WRITE)
            ),
        ),
        (
            "who starts again has what it said, or can tell by its disk that it has not",
            "always: nobody starts whose last write to its log landed elsewhere",
            format!(
                "{misdirected} writes that landed elsewhere, {} left down for it",
                count(LEFT_DOWN)
            ),
        ),
        (
            "a member that cannot trust its disk stops, and no other stops by itself",
            "always",
            format!(
                "{} disks failed or filled up, {} times damage, {} lost: {} stops",
                count(DISKS_FAILED),
                damaged + misdirected,
                count(DISKS_LOST),
                count(STOPS)
            ),
        ),
        (
            "bytes of a connection arrive whole and in order, late, or never",
            "always",
            format!(
                "{} times cut, {} times slow, lossy or clogged, {} times reset",
                count(CUTS),
                count(BAD_LINKS),
                count(BROKEN)
            ),
        ),
        (
            "clocks of members run alike, and none runs backwards; what they show may be anything",
            "rates within half of the true one",
            format!("off by {drift} ppm at most, {} jumps of what they show", count(JUMPS)),
        ),
        (
            "members do what the program says, at any pace",
            "always",
            format!(
                "{} kills, {} pauses, {} slow or stalled disks",
                count(KILLS),
                count(PAUSES),
                count(SLOW_DISKS)
            ),
        ),
    ];
    in_columns(rows)
}

fn in_columns<const N: usize>(rows: [(&str, &str, String); N]) -> Table {
    let columns = ["relied on", "limit", "in this run"];
    let words = |(assumed, limit, done): (&str, &str, String)| {
        vec![assumed.to_owned(), limit.to_owned(), done]
    };
    Table {
        columns: columns.map(str::to_owned).to_vec(),
        rows: rows.into_iter().map(words).collect(),
    }
}

/// By how much a clock was to run too fast or too slowly, in parts per million.
fn drift(plan: &Plan) -> u32 {
    let drifts = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Ail(_, Ailment::Drift { ppm }) => Some(ppm.unsigned_abs()),
        _ => None,
    });
    drifts.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::run::{Options, simulate};
    use crate::script::parse;

    #[test]
    fn the_accounts_count_members_and_not_steps() {
        let script = "# A test.\nmembers 3\nduration 14s\nat 1s power-loss all\n\
                      at 1500ms restart all\nat 4s replace-member 2\nat 10s kill all\n\
                      at 10500ms restart all\nat 11s burst 100\nat 11s power-loss-in-write leader\n\
                      at 11500ms restart all\nat 12s drift 1 -90\n";
        let plan = parse("accounts", script).expect("it is a script");
        let ledger = ledger(&plan, &simulate(&plan, 7, &Options::default()));
        assert_eq!(ledger.counts[KILLS], 3, "{ledger:?}");
        assert_eq!(ledger.limits[DRIFT_PPM], 90, "{ledger:?}");
        let table = table(&ledger);
        let done: Vec<&str> = table.rows.iter().map(|row| row[2].as_str()).collect();
        assert!(done[0].starts_with("1 lost, 0 bits"), "{done:?}");
        assert!(done[0].ends_with("0 writes that landed elsewhere"), "{done:?}");
        assert_eq!(done[1], "power lost 4 times, 1 of them in a write");
        assert_eq!(done[2], "0 writes that landed elsewhere, 0 left down for it");
        assert!(done[5].starts_with("off by 90 ppm"), "{done:?}");
        assert!(done[6].starts_with("3 kills"), "{done:?}");
    }

    /// A step that is called otherwise would be counted as none.
    #[test]
    fn every_kind_is_that_of_a_step() {
        let steps = [
            "fail-disk 1 read",
            "fill-disk 1 for 1s",
            "misdirect-write 1",
            "partition ring",
            "cut 1 from 2",
            "one-way 1 -> 2",
            "flap 1 - 2 every 1s for 2s",
            "swizzle every 1s",
            "delay 1 - 2 by 1ms..2ms for 1s",
            "lose 1 - 2 5 percent for 1s",
            "clog 1 - 2 for 1s",
            "bandwidth 1 - 2 9000 bytes per second for 1s",
            "reset 1 - 2",
            "half-open 1 - 2",
            "step-clock 1 5",
            "drift 1 5",
            "slow-disk 1 5 times for 1s",
            "stall-disk 1 for 1s",
        ];
        let lines: Vec<String> = steps.iter().map(|step| format!("at 1s {step}\n")).collect();
        let script = format!("# A test.\nmembers 3\nduration 3s\n{}", lines.concat());
        let plan = parse("kinds", &script).expect("it is a script");
        let there: BTreeSet<String> = plan.steps.iter().map(|step| step.action.kind()).collect();
        let counted =
            [&DISKS_THAT_FAIL[..], &WRITES_ASTRAY, &LINKS_CUT, &LINKS_BAD, &RESETS, &CLOCK_STEPS];
        let counted = counted.into_iter().chain([&DRIFTS[..], &SLOW]).flatten();
        assert_eq!(there, counted.map(|kind| (*kind).to_owned()).collect());
    }
}
