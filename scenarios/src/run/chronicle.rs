//! The faults of a run as they are told: what each hit, when it began, and when it was over.

use std::collections::BTreeMap;
use std::time::Duration;

use super::members::Members;

/// What a fault hits, for the lanes of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Links between hosts.
    Network,
    /// A disk.
    Disk,
    /// A process.
    Process,
}

/// A fault from its beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultRecord {
    /// When it began.
    pub from: Duration,
    /// When it ended; nothing while it lasts.
    pub to: Option<Duration>,
    /// What it hits.
    pub place: Place,
    /// Which member; nothing if it is about links.
    pub member: Option<usize>,
    /// What it is.
    pub text: String,
}

/// One fault among all of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FaultId(usize);

/// What only one fault at a time can have: the next that takes it ends the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// How long syncs of a member are held up.
    Stall(usize),
    /// How slow the disk of a member is.
    Slowness(usize),
    /// How much room the disk of a member has.
    Room(usize),
    /// How fast the clock of a member runs.
    Rate(usize),
    /// How a link is, from the member with the lower number; from a member to all clients, if the other is 0.
    Link(usize, usize),
}

/// How long a fault goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Until something of its kind is ended.
    Place,
    /// Until it is ended itself, or everything is cured.
    Cure(Option<Slot>),
    /// Until it is ended itself: nobody can cure it.
    Itself,
}

/// All faults of a run, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    faults: Vec<FaultRecord>,
    /// Those that last.
    open: BTreeMap<FaultId, Hold>,
}

impl Chronicle {
    pub(super) fn all(&self) -> &[FaultRecord] {
        &self.faults
    }

    /// A fault that lasts until its place is put right, such as a member that is down or links that are cut.
    pub(super) fn begin(&mut self, fault: FaultRecord) -> FaultId {
        self.add(fault, Hold::Place)
    }

    /// A fault that lasts until it is ended, or everything is cured.
    pub(super) fn begin_curable(&mut self, fault: FaultRecord, slot: Option<Slot>) -> FaultId {
        if slot.is_some() {
            let same = |hold: &Hold| *hold == Hold::Cure(slot);
            self.end_those(fault.from, |_, hold| same(hold));
        }
        self.add(fault, Hold::Cure(slot))
    }

    /// A fault that lasts until it is ended, whatever else is healed.
    pub(super) fn begin_incurable(&mut self, fault: FaultRecord) -> FaultId {
        self.add(fault, Hold::Itself)
    }

    fn add(&mut self, fault: FaultRecord, hold: Hold) -> FaultId {
        let id = FaultId(self.faults.len());
        self.faults.push(fault);
        self.open.insert(id, hold);
        id
    }

    /// Whether nothing has ended the fault yet.
    pub(super) fn lasts(&self, id: FaultId) -> bool {
        self.open.contains_key(&id)
    }

    pub(super) fn end(&mut self, id: FaultId, now: Duration) {
        self.end_those(now, |other, _| other == id);
    }

    /// What lasts until its place is put right is over there.
    pub(super) fn end_place(&mut self, place: Place, member: Option<usize>, now: Duration) {
        let here: Vec<FaultId> = self
            .open
            .iter()
            .filter(|(id, hold)| {
                let fault = &self.faults[id.0];
                **hold == Hold::Place && fault.place == place && fault.member == member
            })
            .map(|(id, _)| *id)
            .collect();
        here.into_iter().for_each(|id| self.end(id, now));
    }

    /// What can be cured is.
    pub(super) fn end_curable(&mut self, now: Duration) {
        self.end_those(now, |_, hold| matches!(hold, Hold::Cure(_)));
    }

    fn end_those(&mut self, now: Duration, are_meant: impl Fn(FaultId, &Hold) -> bool) {
        let faults = &mut self.faults;
        self.open.retain(|id, hold| {
            let is_over = are_meant(*id, hold);
            if is_over {
                faults[id.0].to = Some(now);
            }
            !is_over
        });
    }
}

impl Members {
    /// Writes down that a fault begins, which lasts until its place is put right.
    pub(super) fn begin(&self, place: Place, member: Option<usize>, text: String) {
        let fault = self.fault(place, member, text);
        self.lock().chronicle.begin(fault);
    }

    /// Writes down that a fault begins, which lasts until it is ended or everything is cured.
    pub(super) fn begin_curable(
        &self,
        place: Place,
        member: Option<usize>,
        slot: Option<Slot>,
        text: String,
    ) -> FaultId {
        let fault = self.fault(place, member, text);
        self.lock().chronicle.begin_curable(fault, slot)
    }

