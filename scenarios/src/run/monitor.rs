//! Judges what members tell and clients see while the run goes on, and says when something is wrong.
//!
//! A run that is not ended there goes on for long with members that do not agree, and what it shows in the end is
//! that, and not how it came to it.
//!
//! What is told at once is judged at once. Much of the rest needs the order of all writes: it is judged whenever the
//! history has doubled, so a run goes on for no longer than it took to get there, and the judgements cost in sum twice
//! as much as the last one does. When everything is healed the end is near, and that is left to the judgement there.

use std::time::Duration;

use jepsen_like::checker::online::Online;
use jepsen_like::checker::{self, Violation};
use jepsen_like::history::{Event, History};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, World};

use super::members::Members;
use super::observed;
use crate::workload::Recorder;

/// How often it looks.
const POLL: Duration = Duration::from_millis(100);
/// What happened just now waits for the next look: some of it is told a little late.
const LAG_US: u64 = 1_000;
/// How long the run goes on to show what comes of it.
const AFTERMATH: Duration = Duration::from_secs(2);
/// How much must have been told for a history to be judged as one.
const HISTORY_MIN: usize = 1_000;

/// What has been looked at, and what is still to come.
pub(super) struct Monitor {
    world: World,
    members: Members,
    recorder: Recorder,
    online: Online,
    records: usize,
    faults: usize,
    clients: usize,
    waiting: Vec<Event>,
    options: checker::Options,
    /// How much must have been told when the history is judged next.
    due: usize,
    is_healed: bool,
    /// When the history is judged once more, because something was wrong in it.
    confirmed_at: Option<Duration>,
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
            records: 0,
            faults: 0,
            clients: 0,
            waiting: Vec::new(),
            options,
            due: HISTORY_MIN,
            is_healed: false,
            confirmed_at: None,
        }
    }

    /// Waits until something is wrong, and for what comes of it.
    pub(super) async fn watch(mut self) -> Violation {
        loop {
            SimRuntime::sleep(POLL).await;
            self.look();
            if let Some(violation) = self.online.violation() {
                let violation = violation.clone();
                SimRuntime::sleep(AFTERMATH).await;
                return violation;
            }
            if let Some(violation) = self.judge_history() {
                return violation;
            }
        }
    }

    fn look(&mut self) {
        let fresh = self.waiting.len();
        let waiting = &mut self.waiting;
        self.records += self.members.cluster().observed().look_from(self.records, |records| {
            for record in records {
                observed::tell(record, &|_| None, waiting);
            }
            records.len()
        });
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
        let now = u64::try_from(self.world.true_time().as_micros()).unwrap_or(u64::MAX);
        let ripe = self.waiting.partition_point(|event| event.time() + LAG_US <= now);
        for event in self.waiting.drain(..ripe) {
            self.online.look(&event);
        }
    }

    /// What is wrong in the history so far, if it is time to judge it. Something was wrong in it some time before,
    /// too: what was only told late is no violation.
    fn judge_history(&mut self) -> Option<Violation> {
        let now = self.world.true_time();
        if let Some(confirmed_at) = self.confirmed_at {
            if now < confirmed_at {
                return None;
            }
            self.confirmed_at = None;
            return checker::check_beginning(&self.history(), &self.options);
        }
        let size = self.records + self.clients;
        if self.is_healed || size < self.due {
            return None;
        }
        self.due = size * 2;
        if checker::check_beginning(&self.history(), &self.options).is_some() {
            self.confirmed_at = Some(now + AFTERMATH);
        }
        None
    }

    /// The same as the run would end with now.
    fn history(&self) -> History {
        let names = |id| self.members.number(id);
        let clients = self.recorder.events_from(0);
        let faults = self.members.faults();
        self.members.cluster().observed().look_from(0, |records| {
            History::from(observed::merge(&names, records, &faults, clients))
        })
    }
}
