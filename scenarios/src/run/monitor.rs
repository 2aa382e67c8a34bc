//! Judges what members tell and clients see while the run goes on, and says when something is wrong.
//!
//! A run that is not ended there goes on for long with members that do not agree, and what it shows in the end is
//! that, and not how it came to it.
//!
//! What is told at once is judged at once. The rest needs the order of all writes: it is judged whenever the history
//! has doubled, so a run goes on for no longer than it took to get there, and the judgements cost in sum as much as
//! the last one does. That ends when everything is healed: what must be so in the end is not yet so on the way there.

use std::time::Duration;

use jepsen_like::checker::online::Online;
use jepsen_like::checker::{self, Violation};
use jepsen_like::history::{Event, History};
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use sim::World;

use super::members::Members;
use super::observed::{self, LogEnds, Teller};
use crate::workload::Recorder;

/// How often it looks.
const POLL: Duration = Duration::from_millis(100);
/// What happened just now waits for the next look: some of it is told a little late.
const LAG_US: u64 = 1_000;
/// How long the run goes on to show what comes of it.
const AFTERMATH: Duration = Duration::from_secs(2);
/// The shortest history, in events, that is judged as one.
const HISTORY_MIN: usize = 1_000;

/// What has been looked at, and what is still to come.
pub(super) struct Monitor {
    world: World,
    members: Members,
    recorder: Recorder,
    online: Online,
    teller: Teller,
    ends: LogEnds,
    records: usize,
    faults: usize,
    clients: usize,
    waiting: Vec<Event>,
    options: checker::Options,
    /// How many events make a history that is judged next.
    due: usize,
    is_healed: bool,
}

impl Monitor {
    pub(super) fn new(
        world: World,
        members: Members,
        recorder: Recorder,
        options: checker::Options,
    ) -> Self {
        Self {
            world,
            members,
            recorder,
            online: Online::default(),
            teller: Teller::default(),
            ends: LogEnds::default(),
            records: 0,
            faults: 0,
            clients: 0,
            waiting: Vec::new(),
            options,
            due: HISTORY_MIN,
            is_healed: false,
        }
    }

    /// Waits until something is wrong, and for what comes of it.
    pub(super) async fn watch(mut self) -> Violation {
        loop {
            SimRuntime::sleep(POLL).await;
            self.look();
            let violation = self.online.violation().cloned().or_else(|| self.judge_history());
            if let Some(violation) = violation {
                SimRuntime::sleep(AFTERMATH).await;
                return violation;
            }
        }
    }

    fn look(&mut self) {
        let records = self.members.cluster().observed().records_from(self.records);
        self.records += records.len();
        let fresh = self.waiting.len();
        for record in &records {
            self.teller.tell(record, &|_| None, &mut self.waiting);
        }
        let faults = self.members.faults_from(self.faults);
        self.faults += faults.len();
        self.waiting.extend(faults.iter().filter_map(observed::stop));
        // Who is being added is in the log before there is a number for it: here everybody is called by the id.
        for event in &mut self.waiting[fresh..] {
            let member = match event {
                Event::Observed(seen) => &mut seen.member,
                Event::Applied(tap) => &mut tap.member,
                _ => continue,
            };
            let number = usize::try_from(*member).expect("members are few");
            *member = self.members.id(number).unwrap_or(*member);
        }
        let clients = self.recorder.events_from(self.clients);
        self.clients += clients.len();
        self.is_healed |= clients.iter().any(|event| matches!(event, Event::Healed { .. }));
        self.waiting.extend(clients);
        self.waiting.sort_by_key(Event::time);
        let until = self.until();
        let ripe = self.waiting.partition_point(|event| event.time() <= until);
        for event in self.waiting.drain(..ripe) {
            if let Some(before) = self.ends.before(&event) {
                self.online.look(&before);
            }
            self.online.look(&event);
        }
    }

    /// The moment up to which everything has been told.
    fn until(&self) -> u64 {
        let now = u64::try_from(self.world.true_time().as_micros()).unwrap_or(u64::MAX);
        now.saturating_sub(LAG_US)
    }

    /// What is wrong in the history so far, if it is time to judge it.
    fn judge_history(&mut self) -> Option<Violation> {
        let size = self.records + self.clients;
        if self.is_healed || size < self.due {
            return None;
        }
        self.due = size * 2;
        let records = self.members.records();
        let names = |id| self.members.number(id);
        let clients = self.recorder.events_from(0);
        let mut events = observed::merge(&names, &records, &self.members.faults(), clients);
        let until = self.until();
        events.retain(|event| event.time() <= until);
        checker::check_beginning(&History::from(events), &self.options)
    }
}
