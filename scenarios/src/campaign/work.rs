//! What a campaign has to do, one run after the other.

use std::ops::Range;
use std::time::Instant;

use reports::Shard;

use super::Subject;

/// One subject under many seeds.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What is run.
    pub subject: Subject,
    /// Under which seeds.
    pub seeds: Range<u64>,
    /// When it is enough, if that is for the clock to say. Without it all seeds are run.
    pub until: Option<Until>,
}

/// An end by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until {
    /// No run begins after that.
    pub end: Instant,
    /// But so many seeds are run however long they take: a few say too little.
    pub at_least: u64,
}

impl Batch {
    /// All seeds of a range.
    pub fn all(subject: Subject, seeds: Range<u64>) -> Self {
        Self { subject, seeds, until: None }
    }

    /// How many seeds are run whatever the clock says, in all shards together.
    fn least(&self) -> u64 {
        let all = self.seeds.end - self.seeds.start;
        self.until.map_or(all, |until| until.at_least.min(all))
    }

    /// Whether the seed at a place of the range is run: in time, or without regard to it.
    fn is_due(&self, place: u64) -> bool {
        place < self.least() || self.until.is_none_or(|until| Instant::now() < until.end)
    }
}

/// A run that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Task {
    /// Its batch's place among all.
    pub(super) batch: usize,
    /// Its seed.
    pub(super) seed: u64,
}

/// The runs of one shard, batch by batch in the order of their seeds.
pub(super) fn tasks(batches: &[Batch], shard: Shard) -> impl Iterator<Item = Task> {
    batches.iter().enumerate().flat_map(move |(number, batch)| {
        // Counted from the batch's own beginning: another batch before it moves no seed to another shard.
        let begin = batch.seeds.start;
        let seeds = batch.seeds.clone();
        seeds
            .skip(shard.index as usize)
            .step_by(shard.of as usize)
            .take_while(move |seed| batch.is_due(seed - begin))
            .inspect(move |seed| debug_assert!(shard.has(seed - begin)))
            .map(move |seed| Task { batch: number, seed })
    })
}

/// How many runs there are; nothing when that is for the clock to say.
pub(super) fn count(batches: &[Batch], shard: Shard) -> Option<u64> {
    batches.iter().all(|batch| batch.until.is_none()).then(|| least(batches, shard))
}

/// How many runs there are at least.
pub(super) fn least(batches: &[Batch], shard: Shard) -> u64 {
    let mine = |seeds: u64| seeds.saturating_sub(shard.index.into()).div_ceil(shard.of.into());
    batches.iter().map(|batch| mine(batch.least())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(seeds: Range<u64>) -> Batch {
        Batch::all(Subject::Swarm, seeds)
    }

    #[test]
    fn shards_share_out_every_seed_once() {
        let batches = [batch(3..20), batch(0..1), batch(100..104)];
        let whole: Vec<Task> = tasks(&batches, Shard::WHOLE).collect();
        assert_eq!(whole.len(), 22);
        for of in 1..25 {
            let mut together = Vec::new();
            for index in 0..of {
                let shard = Shard::new(index, of).unwrap();
                let mine: Vec<Task> = tasks(&batches, shard).collect();
                assert_eq!(count(&batches, shard), Some(mine.len() as u64), "{index}/{of}");
                together.extend(mine);
            }
            together.sort_by_key(|task| (task.batch, task.seed));
            assert_eq!(together, whole, "{of} shards");
        }
    }

    #[test]
    fn nothing_begins_after_the_end() {
        let late = |at_least| {
            let until = Some(Until { end: Instant::now(), at_least });
            [batch(0..2), Batch { until, ..batch(0..u64::MAX) }]
        };
        assert_eq!(tasks(&late(0), Shard::WHOLE).count(), 2);
        assert_eq!(count(&late(0), Shard::WHOLE), None);
        // But for what has to be run anyway.
        for of in [1, 2, 5] {
            let shards = (0..of).map(|index| Shard::new(index, of).unwrap());
            let due = shards.map(|shard| {
                let mine = tasks(&late(7), shard).count() as u64;
                assert_eq!(least(&late(7), shard), mine);
                mine
            });
            assert_eq!(due.sum::<u64>(), 9);
        }
    }
}
