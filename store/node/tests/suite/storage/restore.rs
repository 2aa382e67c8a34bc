//! The machine itself, kept and brought back.

use bytes::Bytes;
use detcd_machine::{
    Command, Compact, DeleteRange, Machine, MemberAttributes, Put, Requester, Revision, Row, Rows,
};
use detcd_node::runtime::tokio::TokioRuntime;
use detcd_node::storage::{Mark, Position, Storage};

use super::world::open;
use crate::disk::TestDisk;
use crate::rng::Rng;
use crate::task::run;

struct Stored<'a>(&'a Storage<TokioRuntime>);

impl Rows for Stored<'_> {
    fn row(&self, revision: Revision) -> Option<Row> {
        self.0.read(revision).unwrap()
    }
}

fn mark(index: u64) -> Mark {
    Mark { position: Position { term: 1, node: 1, index }, membership: Bytes::new() }
}

fn command(rng: &mut Rng, index: u64) -> Command {
    let key = Bytes::from(format!("key-{}", rng.below(9)));
    match rng.below(12) {
        0..=6 => Command::Put(Put { key, value: "value".into(), prev_kv: true, ..Put::default() }),
        7 | 8 => Command::DeleteRange(DeleteRange { key, prev_kv: true, ..DeleteRange::default() }),
        9 => Command::Compact(Compact { revision: rng.below(index) as i64 }),
        _ => {
            Command::SetMember(MemberAttributes { id: rng.below(3), ..MemberAttributes::default() })
        }
    }
}

/// What can be said of a machine from outside.
fn portrait(machine: &Machine) -> (i64, i64, u64, usize, usize) {
    let (keys, members) = (machine.key_count(), machine.members().len());
    (machine.revision(), machine.compact_revision(), machine.digest(), keys, members)
}

#[test]
fn a_restored_machine_goes_on_as_if_it_had_never_stopped() {
    run(async {
        let disk = TestDisk::new();
        let mut member = open(&disk).await.unwrap();
        let mut machine = member.storage.restore().await.unwrap();
        assert_eq!(portrait(&machine), portrait(&Machine::new()));
        let (mut rng, mut dice) = (Rng(40), Rng(41));
        let mut restarts = 0;
        for index in 1..=300 {
            let command = command(&mut rng, index);
            let applied = machine.apply(&Requester::Anonymous, &command, &Stored(&member.storage));
            member.storage.stage(mark(index), applied.changes);
            while machine.compaction_pending() && dice.below(3) > 0 {
                member.storage.stage(mark(index), machine.compact_step(2, None));
            }
            if dice.below(10) == 0 {
                assert_eq!(member.storage.flush().await.unwrap(), mark(index));
                let before = portrait(&machine);
                if dice.below(2) == 0 {
                    member.storage.stop().await;
                }
                member = open(&disk.lose_power(&mut dice)).await.unwrap();
                assert_eq!(member.recovered.mark, Some(mark(index)));
                machine = member.storage.restore().await.unwrap();
                assert_eq!(portrait(&machine), before);
                restarts += 1;
            }
        }
        assert!(restarts > 10, "{restarts}");
    });
}
