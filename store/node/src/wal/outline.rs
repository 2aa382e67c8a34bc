//! Which positions a log holds: decisions only, the same when a request comes in and when the frame it
//! left is read back.

use std::collections::BTreeMap;

use super::{Position, Refusal};

/// The shape of a log. Every refusal leaves it as it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Outline {
    purged: Option<Position>,
    last: Option<Position>,
    committed: Option<Position>,
    /// Where a leader's entries begin: first index, then term and node.
    runs: BTreeMap<u64, (u64, u64)>,
    /// The runs tell of this index and those behind it. While a log is read back whose older
    /// segments are gone, there are entries before it of which nothing is known.
    known: u64,
}

/// What an installed snapshot does to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Installed {
    /// It is older than the log's beginning.
    Nothing,
    /// It ends inside the log: what follows stays.
    Purged,
    /// It ends beyond the log or contradicts it: nothing stays.
    Reset,
}

/// The index that follows a position.
pub(super) fn next_after(position: Option<Position>) -> u64 {
    position.map_or(0, |position| position.index.saturating_add(1))
}

impl Outline {
    /// The shape that a checkpoint tells of.
    pub(super) fn from_checkpoint(
        purged: Option<Position>,
        last: Option<Position>,
        committed: Option<Position>,
    ) -> Self {
        let mut outline = Self { purged, last, committed, ..Self::default() };
        outline.know_only(last);
        outline
    }

    pub(super) fn purged(&self) -> Option<Position> {
        self.purged
    }

    pub(super) fn last(&self) -> Option<Position> {
        self.last
    }

    pub(super) fn committed(&self) -> Option<Position> {
        self.committed
    }

    /// The commit mark, if this log still tells of it; a mark may have come with a snapshot that
    /// was never installed.
    pub(super) fn reliable_committed(&self) -> Option<Position> {
        let known = |mark: &Position| {
            mark.index < next_after(self.purged) || self.at(mark.index) == Some(*mark)
        };
        self.committed.filter(known)
    }

    /// The index of the next entry.
    pub(super) fn next(&self) -> u64 {
        next_after(self.last)
    }

    fn know_only(&mut self, last: Option<Position>) {
        self.runs = last.into_iter().map(|at| (at.index, (at.term, at.node))).collect();
        self.known = last.map_or(0, |at| at.index);
    }

    /// What stands at an index, as far as it is known.
    fn at(&self, index: u64) -> Option<Position> {
        if let Some(purged) = self.purged.filter(|purged| purged.index == index) {
            return Some(purged);
        }
        if index < self.known || index >= self.next() {
            return None;
        }
        let (_, &(term, node)) = self.runs.range(..=index).next_back()?;
        Some(Position { term, node, index })
    }

    fn check_conflict(&self, expected: Position) -> Result<(), Refusal> {
        match self.at(expected.index) {
            Some(found) if found != expected => Err(Refusal::Conflict { found, expected }),
            _ => Ok(()),
        }
    }

    /// Committed entries that are in this log at `first` or behind it must stay.
    fn check_committed(&self, first: u64) -> Result<(), Refusal> {
        match self.committed {
            Some(committed)
                if committed.index >= first && self.at(committed.index) == Some(committed) =>
            {
                Err(Refusal::Committed { index: first, committed: committed.index })
            }
            _ => Ok(()),
        }
    }

    /// Whether these entries may follow.
    pub(super) fn check_append(
        &self,
        positions: impl Iterator<Item = Position>,
    ) -> Result<(), Refusal> {
        let mut last = self.last;
        for position in positions {
            let expected = next_after(last);
            if position.index != expected {
                return Err(Refusal::Gap { expected, found: position.index });
            }
            let before = last.map_or(0, |last| last.term);
            if position.term < before {
                let (index, found) = (position.index, position.term);
                return Err(Refusal::Term { index, before, found });
            }
            last = Some(position);
        }
        Ok(())
    }

    /// Adds an entry that was checked.
    pub(super) fn append(&mut self, position: Position) {
        let leader = (position.term, position.node);
        let expected = self.next();
        assert_eq!(position.index, expected, "an unchecked entry was appended");
        if self.last.is_none_or(|last| (last.term, last.node) != leader) {
            self.runs.insert(position.index, leader);
        }
        self.last = Some(position);
    }

    /// Drops what is behind `last`. Says how many entries, counted from the log's very beginning,
    /// remain; nothing where nothing had to go.
    pub(super) fn truncate(&mut self, last: Option<Position>) -> Result<Option<u64>, Refusal> {
        let keep = next_after(last);
        if keep > self.next() {
            return Ok(None);
        }
        if let Some(purged) = self.purged.filter(|purged| keep <= purged.index) {
            return Err(Refusal::Purged { index: keep, purged: purged.index });
        }
        if let Some(last) = last {
            self.check_conflict(last)?;
        }
        if keep == self.next() {
            return Ok(None);
        }
        self.check_committed(keep)?;
        self.runs.split_off(&keep);
        if last.is_none_or(|last| last.index < self.known) {
            self.know_only(last);
        }
        self.last = last;
        Ok(Some(keep))
    }

    /// Drops what is before and at `upto`. Says whether that is anything.
    pub(super) fn purge(&mut self, upto: Position) -> Result<bool, Refusal> {
        if self.purged.is_some_and(|purged| upto.index <= purged.index) {
            return Ok(false);
        }
        if upto.index >= self.next() {
            return Err(Refusal::Absent { index: upto.index });
        }
        self.check_conflict(upto)?;
        self.purged = Some(upto);
        if upto.index >= self.known {
            self.runs = self.runs.split_off(&upto.index);
            self.runs.insert(upto.index, (upto.term, upto.node));
            self.known = upto.index;
        }
        Ok(true)
    }

    /// Makes the log go on behind a snapshot.
    pub(super) fn install(&mut self, upto: Position) -> Result<Installed, Refusal> {
        if self.purged.is_some_and(|purged| upto.index <= purged.index) {
            return Ok(Installed::Nothing);
        }
        if self.at(upto.index) == Some(upto) {
            self.purge(upto)?;
            return Ok(Installed::Purged);
        }
        self.check_committed(upto.index.saturating_add(1))?;
        self.reset(upto);
        Ok(Installed::Reset)
    }

    /// Drops everything; the log goes on behind `upto`.
    pub(super) fn reset(&mut self, upto: Position) {
        *self = Self::from_checkpoint(Some(upto), Some(upto), self.committed);
    }

    /// Moves the commit mark, never back. Says whether it moved.
    pub(super) fn commit(&mut self, position: Position) -> bool {
        let moved = self.committed.is_none_or(|committed| committed.index < position.index);
        if moved {
            self.committed = Some(position);
        }
        moved
    }
}
