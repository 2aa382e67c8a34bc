//! The scripted scenarios that come with the program.

use crate::plan::Plan;
use crate::script::{ParseError, parse};

macro_rules! script {
    ($name:literal) => {
        ($name, include_str!(concat!("../scripts/", $name, ".txt")))
    };
}

/// Names and texts, in the order in which they run.
const SCRIPTS: &[(&str, &str)] = &[
    script!("kill-member"),
    script!("kill-leader"),
    script!("power-loss-member"),
    script!("power-loss-all"),
    script!("minority-partition"),
    script!("majority-partition"),
    script!("leader-cut-off"),
    script!("one-way"),
    script!("flapping-links"),
    script!("pause-leader"),
    script!("quorum-lost"),
    script!("snapshot-catch-up"),
    script!("compaction-restarts"),
    script!("stalled-fsync"),
    script!("stalled-fsync-old-tail"),
    script!("leader-restarts-first"),
    script!("single-member"),
    script!("rolling-restart"),
    script!("broken-watches"),
    script!("stale-reads"),
    script!("reads-in-a-minority"),
    script!("failing-disks"),
    script!("full-disk"),
    script!("slow-disks"),
    script!("strange-clocks"),
    script!("bad-links"),
    script!("swizzle"),
    script!("woken-leader"),
    script!("auth-changes-under-load"),
    script!("replace-all-members"),
    script!("replace-refused"),
    script!("learner-lags"),
    script!("remove-leader"),
    script!("remove-leader-after-adding"),
    script!("removed-leader-restarts"),
    script!("lone-founder-is-replaced"),
    script!("grow-and-shrink"),
    script!("power-loss-in-change"),
    script!("removed-and-cut-off"),
    script!("removed-before-it-began"),
    script!("newcomer-disk-fails"),
    script!("move-leader"),
    script!("disk-lost"),
    script!("leases-and-leader-changes"),
    script!("leases-expire-together"),
    script!("leases-beyond-the-pace"),
    script!("leases-and-strange-clocks"),
    script!("renewals-by-a-slow-leader"),
    script!("keep-alives-through-followers"),
    script!("locks-under-partitions"),
    script!("elections-under-partitions"),
    script!("defragment-under-faults"),
    script!("defragment-full-disk"),
    script!("no-space"),
    script!("corrupt-alarm"),
    script!("snapshots-and-hashes"),
    script!("leader-comes-back"),
    script!("slow-watchers"),
    script!("bits-flip"),
    script!("damaged-disks"),
    script!("late-appends"),
    script!("last-entry-reaches-all"),
    script!("reads-of-a-new-leader"),
    script!("votes-and-power-losses"),
    script!("torn-writes"),
    script!("transfer-and-cut"),
    script!("step-clock-signed-tokens"),
    script!("watch-fragments"),
    script!("narrow-links"),
    script!("restart-loops"),
    script!("half-open"),
    script!("bad-links-of-clients"),
    script!("clocks-wrong-from-the-start"),
    script!("disk-lost-and-replaced"),
    script!("misdirected-writes"),
    script!("forgotten-requests"),
    script!("promote-lost-learner"),
    script!("lost-founder-newcomer-leads"),
];

/// All scripted scenarios.
pub fn all() -> Result<Vec<Plan>, (&'static str, ParseError)> {
    SCRIPTS.iter().map(|(name, text)| parse(name, text).map_err(|error| (*name, error))).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{SCRIPTS, all};
    use crate::script::parse;

    #[test]
    fn every_script_is_understood_and_survives_printing() {
        for plan in all().unwrap_or_else(|(name, error)| panic!("{name}: {error}")) {
            let printed = plan.to_string();
            let again = parse(&plan.name, &printed)
                .unwrap_or_else(|error| panic!("{}: {error} in\n{printed}", plan.name));
            assert_eq!(again, plan);
            assert!(!plan.floors.is_empty(), "{} passes when nothing happens", plan.name);
            let last = plan.steps.last().map(|step| *step.at.end());
            assert!(last.is_some_and(|last| last <= plan.duration), "{}", plan.name);
        }
    }

    #[test]
    fn every_script_in_the_folder_is_in_the_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let mut files: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut names: Vec<String> =
            SCRIPTS.iter().map(|(name, _)| format!("{name}.txt")).collect();
        names.sort();
        assert_eq!(files, names);
    }
}
