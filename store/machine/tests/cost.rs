//! What a range costs, counted in the keys that a step may look at.

#[expect(dead_code, reason = "shared with tests that look at more of it")]
mod support;

use bytes::Bytes;
use detcd_machine::{Chunk, Command, DeleteRange, Machine, Put, Range, RangeReader};

use self::support::Store;

const KEYS: usize = 3000;

fn key(number: usize) -> Bytes {
    format!("k{number:06}").into()
}

fn all() -> Range {
    Range { key: "k".into(), range_end: "l".into(), ..Range::default() }
}

/// A store whose keys are all deleted but the last.
fn graveyard() -> (Machine, Store) {
    let (mut machine, mut store) = (Machine::new(), Store::default());
    for number in 0..KEYS {
        let put = Put { key: key(number), ..Put::default() };
        store.apply(&mut machine, &Command::Put(put)).outcome.expect("a put");
    }
    let delete = DeleteRange { key: key(0), range_end: key(KEYS - 1), prev_kv: false };
    store.apply(&mut machine, &Command::DeleteRange(delete)).outcome.expect("a deletion");
    assert_eq!(machine.key_count(), KEYS);
    (machine, store)
}

/// The chunks until the outcome is complete, when every step may look at one key.
fn chunks(machine: &Machine, store: &Store, range: &Range) -> Vec<Chunk> {
    let mut reader = RangeReader::new(machine, range).expect("a readable range");
    let mut chunks = Vec::new();
    loop {
        let chunk = reader.next(machine, 1).expect("a visible revision");
        if let Chunk::Rows(revisions) = &chunk {
            reader.accept(revisions.iter().map(|at| store.value(*at)).collect());
        }
        chunks.push(chunk);
        if chunks.last() == Some(&Chunk::Done) {
            return chunks;
        }
    }
}

#[test]
fn deleted_keys_cost_a_range_at_the_current_revision_nothing() {
    let (machine, store) = graveyard();
    let chunks = chunks(&machine, &store, &all());
    assert!(matches!(chunks[..], [Chunk::Rows(_), Chunk::Done]), "{chunks:?}");
}

#[test]
fn counting_walks_neither_now_nor_a_moment_ago() {
    let (machine, store) = graveyard();
    let oldest = machine.revision() - 1;
    for (revision, count) in [(0, 1), (oldest, KEYS), (oldest - 1, KEYS - 1)] {
        let range = Range { revision, count_only: true, ..all() };
        assert_eq!(chunks(&machine, &store, &range), [Chunk::Done]);
        let outcome = store.read(&machine, &range, 1).expect("a readable range");
        assert_eq!(outcome.count, i64::try_from(count).expect("a count fits"));
    }
}

#[test]
fn page_costs_its_own_length() {
    let (machine, store) = graveyard();
    let revision = machine.revision() - 1;
    let range = Range { revision, limit: 5, ..all() };
    let chunks = chunks(&machine, &store, &range);
    // One more key shows that there is more.
    assert_eq!(chunks.len(), 5 + 1);
    let outcome = store.read(&machine, &range, 1).expect("a readable range");
    assert_eq!((outcome.kvs.len(), outcome.more), (5, true));
}
