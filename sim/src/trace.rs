//! The event log of a run, reduced to a hash that two runs can be compared by.
//!
//! Every event is hashed when it happens, with its simulated time; time moves with every poll of every
//! task, so a difference in scheduling shows at the next event. Events may be kept as well, all or the
//! last ones; [`Recording::first_difference`] names the first one where two runs part.
//!
//! Must never know: what an event means.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::context;

/// The log of one run; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    hash: Hash,
    count: u64,
    kept: VecDeque<Event>,
    kept_max: usize,
}

/// An event as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// True simulated time since the start of the run.
    pub at: Duration,
    /// What happened.
    pub kind: &'static str,
    /// To what, as `name=value` words.
    pub fields: String,
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.at.as_nanos() / 1_000_000;
        let rest = self.at.as_nanos() % 1_000_000;
        write!(out, "{millis}.{rest:06}ms {}{}", self.kind, self.fields)
    }
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A counter, size, identity or time in nanoseconds.
    Number(u64),
    /// A name.
    Text(&'a str),
    /// Content, of which only a hash is kept.
    Bytes(&'a [u8]),
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value<'_> {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

/// What two runs are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The hash of all events in order.
    pub hash: u64,
    /// How many there were.
    pub count: u64,
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}/{}", self.hash, self.count)
    }
}

impl Trace {
    /// A log that keeps all its events.
    pub fn recorded() -> Self {
        Self::with_tail(usize::MAX)
    }

    /// A log that keeps its last `count` events.
    pub fn with_tail(count: usize) -> Self {
        let trace = Self::default();
        trace.lock().kept_max = count;
        trace
    }

    /// Adds an event that happens now.
    pub fn event(&self, kind: &'static str, fields: &[(&'static str, Value<'_>)]) {
        let now = context::true_nanos();
        let mut state = self.lock();
        state.count += 1;
        state.hash.number(now);
        state.hash.text(kind);
        for (name, value) in fields {
            state.hash.text(name);
            match value {
                Value::Number(number) => state.hash.number(*number),
                Value::Text(text) => state.hash.text(text),
                Value::Bytes(bytes) => state.hash.bytes(bytes),
            }
        }
        if state.kept_max == 0 {
            return;
        }
        if state.kept.len() == state.kept_max {
            state.kept.pop_front();
        }
        let at = Duration::from_nanos(now);
        state.kept.push_back(Event { at, kind, fields: words(fields) });
    }

    /// The hash so far.
    pub fn digest(&self) -> Digest {
        let state = self.lock();
        Digest { hash: state.hash.0, count: state.count }
    }

    /// The events that were kept so far.
    pub fn recording(&self) -> Recording {
        let state = self.lock();
        let events: Vec<_> = state.kept.iter().cloned().collect();
        Recording { first: state.count - events.len() as u64, events }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn words(fields: &[(&'static str, Value<'_>)]) -> String {
    let mut words = String::new();
    for (name, value) in fields {
        match value {
            Value::Number(number) => write!(words, " {name}={number}"),
            Value::Text(text) => write!(words, " {name}={text}"),
            Value::Bytes(bytes) => {
                let mut hash = Hash::default();
                hash.bytes(bytes);
                write!(words, " {name}={:016x}", hash.0)
            }
        }
        .expect("writing to a String does not fail");
    }
    words
}

/// The events of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// The number of the first of them, from 0.
    pub first: u64,
    /// In the order in which they happened.
    pub events: Vec<Event>,
}

/// Where two runs part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The number of the event, from 0.
    pub number: u64,
    /// What the first run did, or nothing if it had ended.
    pub left: Option<Event>,
    /// What the second run did, or nothing if it had ended.
    pub right: Option<Event>,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |event: &Option<Event>| match event {
            Some(event) => event.to_string(),
            None => "(ended)".to_owned(),
        };
        let Self { number, left, right } = self;
        write!(out, "event {number} differs: {} | {}", side(left), side(right))
    }
}

impl Recording {
    /// The first event that differs among those that both have kept, or nothing if there is none.
    pub fn first_difference(&self, other: &Self) -> Option<Difference> {
        let first = self.first.max(other.first);
        let end = self.end().max(other.end());
        (first..end).find_map(|number| {
            let (left, right) = (self.get(number), other.get(number));
            (left != right).then(|| Difference {
                number,
                left: left.cloned(),
                right: right.cloned(),
            })
        })
    }

    fn get(&self, number: u64) -> Option<&Event> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.events.get(index)
    }

    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

/// FNV-1a over words, with a final rotation so that high bits matter.
#[derive(Debug, Clone, Copy)]
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Hash {
    fn number(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        // Whole words without a detour: whatever goes over the network and onto disks passes here.
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.number(u64::from_le_bytes(word));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(names: &[&'static str]) -> Trace {
        let trace = Trace::recorded();
        for (index, name) in names.iter().enumerate() {
            trace.event(name, &[("index", index.into()), ("name", (*name).into())]);
        }
        trace
    }

    #[test]
    fn equal_events_give_equal_digests_and_others_do_not() {
        assert_eq!(trace(&["a", "b"]).digest(), trace(&["a", "b"]).digest());
        assert_ne!(trace(&["a", "b"]).digest(), trace(&["b", "a"]).digest());
        assert_ne!(trace(&["a", "b"]).digest(), trace(&["ab"]).digest());
    }

    #[test]
    fn the_first_event_that_differs_is_named() {
        let recording = |names| trace(names).recording();
        let difference = recording(&["a", "b", "c"]).first_difference(&recording(&["a", "x"]));
        let difference = difference.expect("they differ");
        assert_eq!(difference.number, 1);
        assert_eq!(
            difference.to_string(),
            "event 1 differs: 0.000000ms b index=1 name=b | 0.000000ms x index=1 name=x"
        );
        assert_eq!(recording(&["a"]).first_difference(&recording(&["a"])), None);
        assert!(recording(&["a"]).first_difference(&recording(&["a", "b"])).is_some());
    }

    #[test]
    fn a_tail_keeps_the_last_events_and_the_hash_of_all() {
        let tail = Trace::with_tail(2);
        for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
            tail.event(name, &[("index", index.into()), ("name", name.into())]);
        }
        let all = trace(&["a", "b", "c"]);
        assert_eq!(tail.digest(), all.digest());
        assert_eq!(tail.recording().first, 1);
        assert_eq!(tail.recording().events, all.recording().events[1..]);
        assert_eq!(tail.recording().first_difference(&all.recording()), None);
        assert!(Trace::default().recording().events.is_empty());
    }
}
