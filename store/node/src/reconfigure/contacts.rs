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
}

impl<R: Runtime> Contacts<R> {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, term: None, since: BTreeMap::new() }
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
                self.term = Some((term, now));
                now
            }
        };
        // What was before its term a new leader does not know: whoever answers at once was there.
        let is_new = now.saturating_duration_since(begin) < self.patience;
        let alive: BTreeMap<u64, Moment<R>> =
            answered.filter(|(_, at)| now.saturating_duration_since(*at) < self.patience).collect();
        self.since.retain(|id, _| alive.contains_key(id));
        for id in alive.keys() {
            self.since.entry(*id).or_insert(if is_new { None } else { Some(now) });
        }
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
