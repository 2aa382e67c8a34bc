//! Which client's operation made a revision.
//!
//! Members tell which command they applied, and a command holds what a client asked for, so most
//! revisions name their writer. Commands that are alike, such as two deletions of one key, do
//! alike; among them the answers decide, and for the rest the order of their calls: the first
//! called gets the first revision that nobody was answered with. Any other choice that is true to
//! the times of the calls can be turned into this one by exchanging equals.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use detcd_node::observer::Observation as Told;
use jepsen_like::checker::strict_serializability::made_its_revision;
use jepsen_like::history::{
    Event, History, LockRequest, Micros, OpId, Operation, Outcome, Request,
};

use crate::workload::{commands, proposed};
use sim::cluster::Record;

/// The operations that asked for the same.
#[derive(Debug, Default)]
struct Alike {
    /// By the revision that their answer names.
    answered: BTreeMap<i64, OpId>,
    /// Those whose end is not known, the one called last first.
    unknown: Vec<(Micros, OpId)>,
    /// Those that were refused, and must have made nothing.
    refused: Vec<OpId>,
}

impl Alike {
    fn add(&mut self, operation: &Operation<'_>) {
        match operation.outcome {
            // Its answer does not name the revisions that it made.
            Outcome::Ok(_)
                if matches!(operation.request, Request::Lock(LockRequest::Lock { .. })) =>
            {
                self.unknown.push((operation.call, operation.op));
            }
            Outcome::Ok(response) if matches!(operation.request, Request::Lock(_)) => {
                self.answered.insert(response.header().revision, operation.op);
            }
            Outcome::Ok(response) if made_its_revision(operation.request, response) => {
                self.answered.insert(response.header().revision, operation.op);
            }
            Outcome::Ok(_) => {}
            Outcome::Fail(_) => self.refused.push(operation.op),
            Outcome::Info(_) => self.unknown.push((operation.call, operation.op)),
        }
    }

    /// The operation that made `revision`, of which the first member told at `told`.
    fn take(&mut self, revision: i64, told: Micros) -> Option<OpId> {
        if let Some(op) = self.answered.get(&revision) {
            return Some(*op);
        }
        if self.unknown.last().is_some_and(|(call, _)| *call <= told) {
            return self.unknown.pop().map(|(_, op)| op);
        }
        // Whatever is left was refused, or was answered with another revision: the checker has to
        // see that.
        self.refused.first().or_else(|| self.answered.values().next()).copied()
    }
}

/// Fills in the operations of the applied entries among `events`, which are in the order of time.
pub(super) fn attribute(records: &[Record], events: &mut Vec<Event>) {
    let history = History::from(std::mem::take(events));
    let ops = ops(records, &history);
    *events = history.events;
    for event in events {
        if let Event::Applied(applied) = event {
            applied.op = ops.get(&applied.index).copied();
        }
    }
}

/// The operations by the index of their entry.
fn ops(records: &[Record], history: &History) -> HashMap<u64, OpId> {
    let mut alike = by_command(history);
    let mut ops = HashMap::new();
    let mut before = 1;
    for (index, entry) in entries(records) {
        let made = entry.revision == before + 1;
        before = entry.revision;
        if !made {
            continue;
        }
        let asked = proposed(&entry.command).and_then(|command| alike.get_mut(&command));
        if let Some(op) = asked.and_then(|alike| alike.take(entry.revision, entry.told)) {
            ops.insert(index, op);
        }
    }
    ops
}

fn by_command(history: &History) -> HashMap<Vec<u8>, Alike> {
    let mut by_command: HashMap<Vec<u8>, Alike> = HashMap::new();
    for operation in history.operations().list.iter().rev() {
        for command in commands(operation.request) {
            by_command.entry(command).or_default().add(operation);
        }
    }
    by_command
}
/// An applied entry, as the first member told.
struct Entry {
    revision: i64,
    told: Micros,
    command: Bytes,
}

