//! Members that apply the same log agree, whenever each of them flushes, crashes and compacts.

use detcd_machine::{Applied, Command, Machine};
use proptest::prelude::*;

use crate::naive::Model;
use crate::program::{command, resolve_command};
use crate::support::Store;

/// What a member does besides applying the next command.
#[derive(Debug, Clone)]
enum Incident {
    Nothing,
    /// Everything so far becomes durable.
    Flush,
    /// What is not durable is lost, and the log is applied again from there.
    Crash,
    CompactStep {
        keys_max: usize,
    },
}

fn incident() -> impl Strategy<Value = Incident> {
    prop_oneof![
        3 => Just(Incident::Nothing),
        2 => Just(Incident::Flush),
        1 => Just(Incident::Crash),
        4 => (1usize..6).prop_map(|keys_max| Incident::CompactStep { keys_max }),
    ]
}

/// What all members must agree on after each command.
#[derive(Debug, PartialEq, Eq)]
struct Agreed {
    applied: Applied,
    digest: u64,
}

struct Member {
    machine: Machine,
    store: Store,
    durable: (usize, Store),
    applied: usize,
}

impl Member {
    fn new() -> Self {
        let store = Store::default();
        Self { machine: Machine::new(), durable: (0, store.clone()), store, applied: 0 }
    }

    fn apply(&mut self, log: &[Command]) -> Agreed {
        let applied = self.store.apply(&mut self.machine, &log[self.applied]);
        self.applied += 1;
        Agreed { applied, digest: self.machine.digest() }
    }

    fn meet(&mut self, incident: &Incident) {
        match incident {
            Incident::Nothing => {}
            Incident::Flush => self.durable = (self.applied, self.store.clone()),
            Incident::Crash => {
                (self.applied, self.store) = self.durable.clone();
                self.machine = self.store.restore();
            }
            Incident::CompactStep { keys_max } => {
                let changes = self.machine.compact_step(*keys_max, None);
                self.store.keep(&changes);
            }
        }
    }

    fn compact_to_the_end(&mut self) {
        while self.machine.compaction_pending() {
            self.meet(&Incident::CompactStep { keys_max: 4 });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn members_with_the_same_log_agree(
        commands in prop::collection::vec(command(), 1..60),
        incidents in prop::collection::vec(incident(), 150),
    ) {
        let mut model = Model::new();
        let mut log = Vec::new();
        for command in commands {
            let command = resolve_command(&command, &model);
            let _ = model.apply(&command);
            log.push(command);
        }

        let mut calm = Member::new();
        let agreed: Vec<_> = log.iter().map(|_| calm.apply(&log)).collect();

        let mut troubled = Member::new();
        let mut incidents = incidents.iter();
        while troubled.applied < log.len() {
            let at = troubled.applied;
            prop_assert_eq!(&troubled.apply(&log), &agreed[at]);
            if let Some(incident) = incidents.next() {
                troubled.meet(incident);
            }
        }
        prop_assert_eq!(troubled.machine.digest(), calm.machine.digest());

        calm.compact_to_the_end();
        troubled.compact_to_the_end();
        prop_assert_eq!(&troubled.store, &calm.store);
        prop_assert_eq!(troubled.machine.digest(), calm.machine.digest());
        prop_assert_eq!(calm.store.restore().digest(), calm.machine.digest());
        prop_assert_eq!(troubled.machine.leases(), calm.machine.leases());
    }
}
