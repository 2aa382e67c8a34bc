//! What a log is, said naively, and requests that fit it.

use std::collections::BTreeMap;

use bytes::Bytes;
use detcd_node::wal::{Entry, Position, Recovered};
use proptest::prelude::*;

use super::world::{TestLog, at, entry, read_all};

/// A log as a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) entries: BTreeMap<u64, Entry>,
    pub(crate) purged: Option<Position>,
    pub(crate) committed: Option<Position>,
    pub(crate) vote: Option<Bytes>,
}

/// Something to do, sized relative to whatever the log is at that time.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    Append { count: u64, payload_bytes: usize, new_term: bool },
    Truncate { back: u64 },
    Purge { forward: u64 },
    InstallBeyond { gap: u64 },
    InstallWithin { forward: u64 },
    Vote(u8),
    Commit { back: u64 },
}

/// What is asked of the log.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Append(Vec<Entry>),
    Truncate(Option<Position>),
    Purge(Position),
    Install(Position),
    Vote(Bytes),
    Commit(Position),
}

pub(crate) fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1_u64..5, 0_usize..200, any::<bool>()).prop_map(|(count, payload_bytes, new_term)| {
            Action::Append { count, payload_bytes, new_term }
        }),
        2 => (0_u64..6).prop_map(|back| Action::Truncate { back }),
        2 => (0_u64..9).prop_map(|forward| Action::Purge { forward }),
        1 => (0_u64..9).prop_map(|gap| Action::InstallBeyond { gap }),
        1 => (0_u64..9).prop_map(|forward| Action::InstallWithin { forward }),
        2 => any::<u8>().prop_map(Action::Vote),
        2 => (0_u64..3).prop_map(|back| Action::Commit { back }),
    ]
}

impl Model {
    pub(crate) fn last(&self) -> Option<Position> {
        self.entries.values().next_back().map(|entry| entry.position).or(self.purged)
    }

    fn first(&self) -> u64 {
        self.purged.map_or(0, |purged| purged.index + 1)
    }

    fn next(&self) -> u64 {
        self.last().map_or(0, |last| last.index + 1)
    }

    fn at(&self, index: u64) -> Option<Position> {
        let entry = self.entries.get(&index).map(|entry| entry.position);
        entry.or(self.purged.filter(|purged| purged.index == index))
    }

    /// The request that an action is here; none where it makes no sense.
    pub(crate) fn request(&self, action: &Action) -> Option<Request> {
        let next = self.next();
        let term = self.last().map_or(1, |last| last.term);
        Some(match *action {
            Action::Append { count, payload_bytes, new_term } => {
                let term = term + u64::from(new_term);
                let indexes = next..next + count;
                Request::Append(indexes.map(|at| entry(term, at, payload_bytes)).collect())
            }
            Action::Truncate { back } => {
                let committed = self.committed.map_or(0, |committed| committed.index + 1);
                let keep = next.saturating_sub(back).max(self.first()).max(committed).min(next);
                Request::Truncate(if keep == 0 { None } else { self.at(keep - 1) })
            }
            Action::Purge { forward } => {
                Request::Purge(self.entries.values().nth(forward as usize)?.position)
            }
            Action::InstallBeyond { gap } => Request::Install(at(term + 1, next + gap)),
            Action::InstallWithin { forward } => {
                Request::Install(self.entries.values().nth(forward as usize)?.position)
            }
            Action::Vote(vote) => Request::Vote(Bytes::from(vec![vote; usize::from(vote % 16)])),
            Action::Commit { back } => {
                Request::Commit(self.entries.values().rev().nth(back as usize)?.position)
            }
        })
    }

    /// The states that a request leads through; a crash may leave any of them.
    pub(crate) fn steps(&self, request: &Request) -> Vec<Self> {
        let mut model = self.clone();
        match request {
            Request::Append(entries) => {
                let one_more = |entry: &Entry| {
                    model.entries.insert(entry.position.index, entry.clone());
                    model.clone()
                };
                return entries.iter().map(one_more).collect();
            }
            Request::Truncate(last) => {
                let keep = last.map_or(0, |last| last.index + 1);
                model.entries.retain(|index, _| *index < keep);
            }
            Request::Purge(upto) => model.drop_upto(*upto),
            Request::Install(upto) => {
                if !model.entries.values().any(|entry| entry.position == *upto) {
                    model.entries.clear();
                }
                model.drop_upto(*upto);
            }
            Request::Vote(vote) => model.vote = Some(vote.clone()),
            Request::Commit(position) => {
                if model.committed.is_none_or(|committed| committed.index < position.index) {
                    model.committed = Some(*position);
                }
            }
        }
        vec![model]
    }

    fn drop_upto(&mut self, upto: Position) {
        self.entries.retain(|index, _| *index > upto.index);
        self.purged = Some(upto);
    }

    /// The same, whatever the commit mark.
    pub(crate) fn uncommitted(&self) -> Self {
        Self { committed: None, ..self.clone() }
    }

    /// What an open log and its recovery say.
    pub(crate) async fn of(log: &TestLog, recovered: &Recovered) -> Self {
        assert_eq!(recovered.last, log.last());
        assert_eq!(recovered.purged, log.purged());
        let entries = read_all(log).await;
        let model = Self {
            entries: entries.into_iter().map(|entry| (entry.position.index, entry)).collect(),
            purged: recovered.purged,
            committed: recovered.committed,
            vote: recovered.vote.clone(),
        };
        assert_eq!(model.last(), recovered.last, "an entry is missing at the end");
        assert_eq!(log.durable(), recovered.last.map(|last| last.index));
        model
    }
}
