//! Results as they come, put in order.

use std::collections::BTreeMap;

use reports::{Run, Scenario, Verdict};

use super::work::{Task, count};
use super::{Listener, Progress, STORIES_MAX, Settings};

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
        while let Some((task, mut run)) = self.early.remove(&self.next) {
            self.next += 1;
            self.tell_before(task.batch, listener);
            let runs = &mut self.scenarios[task.batch].runs;
            // A broken tree fails with every seed, and stories are large.
            if runs.iter().filter(|run| run.story.is_some()).count() >= STORIES_MAX {
                run.story = None;
            }
            runs.push(run);
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

#[cfg(test)]
mod tests {
    use reports::{Shard, Story};

    use super::*;
    use crate::campaign::{Batch, Details, Subject};

    struct Nobody;

    impl Listener for Nobody {
        fn run_done(&mut self, _: &str, _: &Run, _: Progress) {}
        fn scenario_done(&mut self, _: &Scenario) {}
    }

    fn failed(seed: u64) -> Run {
        Run {
            seed,
            verdict: Verdict::Violation,
            counts: Default::default(),
            simulated_us: 1,
            wall_us: 1,
            digest: String::new(),
            replay: String::new(),
            findings: Vec::new(),
            struck: BTreeMap::new(),
            reached: BTreeMap::new(),
            story: Some(Story::default()),
        }
    }

    #[test]
    fn of_many_failures_the_first_seeds_keep_their_story_in_whatever_order_they_end() {
        let settings = Settings {
            title: String::new(),
            command: String::new(),
            batches: vec![Batch { subject: Subject::Swarm, seeds: 0..8, until: None }],
            shard: Shard::WHOLE,
            jobs: 1,
            stops_at_first: false,
            details: Details::default(),
        };
        let mut gathered = Gathered::new(&settings);
        for seed in [3, 1, 0, 2, 7, 6, 5, 4] {
            let number = usize::try_from(seed).unwrap();
            gathered.add(number, Task { batch: 0, seed }, failed(seed), &mut Nobody);
        }
        let scenarios = gathered.finish(&mut Nobody);
        let told: Vec<u64> = scenarios[0]
            .runs
            .iter()
            .filter(|run| run.story.is_some())
            .map(|run| run.seed)
            .collect();
        assert_eq!(told, [0, 1, 2, 3, 4]);
        assert_eq!(scenarios[0].runs.len(), 8);
    }
}
