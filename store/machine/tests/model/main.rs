//! The machine against a naive model, on random programs.

#[path = "../support/mod.rs"]
mod support;

mod determinism;
mod naive;
mod program;

use detcd_machine::{
    Applied, Command, EventKind, Machine, RangeOutcome, RangeReader, Rejection, Revision,
};
use proptest::prelude::*;

use self::naive::{Model, Seen};
use self::program::{Action, action, resolve_command, resolve_range};
use self::support::Store;

/// A machine, the model of it, and the readers that are open.
struct World {
    machine: Machine,
    store: Store,
    model: Model,
    readers: Vec<Open>,
}

/// A reader with the result that it must come to, whatever happens until then.
struct Open {
    reader: RangeReader,
    expected: RangeOutcome,
    survived_restart: bool,
}

impl World {
    fn new() -> Self {
        Self {
            machine: Machine::new(),
            store: Store::default(),
            model: Model::new(),
            readers: Vec::new(),
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Apply(command) => {
                let command = resolve_command(command, &self.model);
                self.apply(&command);
            }
            Action::CompactStep { keys_max } => self.compact_step(*keys_max),
            Action::Read { range, keys_max } => {
                let range = resolve_range(range, &self.model);
                let read = self.store.read(&self.machine, &range, *keys_max);
                assert_eq!(read, self.model.range(&range), "{range:?}");
            }
            Action::Open { range } => {
                let range = resolve_range(range, &self.model);
                match (RangeReader::new(&self.machine, &range), self.model.range(&range)) {
                    (Ok(reader), Ok(expected)) => {
                        assert_eq!(Ok(reader.revision()), self.model.readable(range.revision));
                        self.readers.push(Open { reader, expected, survived_restart: false });
                    }
                    (opened, expected) => assert_eq!(opened.err(), expected.err(), "{range:?}"),
                }
            }
            Action::Advance { reader, keys_max } => self.advance(*reader, *keys_max),
            Action::Restart => self.restart(),
        }
        assert_eq!(self.machine.revision(), self.model.revision());
        assert_eq!(self.machine.compact_revision(), self.model.compacted);
        assert_eq!(self.machine.members(), &self.model.members);
        self.check_leases();
    }

    fn check_leases(&self) {
        let known: Vec<_> = self.machine.leases().iter().map(|(id, _)| id).collect();
        assert_eq!(known, Vec::from_iter(self.model.leases.keys().copied()));
        for (id, lease) in self.machine.leases().iter() {
            assert_eq!((lease.ttl, lease.remaining_ttl), self.model.leases[&id], "lease {id}");
            let keys: Vec<_> = lease.keys().cloned().collect();
            assert_eq!(keys, self.model.keys_of(id), "keys of lease {id}");
        }
    }

    fn apply(&mut self, command: &Command) {
        let before = self.model.revision();
        let digest = self.machine.digest();
        let applied = self.store.apply(&mut self.machine, command);
        assert_eq!(applied.outcome, self.model.apply(command), "{command:?}");
        assert_eq!(applied.revision, self.model.revision());
        assert_eq!(applied.changes.is_empty(), self.machine.digest() == digest);
        let expected = if self.model.revision() > before {
            self.model.events(self.model.revision()).to_vec()
        } else {
            Vec::new()
        };
        assert_eq!(self.seen(&applied), expected);
        self.check_previous(&applied);
    }

    /// The events with the previous key-values that they refer to.
    fn seen(&self, applied: &Applied) -> Vec<Seen> {
        let seen = applied.events.iter().map(|event| Seen {
            kind: event.kind,
            kv: event.kv.as_ref().clone(),
            prev: event.prev.map(|prev| self.store.value(prev).as_ref().clone()),
        });
        seen.collect()
    }

    /// What a watcher that reads events from history finds is what the event said.
    fn check_previous(&self, applied: &Applied) {
        for (sub, event) in (0..).zip(&applied.events) {
            let revision = Revision { main: event.kv.mod_revision, sub };
            let is_kept = revision.main > self.model.compacted;
            let found = self.machine.previous(&event.kv.key, revision);
            assert_eq!(found, event.prev.filter(|_| is_kept), "{event:?}");
        }
    }

