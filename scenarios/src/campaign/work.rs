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
    /// No run begins after that. Without it all seeds are run.
    pub until: Option<Instant>,
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
    batches.iter().enumerate().flat_map(move |(batch, Batch { seeds, until, .. })| {
        // Counted from the batch's own beginning: another batch before it moves no seed to another shard.
        let begin = seeds.start;
        seeds
            .clone()
            .skip(shard.index as usize)
            .step_by(shard.of as usize)
            .take_while(move |_| until.is_none_or(|until| Instant::now() < until))
            .inspect(move |seed| debug_assert!(shard.has(seed - begin)))
            .map(move |seed| Task { batch, seed })
    })
}

/// How many runs there are; nothing when that is for the clock to say.
pub(super) fn count(batches: &[Batch], shard: Shard) -> Option<u64> {
    batches
        .iter()
        .map(|batch| {
            let seeds = batch.seeds.end - batch.seeds.start;
            let mine = seeds.saturating_sub(shard.index.into()).div_ceil(shard.of.into());
            batch.until.is_none().then_some(mine)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(seeds: Range<u64>) -> Batch {
        Batch { subject: Subject::Swarm, seeds, until: None }
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
        let late = Batch { until: Some(Instant::now()), ..batch(0..u64::MAX) };
        let batches = [batch(0..2), late];
        assert_eq!(tasks(&batches, Shard::WHOLE).count(), 2);
        assert_eq!(count(&batches, Shard::WHOLE), None);
    }
}