    /// Writes down that a fault begins that nobody can end before its time.
    pub(super) fn begin_incurable(&self, place: Place, text: String) -> FaultId {
        let fault = self.fault(place, None, text);
        self.lock().chronicle.begin_incurable(fault)
    }

    /// Writes down that a fault came and went.
    pub(super) fn blink(&self, place: Place, text: String) {
        let fault = self.fault(place, None, text);
        let now = fault.from;
        let mut state = self.lock();
        let id = state.chronicle.begin_incurable(fault);
        state.chronicle.end(id, now);
    }

    fn fault(&self, place: Place, member: Option<usize>, text: String) -> FaultRecord {
        self.world.trace().event("fault", &[("text", text.as_str().into())]);
        tracing::info!(target: "scenario", "{text}");
        FaultRecord { from: self.world.true_time(), to: None, place, member, text }
    }

    /// Writes down what is no fault.
    pub(super) fn note(&self, text: &str) {
        self.world.trace().event("note", &[("text", text.into())]);
        tracing::info!(target: "scenario", "{text}");
    }

    /// Whether nothing has ended a fault yet.
    pub(super) fn lasts(&self, fault: FaultId) -> bool {
        self.lock().chronicle.lasts(fault)
    }

    /// Writes down that one fault ends.
    pub(super) fn end_fault(&self, fault: FaultId) {
        let now = self.world.true_time();
        self.lock().chronicle.end(fault, now);
    }

    /// Writes down that everything is cured that can be.
    pub(super) fn end_curable(&self) {
        let now = self.world.true_time();
        self.lock().chronicle.end_curable(now);
    }

    /// Writes down that a place is put right.
    pub(super) fn finish(&self, place: Place, member: Option<usize>) {
        let now = self.world.true_time();
        self.lock().chronicle.end_place(place, member, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(from: u64, place: Place, member: Option<usize>) -> FaultRecord {
        let from = Duration::from_secs(from);
        FaultRecord { from, to: None, place, member, text: String::new() }
    }

    fn spans(chronicle: &Chronicle) -> Vec<(u64, Option<u64>)> {
        let seconds = |fault: &FaultRecord| (fault.from.as_secs(), fault.to.map(|to| to.as_secs()));
        chronicle.all().iter().map(seconds).collect()
    }

    #[test]
    fn what_is_put_right_ends_only_what_lasts_until_then() {
        let mut chronicle = Chronicle::default();
        chronicle.begin(fault(1, Place::Network, None));
        chronicle.begin_curable(fault(2, Place::Network, None), Some(Slot::Link(1, 2)));
        chronicle.begin_incurable(fault(3, Place::Network, None));
        chronicle.begin(fault(4, Place::Process, Some(1)));
        chronicle.end_place(Place::Network, None, Duration::from_secs(5));
        assert_eq!(spans(&chronicle), [(1, Some(5)), (2, None), (3, None), (4, None)]);
        chronicle.end_curable(Duration::from_secs(6));
        assert_eq!(spans(&chronicle), [(1, Some(5)), (2, Some(6)), (3, None), (4, None)]);
    }

    #[test]
    fn each_ends_by_itself_and_but_once() {
        let mut chronicle = Chronicle::default();
        let one = chronicle.begin_curable(fault(1, Place::Disk, Some(1)), None);
        let other = chronicle.begin_curable(fault(1, Place::Disk, Some(1)), None);
        chronicle.end(other, Duration::from_secs(3));
        assert!(chronicle.lasts(one) && !chronicle.lasts(other));
        chronicle.end_curable(Duration::from_secs(4));
        chronicle.end(one, Duration::from_secs(9));
        assert_eq!(spans(&chronicle), [(1, Some(4)), (1, Some(3))]);
    }

    #[test]
    fn the_next_of_a_slot_ends_the_one_before() {
        let mut chronicle = Chronicle::default();
        let slow = |member| Some(Slot::Slowness(member));
        let first = chronicle.begin_curable(fault(1, Place::Disk, Some(1)), slow(1));
        chronicle.begin_curable(fault(2, Place::Disk, Some(2)), slow(2));
        chronicle.begin_curable(fault(3, Place::Disk, Some(1)), slow(1));
        assert!(!chronicle.lasts(first));
        assert_eq!(spans(&chronicle), [(1, Some(3)), (2, None), (3, None)]);
    }
}
