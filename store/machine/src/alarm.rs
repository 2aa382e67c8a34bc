//! Alarms: what a member found that the whole cluster must know, and what is refused because of it.
//!
//! They are replicated state, so that all members refuse alike from the same entry on (G71).

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::command::{Command, Txn, TxnOp};
use crate::encoding::{DecodeError, Reader};
use crate::lease::LeaseCommand;
use crate::machine::Machine;
use crate::outcome::{Applied, Change, MetaKey, Outcome, Rejection};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// The database of a member is as large as it may be.
    NoSpace,
    /// The members do not agree.
    Corrupt,
}

/// An alarm of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// What is wrong.
    pub kind: AlarmKind,
    /// With whom.
    pub member: u64,
}

/// A change of the alarms. One that is in place already, or not there, is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmCommand {
    /// Raises an alarm.
    Activate(Alarm),
    /// Takes one back.
    Deactivate(Alarm),
}

/// The alarms that are active.
#[derive(Debug, Default)]
pub(crate) struct Alarms(BTreeSet<Alarm>);

const NO_SPACE: u8 = 1;
const CORRUPT: u8 = 2;

impl AlarmKind {
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::NoSpace => NO_SPACE,
            Self::Corrupt => CORRUPT,
        }
    }

    fn from_tag(tag: u8) -> Result<Self, DecodeError> {
        match tag {
            NO_SPACE => Ok(Self::NoSpace),
            CORRUPT => Ok(Self::Corrupt),
            _ => Err(DecodeError::Tag { tag }),
        }
    }
}

impl Alarms {
    fn has(&self, kind: AlarmKind) -> bool {
        self.0.iter().any(|alarm| alarm.kind == kind)
    }

    /// Refuses what the active alarms forbid.
    pub(crate) fn admit(&self, command: &Command) -> Result<(), Rejection> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (takes_space, changes) = match command {
            Command::Put(_) => (true, true),
            Command::Txn(txn) => (puts(txn), true),
            Command::DeleteRange(_) | Command::Compact(_) => (false, true),
            Command::Lease(LeaseCommand::Grant(_)) => (true, true),
            Command::Lease(LeaseCommand::Revoke { .. }) => (false, true),
            Command::Lease(LeaseCommand::Checkpoint(_)) => (false, false),
            Command::SetMember(_) | Command::Auth(_) | Command::Alarm(_) | Command::Cluster(_) => {
                (false, false)
            }
        };
        if changes && self.has(AlarmKind::Corrupt) {
            return Err(Rejection::Corrupt);
        }
        if takes_space && self.has(AlarmKind::NoSpace) {
            return Err(Rejection::NoSpace);
        }
        Ok(())
    }

    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.0.len() * 9);
        for alarm in &self.0 {
            out.push(alarm.kind.tag());
            out.extend_from_slice(&alarm.member.to_le_bytes());
        }
        out.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut alarms = BTreeSet::new();
        while !reader.is_empty() {
            let kind = AlarmKind::from_tag(reader.u8()?)?;
            alarms.insert(Alarm { kind, member: reader.u64()? });
        }
        Ok(Self(alarms))
    }
}

impl FromIterator<Alarm> for Alarms {
    fn from_iter<I: IntoIterator<Item = Alarm>>(alarms: I) -> Self {
        Self(alarms.into_iter().collect())
    }
}

/// Whether either branch puts anything, as etcd reckons what a transaction may need.
fn puts(txn: &Txn) -> bool {
    txn.success.iter().chain(&txn.failure).any(|op| match op {
        TxnOp::Put(_) => true,
        TxnOp::Txn(nested) => puts(nested),
        TxnOp::Range(_) | TxnOp::DeleteRange(_) => false,
    })
}

impl Machine {
    /// The active alarms.
    pub fn alarms(&self) -> impl Iterator<Item = Alarm> + '_ {
        self.alarms.0.iter().copied()
    }

    pub(crate) fn alarm(&mut self, command: AlarmCommand) -> Applied {
        let (alarm, is_known, changed) = match command {
            AlarmCommand::Activate(alarm) => (alarm, true, self.alarms.0.insert(alarm)),
            AlarmCommand::Deactivate(alarm) => {
                let removed = self.alarms.0.remove(&alarm);
                (alarm, removed, removed)
            }
        };
        let mut changes = Vec::new();
        if changed {
            self.digest_alarm(command);
            changes.push(Change::SetMeta { key: MetaKey::Alarms, value: self.alarms.encode() });
        }
        self.applied(Outcome::Alarm(is_known.then_some(alarm)), Vec::new(), changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{DeleteRange, Put, Range};

    fn txn(success: Vec<TxnOp>, failure: Vec<TxnOp>) -> Command {
        Command::Txn(Txn { compare: Vec::new(), success, failure })
    }

    fn with(kinds: &[AlarmKind]) -> Alarms {
        Alarms(kinds.iter().map(|kind| Alarm { kind: *kind, member: 7 }).collect())
    }

    #[test]
    fn without_space_only_what_takes_space_is_refused() {
        let alarms = with(&[AlarmKind::NoSpace]);
        let put = || TxnOp::Put(Put::default());
        let nested = TxnOp::Txn(Txn { failure: vec![put()], ..Txn::default() });
        for refused in [
            Command::Put(Put::default()),
            txn(vec![put()], Vec::new()),
            txn(Vec::new(), vec![put()]),
            txn(vec![nested], Vec::new()),
        ] {
            assert_eq!(alarms.admit(&refused), Err(Rejection::NoSpace));
        }
        let delete = TxnOp::DeleteRange(DeleteRange::default());
        for admitted in [
            Command::DeleteRange(DeleteRange::default()),
            txn(vec![delete], vec![TxnOp::Range(Range::default())]),
            Command::Compact(crate::command::Compact { revision: 1 }),
        ] {
            assert_eq!(alarms.admit(&admitted), Ok(()));
        }
    }

    #[test]
    fn a_corrupt_cluster_changes_nothing_but_its_alarms() {
        let alarms = with(&[AlarmKind::NoSpace, AlarmKind::Corrupt]);
        let read = TxnOp::Range(Range::default());
        for refused in [
            Command::Put(Put::default()),
            Command::DeleteRange(DeleteRange::default()),
            txn(vec![read], Vec::new()),
            Command::Compact(crate::command::Compact { revision: 1 }),
        ] {
            assert_eq!(alarms.admit(&refused), Err(Rejection::Corrupt));
        }
        let alarm = Alarm { kind: AlarmKind::Corrupt, member: 7 };
        assert_eq!(alarms.admit(&Command::Alarm(AlarmCommand::Deactivate(alarm))), Ok(()));
    }

    #[test]
    fn alarms_survive_their_encoding() {
        let alarms = with(&[AlarmKind::NoSpace, AlarmKind::Corrupt]);
        let bytes = alarms.encode();
        assert_eq!(Alarms::decode(&bytes).unwrap().0, alarms.0);
        assert!(Alarms::decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(Alarms::decode(&[9; 9]).is_err());
    }
}
