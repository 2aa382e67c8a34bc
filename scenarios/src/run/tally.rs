//! Which kinds of steps were carried out, which were not, and why.

use std::collections::BTreeMap;

use super::members::Members;
use crate::plan::Action;

/// Why steps of each kind were not carried out, and how often.
pub type Spared = BTreeMap<String, BTreeMap<String, u64>>;

/// What became of the steps of a run, by their kinds.
#[derive(Debug, Default)]
pub(super) struct StepTally {
    struck: BTreeMap<String, u64>,
    spared: Spared,
    /// Why the step that is being done hit nobody, if it is known.
    reason: Option<String>,
}

impl StepTally {
    fn strikes(&mut self, kind: &str) {
        *self.struck.entry(kind.to_owned()).or_default() += 1;
    }

    fn spares(&mut self, kind: &str, reason: String) {
        *self.spared.entry(kind.to_owned()).or_default().entry(reason).or_default() += 1;
    }
}

impl Members {
    /// How often each kind of step was carried out.
    pub(super) fn struck(&self) -> BTreeMap<String, u64> {
        self.lock().steps.struck.clone()
    }

    /// Why steps were not.
    pub(super) fn spared(&self) -> Spared {
        self.lock().steps.spared.clone()
    }

    /// A step of this kind was carried out.
    pub(super) fn strikes(&self, kind: &str) {
        self.lock().steps.strikes(kind);
    }

    /// A step of this kind was not carried out.
    pub(super) fn spares_kind(&self, kind: &str, reason: &str) {
        self.lock().steps.spares(kind, reason.to_owned());
        self.note(&format!("no {kind}: {reason}"));
    }

    /// Somebody is not hit by the step that is being done.
    pub(super) fn spares(&self, reason: String) {
        self.lock().steps.reason = Some(reason);
    }

    /// A step is about to be done.
    pub(super) fn begin_step(&self) {
        self.lock().steps.reason = None;
    }

    /// A step was done, or begun.
    pub(super) fn end_step(&self, action: &Action, has_hit: bool) {
        if !action.is_class() {
            return;
        }
        let (kind, reason) = (action.kind(), self.lock().steps.reason.take());
        match reason {
            _ if has_hit => self.strikes(&kind),
            Some(reason) => self.spares_kind(&kind, &reason),
            // Whoever carries it out tells by and by.
            None if action.is_told_later() => {}
            None if action.hurts() => self.spares_kind(&kind, "it changed nothing"),
            None => self.strikes(&kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::run::{Options, Place, Ran, simulate};
    use crate::script::parse;

    fn ran(steps: &str) -> Ran {
        let text = format!("# A test.\nmembers 3\nclients 3\nduration 4s\n{steps}\n");
        let plan = parse("test", &text).unwrap_or_else(|error| panic!("{error}"));
        simulate(&plan, 7, &Options::default())
    }

    #[test]
    fn links_that_ail_are_told_from_their_beginning_to_their_end() {
        let ran = ran("at 1s delay all - all by 5ms..20ms for 1s\n\
                       at 2500ms bandwidth 1 - clients 50000 bytes per second for 1m");
        let network: Vec<_> =
            ran.faults.iter().filter(|fault| fault.place == Place::Network).collect();
        let lasted = |at: usize| network[at].to.map(|to| to - network[at].from);
        // Timers are never early, and late by less than that.
        let millis = |at: usize| lasted(at).map(|lasted| lasted.as_millis());
        assert_eq!((0..3).map(millis).collect::<Vec<_>>(), [Some(1_000); 3]);
        assert_eq!(network[3].text, "narrow 1 - clients 50000 bytes per second");
        let cured = lasted(3).expect("healing cures it");
        assert!(cured > Duration::from_secs(1) && cured < Duration::from_secs(30), "{cured:?}");
        assert!(ran.reached.contains_key("an operation was answered under a network fault"));
        assert_eq!((ran.struck["delay"], ran.struck["bandwidth"]), (1, 1));
    }

    #[test]
    fn who_is_spared_is_told_and_no_fault() {
        let ran = ran("at 1s kill 1\nat 1500ms kill 1\nat 2s lose-disk 2\nat 3s lose-disk 3");
        assert_eq!((ran.struck["kill"], ran.struck["lose-disk"]), (1, 1));
        assert_eq!(ran.spared["kill"]["member 1 was down already"], 1);
        assert_eq!(ran.spared["lose-disk"]["member 3 is needed first"], 1);
        assert!(ran.faults.iter().all(|fault| !fault.text.contains("needed")));
    }

    #[test]
    fn changes_and_requests_count_when_they_are_done_and_are_no_faults() {
        let ran =
            ran("at 1s add-member\nat 2s compact\nat 2s hash all\nat 3s move-leader follower");
        let done = ["add-member", "compact", "hash", "move-leader"];
        let missing: Vec<_> = done.iter().filter(|kind| !ran.struck.contains_key(**kind)).collect();
        assert!(missing.is_empty(), "{missing:?}: {:?}", ran.spared);
        let told: Vec<_> = ran.faults.iter().map(|fault| &fault.text).collect();
        let core_only =
            told.iter().all(|text| text.contains("outside the core") || *text == "killed");
        assert!(core_only, "{told:?}");
    }

    #[test]
    fn a_disk_that_was_to_fail_counts_only_if_it_did() {
        let ran = ran("at 1s fail-disk leader sync\nat 3s kill 1\nat 3s fail-disk 1 read");
        assert_eq!(ran.struck["fail-disk"] + ran.spared.get("fail-disk").map_or(0, count), 2);
        assert!(ran.struck["fail-disk"] >= 1, "a leader syncs");
        let armed = ran.faults.iter().filter(|fault| fault.text.starts_with("the next"));
        assert!(armed.clone().count() == 2 && armed.clone().all(|fault| fault.to.is_some()));
    }

    fn count(reasons: &std::collections::BTreeMap<String, u64>) -> u64 {
        reasons.values().sum()
    }
}
