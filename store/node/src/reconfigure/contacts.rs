//! Since when a leader has been in contact with each member.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft_rt::{AsyncRuntime, Instant};

use super::rules::Contact;
use crate::runtime::Runtime;

type Moment<R> = <R as AsyncRuntime>::Instant;

/// How long a member must have been in contact to be relied on (etcd's health interval).
const STEADY_AFTER: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Contacts<R: Runtime> {
    /// Silence after which contact is lost.
    patience: Duration,
    /// The term that the rest is about, and since when it is known.
    term: Option<(u64, Moment<R>)>,
    /// The beginning of each contact; nothing where it is as old as the term.
    since: BTreeMap<u64, Option<Moment<R>>>,
    /// Who did not answer when called, and when: what was heard before does not count any longer.
    missed: BTreeMap<u64, Moment<R>>,
}

impl<R: Runtime> Contacts<R> {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, term: None, since: BTreeMap::new(), missed: BTreeMap::new() }
    }

    /// Takes what the leader of `term` knows: when each member answered last.
    pub(super) fn note(
        &mut self,
        term: u64,
        now: Moment<R>,
        answered: impl Iterator<Item = (u64, Moment<R>)>,
    ) {
        let begin = match self.term {
            Some((known, begin)) if known == term => begin,
            _ => {
                self.since.clear();
                self.missed.clear();
                self.term = Some((term, now));
                now
            }
        };
        // What was before its term a new leader does not know: whoever answers at once was there.
        let is_new = now.saturating_duration_since(begin) < self.patience;
        let counts = |(id, at): &(u64, Moment<R>)| {
            let is_fresh = now.saturating_duration_since(*at) < self.patience;
            is_fresh && self.missed.get(id).is_none_or(|missed| at > missed)
        };
        let alive: BTreeMap<u64, Moment<R>> = answered.filter(counts).collect();
        self.since.retain(|id, _| alive.contains_key(id));
        for id in alive.keys() {
            let was_there = is_new && !self.missed.contains_key(id);
            self.since.entry(*id).or_insert(if was_there { None } else { Some(now) });
        }
    }

    /// Who was heard of not long ago.
    pub(super) fn present(&self) -> Vec<u64> {
        self.since.keys().copied().collect()
    }

    /// Takes note of who did not answer when called.
    pub(super) fn miss(&mut self, id: u64, now: Moment<R>) {
        self.since.remove(&id);
        self.missed.insert(id, now);
    }

    pub(super) fn contact(&self, id: u64) -> Contact {
        match self.since.get(&id) {
            None => Contact::Lost,
            Some(None) => Contact::Steady,
            Some(Some(since)) if since.elapsed() >= STEADY_AFTER => Contact::Steady,
            Some(Some(_)) => Contact::Recent,
        }
    }
}
