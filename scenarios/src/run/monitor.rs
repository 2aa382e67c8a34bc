//! Judges what members tell while the run goes on, and says when something is wrong.
//!
//! A run that is not ended there goes on for long with members that do not agree, and what it shows in the end is
//! that, and not how it came to it.

use std::time::Duration;

use detcd_node::observer::Observation;
use futures_util::future;
use jepsen_like::checker::Violation;
use jepsen_like::checker::online::Online;
use jepsen_like::history::Event;
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use sim::World;
use sim::cluster::Record;

use super::members::Members;
use super::observed::{self, LogEnds, Teller};

/// How often it looks.
const POLL: Duration = Duration::from_millis(100);
/// What happened just now waits for the next look: some of it is told a little late.
const LAG_US: u64 = 1_000;
/// How long it waits for the number of somebody new.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the run goes on to show what comes of it.
const AFTERMATH: Duration = Duration::from_secs(2);

/// What has been looked at, and what is still to come.
pub(super) struct Monitor {
    world: World,
    members: Members,
    online: Online,
    teller: Teller,
    ends: LogEnds,
    records: usize,
    faults: usize,
    waiting: Vec<Event>,
    is_lost: bool,
}

impl Monitor {
    pub(super) fn new(world: World, members: Members) -> Self {
        Self {
            world,
            members,
            online: Online::default(),
            teller: Teller::default(),
            ends: LogEnds::default(),
            records: 0,
            faults: 0,
            waiting: Vec::new(),
            is_lost: false,
        }
    }

    /// Waits until something is wrong, and for what comes of it.
    pub(super) async fn watch(mut self) -> Violation {
        loop {
            SimRuntime::sleep(POLL).await;
            self.look();
            if self.is_lost {
                // Nobody was told whom a change had added. The whole history is judged in the end.
                return future::pending().await;
            }
            if let Some(violation) = self.online.violation() {
                let violation = violation.clone();
                SimRuntime::sleep(AFTERMATH).await;
                return violation;
            }
        }
    }

    fn look(&mut self) {
        let records = self.members.cluster().observed().records_from(self.records);
        let named = records.iter().take_while(|record| self.knows_all_of(record)).count();
        self.records += named;
        let names = |id| self.members.number(id);
        for record in &records[..named] {
            self.teller.tell(record, &names, &mut self.waiting);
        }
        let faults = self.members.faults_from(self.faults);
        self.faults += faults.len();
        self.waiting.extend(faults.iter().filter_map(observed::stop));
        self.waiting.sort_by_key(Event::time);
        let unheard = records.get(named).map(|record| record.time);
        let until = unheard.unwrap_or(self.world.true_time());
        let until = u64::try_from(until.as_micros()).unwrap_or(u64::MAX);
        let ripe = self.waiting.partition_point(|event| event.time() + LAG_US <= until);
        for event in self.waiting.drain(..ripe) {
            if let Some(before) = self.ends.before(&event) {
                self.online.look(&before);
            }
            self.online.look(&event);
        }
        self.is_lost = unheard.is_some_and(|since| self.world.true_time() > since + PATIENCE);
    }

    /// Whether everybody of whom the record speaks has a number. Who is added gets one with the answer.
    fn knows_all_of(&self, record: &Record) -> bool {
        let is_known = |id: &u64| self.members.number(*id).is_some();
        match &record.observation {
            Observation::Membership { voters, learners, .. } => {
                voters.iter().flatten().chain(learners).all(is_known)
            }
            Observation::Voted { candidate, .. } => is_known(candidate),
            _ => true,
        }
    }
}
