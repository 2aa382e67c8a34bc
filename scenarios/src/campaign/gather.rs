//! Results as they come, put in order.

use std::collections::BTreeMap;

use reports::{Run, Scenario, Verdict};

use super::work::{Task, count};
use super::{Listener, Progress, Settings};

/// The runs so far.
pub(super) struct Gathered {
    scenarios: Vec<Scenario>,
    /// Runs that ended before one that began earlier.
    early: BTreeMap<usize, (Task, Run)>,
    next: usize,
    /// How many scenarios have been told of.
    told: usize,
    progress: Progress,
}

impl Gathered {
    pub(super) fn new(settings: &Settings) -> Self {
        let scenario = |batch: &super::Batch| Scenario {
            name: batch.subject.name().to_owned(),
            about: batch.subject.about().to_owned(),
            runs: Vec::new(),
        };
        Self {
            scenarios: settings.batches.iter().map(scenario).collect(),
            early: BTreeMap::new(),
            next: 0,
            told: 0,
            progress: Progress {
                done: 0,
                all: count(&settings.batches, settings.shard),
                failed: 0,
                simulated_us: 0,
            },
        }
    }

    pub(super) fn add(
        &mut self,
        number: usize,
        task: Task,
        run: Run,
        listener: &mut impl Listener,
    ) {
        self.progress.done += 1;
        self.progress.failed += u64::from(run.verdict != Verdict::Pass);
        self.progress.simulated_us += run.simulated_us;
        listener.run_done(&self.scenarios[task.batch].name, &run, self.progress);
        self.early.insert(number, (task, run));
        while let Some((task, run)) = self.early.remove(&self.next) {
            self.next += 1;
            self.tell_before(task.batch, listener);
            self.scenarios[task.batch].runs.push(run);
        }
    }

    /// All scenarios with their runs.
    pub(super) fn finish(mut self, listener: &mut impl Listener) -> Vec<Scenario> {
        self.tell_before(self.scenarios.len(), listener);
        self.scenarios
    }

    /// A batch has begun, so those before it are done.
    fn tell_before(&mut self, batch: usize, listener: &mut impl Listener) {
        for scenario in &self.scenarios[self.told..batch] {
            listener.scenario_done(scenario);
        }
        self.told = self.told.max(batch);
    }
}
