//! Steps that an operator does, beside everything else.

use jepsen_like::history::{DeleteRangeRequest, Request};
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use sim::cluster::ClientHost;

use super::faults::Faults;
use crate::dice::Dice;
use crate::plan::Who;
use crate::upkeep::Upkeep;
use crate::workload::{Caretaker, Login, Recorder, Session, fill};

/// How long the deletion of all keys may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// Where operators sit. There is such a machine only in runs that need one: another machine changes what
/// the seed means.
pub(super) struct Desk {
    pub(super) host: ClientHost,
    pub(super) recorder: Recorder,
    pub(super) login: Option<Login>,
}

impl Desk {
    fn session(&self) -> Session {
        Session::new(self.host.clone(), &self.recorder).with_login(self.login.clone())
    }
}

impl Faults {
    /// Asks members, each by an operator of its own; the steps go on meanwhile.
    pub(super) async fn upkeep(&self, who: &Who, upkeep: Upkeep, dice: &mut Dice) {
        let Some(desk) = &self.desk else { return };
        let members = self.members.resolve(who, dice).await;
        let known = desk.recorder.knowledge(|known| (known.compacted, known.revision));
        let revision = revision_to_hash(known, dice);
        for member in members {
            let mut operator = Caretaker { session: desk.session(), member };
            let members = self.members.clone();
            drop(SimRuntime::spawn(async move {
                let is_done = match upkeep {
                    Upkeep::Defragment => operator.defragment().await,
                    Upkeep::SaveSnapshot => operator.save_snapshot().await,
                    Upkeep::Hash => operator.hash(revision).await,
                    Upkeep::ListAlarms => operator.list_alarms().await,
                    Upkeep::Disarm => operator.disarm().await,
                    Upkeep::RaiseCorrupt => operator.raise_corrupt().await,
                };
                match is_done {
                    true => members.strikes(upkeep.name()),
                    false => members.spares_kind(upkeep.name(), "nobody said that it is done"),
                }
            }));
        }
    }

    /// Writes large values until the cluster has no room for them, or there were so many.
    pub(super) fn fill(&self, puts: u64) {
        let Some(desk) = &self.desk else { return };
        let (mut session, keys) = (desk.session(), self.keys);
        let members = self.members.endpoints().clone();
        drop(SimRuntime::spawn(async move { fill(&mut session, &members, keys, puts).await }));
    }

    /// Deletes every key.
    pub(super) fn empty(&self) {
        let Some(desk) = &self.desk else { return };
        let mut session = desk.session();
        let members: Vec<usize> = self.members.all().collect();
        drop(SimRuntime::spawn(async move {
            let all = DeleteRangeRequest {
                key: vec![0].into(),
                range_end: vec![0].into(),
                ..DeleteRangeRequest::default()
            };
            for member in members {
                let request = Request::DeleteRange(all.clone());
                if session.call(member, request, PATIENCE).await.is_some() {
                    return;
                }
            }
        }));
    }
}

/// One that most members can read: the newest, what is compacted, or between.
fn revision_to_hash((compacted, newest): (i64, i64), dice: &mut Dice) -> i64 {
    let least = compacted.max(1);
    match dice.below(4) {
        0 => 0,
        1 => compacted.max(0),
        _ => {
            let span = u64::try_from(newest - least).unwrap_or(0);
            least + i64::try_from(dice.between(0..=span)).unwrap_or(0)
        }
    }
}
