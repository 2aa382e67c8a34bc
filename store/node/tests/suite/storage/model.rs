//! A state as plain maps, and histories of states to compare with.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::{Change, KeyValue, MetaKey, Revision, Row};
use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::storage::{Mark, Position, Replay, Storage};

use crate::rng::Rng;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) rows: BTreeMap<Revision, Row>,
    pub(crate) meta: BTreeMap<MetaKey, Bytes>,
}

impl Model {
    fn apply(&mut self, changes: &[Change]) {
        for change in changes.iter().cloned() {
            match change {
                Change::Put { revision, row } => {
                    assert_eq!(self.rows.insert(revision, row), None);
                }
                Change::Remove { revision } => {
                    self.rows.remove(&revision);
                }
                Change::SetMeta { key, value } => {
                    self.meta.insert(key, value);
                }
                Change::RemoveMeta { key } => {
                    self.meta.remove(&key);
                }
            }
        }
    }

    /// The durable state of `storage`.
    pub(crate) async fn of(storage: &Storage<TokioRuntime>) -> Self {
        storage.replay(Self::default()).await.unwrap()
    }
}

impl Replay for Model {
    fn meta(&mut self, key: MetaKey, value: Bytes) -> Result<(), String> {
        assert_eq!(self.rows.len(), 0, "named values come first");
        assert_eq!(self.meta.insert(key, value), None);
        Ok(())
    }

    fn row(&mut self, revision: Revision, row: Row) -> Result<(), String> {
        assert!(self.rows.keys().next_back().is_none_or(|last| *last < revision));
        self.rows.insert(revision, row);
        Ok(())
    }
}

/// What was staged, step by step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) mark: Mark,
    pub(crate) changes: Vec<Change>,
    /// The state afterwards.
    pub(crate) after: Model,
}

/// A history of `steps` steps: puts, deletions, removals of old rows, named values, and steps that change
/// nothing. The Raft index leaves gaps.
pub(crate) fn history(rng: &mut Rng, steps: usize) -> Vec<Step> {
    let mut model = Model::default();
    let mut index = 0;
    let mut history = Vec::new();
    for main in 1..=steps as i64 {
        index += 1 + rng.below(3);
        let changes = changes(rng, &model, main);
        model.apply(&changes);
        let position = Position { term: 1 + index / 7, node: 1, index };
        let membership = Bytes::from(format!("members as of {}", index / 5));
        let mark = Mark { position, membership };
        history.push(Step { mark, changes, after: model.clone() });
    }
    history
}

fn changes(rng: &mut Rng, model: &Model, main: i64) -> Vec<Change> {
    let mut changes = Vec::new();
    for sub in 0..rng.below(4) as i64 {
        changes.push(Change::Put { revision: Revision { main, sub }, row: row(rng, main) });
    }
    if changes.is_empty() {
        return changes;
    }
    for (revision, _) in model.rows.iter().take(40) {
        if rng.below(10) == 0 {
            changes.push(Change::Remove { revision: *revision });
        }
    }
    let value = Bytes::from(main.to_string());
    changes.push(Change::SetMeta { key: MetaKey::Revision, value: value.clone() });
    changes.push(Change::SetMeta { key: MetaKey::Member(rng.below(3)), value });
    if rng.below(3) == 0 {
        changes.push(Change::RemoveMeta { key: MetaKey::Member(rng.below(3)) });
    }
    changes
}

fn row(rng: &mut Rng, main: i64) -> Row {
    let key = Bytes::from(format!("key-{}", rng.below(20)));
    if rng.below(5) == 0 {
        return Row::Tombstone { key };
    }
    let len = if rng.below(8) == 0 { 6_000 } else { rng.below(300) };
    let value = (0..len).map(|_| rng.next() as u8).collect();
    Row::Value(Arc::new(KeyValue {
        key,
        value,
        create_revision: main - 1,
        mod_revision: main,
        version: 2,
        lease: rng.below(2) as i64 * 77,
    }))
}

/// A history with steps of compaction in between, which have the mark of the step before.
pub(crate) fn history_with_compaction(rng: &mut Rng, steps: usize) -> Vec<Step> {
    let mut history = history(rng, steps);
    for number in (0..history.len()).rev().filter(|number| number % 4 == 3) {
        let before = &history[number];
        let removed = before.after.rows.keys().find(|_| rng.below(3) == 0).copied();
        let Some(revision) = removed else { continue };
        // A later step of the history may not remove it again, nor still have it.
        for later in &mut history[number + 1..] {
            later.changes.retain(|change| *change != Change::Remove { revision });
            later.after.rows.remove(&revision);
        }
        let changes = vec![Change::Remove { revision }];
        let mut after = history[number].after.clone();
        after.apply(&changes);
        history.insert(number + 1, Step { mark: history[number].mark.clone(), changes, after });
    }
    history
}

/// A history of one row of some thousand bytes for each step, so that it takes several chunks to copy.
pub(crate) fn large_history(rng: &mut Rng, steps: usize) -> Vec<Step> {
    let mut model = Model::default();
    let mut history = Vec::new();
    for main in 1..=steps as i64 {
        let key = Bytes::from(format!("key-{}", rng.below(50)));
        let value = (0..4_000 + rng.below(3_000)).map(|_| rng.next() as u8).collect();
        let kv = KeyValue { key, value, mod_revision: main, ..KeyValue::default() };
        let row = Row::Value(Arc::new(kv));
        let value = Bytes::from(main.to_string());
        let changes = vec![
            Change::Put { revision: Revision { main, sub: 0 }, row },
            Change::SetMeta { key: MetaKey::Revision, value },
        ];
        model.apply(&changes);
        let position = Position { term: 1, node: 1, index: main as u64 };
        let mark = Mark { position, membership: Bytes::new() };
        history.push(Step { mark, changes, after: model.clone() });
    }
    history
}

/// From `from` on, lets every step remove a row of those before.
pub(crate) fn compact(history: &mut [Step], rng: &mut Rng, from: usize) {
    let mut removed = Vec::new();
    for (number, step) in history.iter_mut().enumerate() {
        removed.iter().for_each(|revision| drop(step.after.rows.remove(revision)));
        if number >= from {
            let place = rng.below(step.after.rows.len() as u64 - 1) as usize;
            let revision = *step.after.rows.keys().nth(place).unwrap();
            step.changes.push(Change::Remove { revision });
            step.after.rows.remove(&revision);
            removed.push(revision);
        }
    }
}

/// Stages steps in order.
pub(crate) fn stage(storage: &Storage<TokioRuntime>, steps: &[Step]) {
    for step in steps {
        storage.stage(step.mark.clone(), step.changes.clone());
    }
}

/// How many steps of `history` have led to the state `found` under `mark`.
pub(crate) fn steps_to(history: &[Step], mark: Option<&Mark>, found: &Model) -> usize {
    let Some(mark) = mark else {
        assert_eq!(*found, Model::default());
        return 0;
    };
    let step = history.iter().rposition(|step| step.mark == *mark && step.after == *found);
    step.unwrap_or_else(|| panic!("the state under {mark:?} was never staged: {found:?}")) + 1
}