    fn compact_step(&mut self, keys_max: usize) {
        let pinned = self.readers.iter().map(|open| open.reader.revision()).min();
        let digest = self.machine.digest();
        let was_pending = self.machine.compaction_pending();
        let is_blocked = pinned.is_some_and(|at| self.machine.compaction_blocked(at));
        let changes = self.machine.compact_step(keys_max, pinned);
        assert!((was_pending && !is_blocked) || changes.is_empty());
        assert!(changes.len() <= keys_max.saturating_add(1), "{} changes", changes.len());
        self.store.keep(&changes);
        assert_eq!(self.machine.digest(), digest);
    }

    fn advance(&mut self, reader: usize, keys_max: usize) {
        if self.readers.is_empty() {
            return;
        }
        let at = reader % self.readers.len();
        let open = &mut self.readers[at];
        match self.store.advance(&self.machine, &mut open.reader, keys_max) {
            Ok(false) => {}
            Ok(true) => {
                let Open { reader, expected, .. } = self.readers.swap_remove(at);
                assert_eq!(reader.finish(), expected);
            }
            // Only after a restart, which does not know how far an interrupted pass had come.
            Err(rejection) => {
                assert_eq!(rejection, Rejection::Compacted);
                assert!(open.reader.revision() < self.model.compacted);
                assert!(open.survived_restart, "compaction did not wait for a reader");
                self.readers.swap_remove(at);
            }
        }
    }

    fn restart(&mut self) {
        let restored = self.store.restore();
        assert_eq!(restored.digest(), self.machine.digest());
        assert_eq!(restored.key_count(), self.machine.key_count());
        assert_eq!(restored.compaction_pending(), self.machine.compaction_pending());
        assert_eq!(restored.leases(), self.machine.leases());
        self.machine = restored;
        self.readers.iter_mut().for_each(|open| open.survived_restart = true);
    }

    /// Lets all readers finish and compaction come to its end, and looks at all that is left.
    fn settle(&mut self) {
        while !self.readers.is_empty() {
            self.advance(0, 2);
        }
        while self.machine.compaction_pending() {
            self.compact_step(3);
        }
        self.restart();
        self.check_everything_readable();
        self.check_history();
    }

    fn check_everything_readable(&self) {
        let all =
            detcd_machine::Range { key: "\0".into(), range_end: "\0".into(), ..Default::default() };
        for revision in self.model.compacted.max(1)..=self.model.revision() {
            let range = detcd_machine::Range { revision, ..all.clone() };
            let read = self.store.read(&self.machine, &range, 3);
            assert_eq!(read, self.model.range(&range), "revision {revision}");
        }
    }

    /// All events from the compacted revision on are still stored, tombstones included, with what
    /// was before them; and besides them nothing but the key-values that live at that revision.
    fn check_history(&self) {
        let first = self.model.compacted.max(2);
        let mut rows =
            self.store.rows().skip_while(|(revision, _)| revision.main < first).peekable();
        for main in first..=self.model.revision() {
            let mut last_of_key = std::collections::BTreeMap::new();
            for (sub, seen) in (0..).zip(self.model.events(main)) {
                last_of_key.insert(&seen.kv.key, sub);
            }
            for (sub, seen) in (0..).zip(self.model.events(main)) {
                let revision = Revision { main, sub };
                let is_overwritten = last_of_key[&seen.kv.key] != sub;
                if main == self.model.compacted && is_overwritten {
                    // Nobody can read what a later operation of that very request replaced.
                    let _ = rows.next_if(|(at, _)| *at == revision);
                    continue;
                }
                let (at, row) = rows.next().expect("a row for every event");
                assert_eq!(at, revision);
                match row {
                    detcd_machine::Row::Value(kv) => assert_eq!(*kv, seen.kv),
                    detcd_machine::Row::Tombstone { key } => {
                        assert_eq!((EventKind::Delete, &key), (seen.kind, &seen.kv.key));
                    }
                }
                let prev = self.machine.previous(&seen.kv.key, revision);
                let prev = prev.map(|prev| self.store.value(prev).as_ref().clone());
                let expected = seen.prev.clone().filter(|_| main > self.model.compacted);
                assert_eq!(prev, expected, "before {revision:?}");
            }
        }
        assert_eq!(rows.next(), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn machine_does_what_the_model_does(actions in prop::collection::vec(action(), 1..80)) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
        world.settle();
    }
}
