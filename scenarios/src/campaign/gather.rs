//! Results as they come, put in order.

use std::collections::BTreeMap;

use reports::{Run, Scenario, Verdict};

use super::work::{Task, count};
use super::{Listener, Progress, Settings, StoryQuota};

/// The runs so far.
pub(super) struct Gathered {
    scenarios: Vec<Scenario>,
    /// Runs that ended before one that began earlier.
    early: BTreeMap<usize, (Task, Run)>,
    next: usize,
    stories: StoryQuota,
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
            stories: StoryQuota::default(),
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
        mut run: Run,
        listener: &mut impl Listener,
    ) {
        self.progress.done += 1;
        self.progress.failed += u64::from(run.verdict != Verdict::Pass);
        self.progress.simulated_us += run.simulated_us;
        // The first that end keep their stories.
        if run.story.is_some() && !self.stories.admits(task.batch) {
            run.story = None;
        }
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

#[cfg(test)]
mod tests {
    use reports::{Shard, Story};

    use super::*;
    use crate::campaign::{Batch, Details, Subject};

    /// Whose runs came with their story.
    #[derive(Default)]
    struct Listening(Vec<u64>);

    impl Listener for Listening {
        fn run_done(&mut self, _: &str, run: &Run, _: Progress) {
            self.0.extend(run.story.is_some().then_some(run.seed));
        }
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
            spared: BTreeMap::new(),
            repeats: None,
            ledger: None,
            story: Some(Story::default()),
        }
    }

    #[test]
    fn of_many_failures_the_first_that_end_keep_their_story_and_all_are_in_order() {
        let settings = Settings {
            title: String::new(),
            command: String::new(),
            batches: vec![Batch::all(Subject::Swarm, 0..8)],
            shard: Shard::WHOLE,
            jobs: 1,
            stops_at_first: false,
            reruns: false,
            patience: None,
            stop: Default::default(),
            details: Details::default(),
        };
        let (mut gathered, mut listening) = (Gathered::new(&settings), Listening::default());
        for seed in [3, 1, 0, 2, 7, 6, 5, 4] {
            let number = usize::try_from(seed).unwrap();
            gathered.add(number, Task { batch: 0, seed }, failed(seed), &mut listening);
        }
        let scenarios = gathered.finish(&mut listening);
        let seeds = |with: fn(&Run) -> bool| {
            let runs = scenarios[0].runs.iter().filter(|run| with(run));
            runs.map(|run| run.seed).collect::<Vec<_>>()
        };
        assert_eq!(listening.0, [3, 1, 0, 2, 7]);
        assert_eq!(seeds(|run| run.story.is_some()), [0, 1, 2, 3, 7]);
        assert_eq!(seeds(|_| true), (0..8).collect::<Vec<_>>());
    }
}
