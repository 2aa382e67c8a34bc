//! What a run relied on, and how far it went: the terms under which its verdict holds.
//!
//! A pass says nothing about what was never done to the cluster, and a violation nothing about a store that was
//! promised more than it got (TigerBeetle's fault atlas keeps such accounts).

use reports::Table;

use crate::ailment::{Ailment, Damage};
use crate::plan::{Action, Plan};
use crate::run::Ran;

/// The accounts of a run: what was assumed, within which limits, and what was done.
pub(super) fn ledger(plan: &Plan, ran: &Ran) -> Table {
    let times =
        |kinds: &[&str]| -> u64 { kinds.iter().filter_map(|kind| ran.struck.get(*kind)).sum() };
    let row =
        |assumed: &str, limit: &str, done: String| vec![assumed.to_owned(), limit.to_owned(), done];
    let rows = vec![
        row(
            "voters keep their disks, and what was synced to them",
            "a quorum of every membership does",
            format!(
                "{} lost, {} bits or sectors that went wrong",
                times(&["lose-disk"]),
                times(&Damage::ALL.map(Damage::name))
            ),
        ),
        row(
            "what was synced is there after a loss of power, and what was not may be, in part",
            "always",
            format!("{} losses of power", times(&["power-loss"])),
        ),
        row(
            "a member that cannot trust its disk stops, and no other stops by itself",
            "always",
            format!(
                "{} disks failed or filled up, {} stops",
                times(&["fail-disk", "fill-disk"]),
                ran.excused_stops
            ),
        ),
        row(
            "bytes of a connection arrive whole and in order, late, or never",
            "always",
            format!(
                "{} times cut, {} times slow, lossy or clogged, {} times reset",
                times(&["partition", "cut", "one-way", "flap", "swizzle"]),
                times(&["delay", "lose", "clog"]),
                times(&["reset"])
            ),
        ),
        row(
            "clocks of members run alike, and none runs backwards; what they show may be anything",
            "rates within half of the true one",
            format!(
                "off by {} ppm at most, {} jumps of what they show",
                drift(plan),
                times(&["step-clock"])
            ),
        ),
        row(
            "members do what the program says, at any pace",
            "always",
            format!(
                "{} kills, {} pauses, {} slow or stalled disks",
                times(&["kill"]),
                times(&["pause"]),
                times(&["slow-disk", "stall-disk"])
            ),
        ),
    ];
    let columns = ["relied on", "limit", "in this run"];
    Table { columns: columns.map(str::to_owned).to_vec(), rows }
}

/// By how much a clock ran too fast or too slowly, in parts per million.
fn drift(plan: &Plan) -> u32 {
    let drifts = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Ail(_, Ailment::Drift { ppm }) => Some(ppm.unsigned_abs()),
        _ => None,
    });
    drifts.max().unwrap_or(0)
}