fn entries(records: &[Record]) -> BTreeMap<u64, Entry> {
    let mut entries: BTreeMap<u64, Entry> = BTreeMap::new();
    for record in records {
        if let Told::Applied { index, revision, command, .. } = &record.observation {
            let told = Micros::try_from(record.time.as_micros()).unwrap_or(Micros::MAX);
            entries.entry(*index).or_insert_with(|| Entry {
                revision: *revision,
                told,
                command: command.clone(),
            });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use detcd_api::etcdserverpb::DeleteRangeRequest as Sent;
    use detcd_api::peer;
    use jepsen_like::history::{
        Applied, Blob, DeleteRangeRequest, DeleteRangeResponse, Header, Info, InfoKind, Request,
        Response,
    };
    use prost::Message as _;

    use super::*;

    /// The entry at `index`, told 10 µs after the same number of milliseconds, deletes the key.
    fn deleted(index: u64, revision: i64) -> Record {
        let request = Sent { key: "k".into(), ..Sent::default() };
        let command = peer::command::Command::DeleteRange(request);
        let command =
            peer::Command { command: Some(command), requester: None }.encode_to_vec().into();
        let observation = Told::Applied { index, term: 1, revision, digest: 0, command };
        let time = Duration::from_micros(1_000 * index + 10);
        Record { time, member: 1, incarnation: 1, observation, witness: None }
    }

    fn invoke(op: OpId, time: Micros) -> Event {
        let request = DeleteRangeRequest { key: Blob::from("k"), ..DeleteRangeRequest::default() };
        Event::Invoke { time, op, client: op, member: 1, request: Request::DeleteRange(request) }
    }

    fn answered(op: OpId, time: Micros, revision: i64, deleted: i64) -> Event {
        let header = Header { revision, ..Header::default() };
        let response = DeleteRangeResponse { header, deleted, ..DeleteRangeResponse::default() };
        Event::Ok { time, op, response: Response::DeleteRange(response) }
    }

    fn lost(op: OpId, time: Micros) -> Event {
        Event::Info { time, op, error: Info::from(InfoKind::Timeout) }
    }

    /// The operations of the entries that these records tell of.
    fn attributed(records: &[Record], clients: Vec<Event>) -> Vec<Option<OpId>> {
        let applied = records.iter().filter_map(|record| match record.observation {
            Told::Applied { index, term, revision, digest, .. } => {
                let time = Micros::try_from(record.time.as_micros()).ok()?;
                let (member, op) = (1, None);
                Some(Event::Applied(Applied { time, member, index, term, revision, digest, op }))
            }
            _ => None,
        });
        let mut events: Vec<Event> = applied.chain(clients).collect();
        events.sort_by_key(Event::time);
        attribute(records, &mut events);
        let op = |event| match event {
            Event::Applied(applied) => Some(applied.op),
            _ => None,
        };
        events.into_iter().filter_map(op).collect()
    }

    #[test]
    fn of_requests_that_are_alike_the_answered_one_keeps_its_revision() {
        let records = [deleted(1, 2), deleted(2, 3)];
        let clients =
            vec![invoke(1, 500), lost(1, 5_000), invoke(2, 600), answered(2, 1_500, 2, 1)];
        assert_eq!(attributed(&records, clients), [Some(2), Some(1)]);
    }

    #[test]
    fn of_unknown_ones_the_first_called_comes_first() {
        let records = [deleted(1, 2), deleted(2, 3)];
        let clients = vec![invoke(1, 500), lost(1, 900), invoke(2, 1_700), lost(2, 5_000)];
        assert_eq!(attributed(&records, clients), [Some(1), Some(2)]);
    }

    #[test]
    fn an_answer_that_nothing_was_deleted_makes_no_revision() {
        let records = [deleted(1, 2)];
        let clients = vec![invoke(1, 500), lost(1, 900), invoke(2, 600), answered(2, 1_500, 2, 0)];
        assert_eq!(attributed(&records, clients), [Some(1)]);
    }

    #[test]
    fn a_request_that_is_applied_again_is_named_again() {
        let records = [deleted(1, 2), deleted(2, 3)];
        let clients = vec![invoke(1, 500), answered(1, 1_500, 2, 1)];
        assert_eq!(attributed(&records, clients), [Some(1), Some(1)]);
    }

    #[test]
    fn an_entry_that_made_no_revision_names_nobody() {
        let records = [deleted(1, 2), deleted(2, 2)];
        let clients = vec![invoke(1, 500), lost(1, 900), invoke(2, 600), lost(2, 900)];
        assert_eq!(attributed(&records, clients), [Some(1), None]);
    }
}
