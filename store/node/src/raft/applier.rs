//! openraft's state machine over the applied state: applies entries, makes and installs snapshots.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use detcd_machine::Command;
use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};

use super::log_store::LogStore;
use super::{
    Entry, LogId, Membership, Reply, Snapshot, SnapshotMeta, StoredMembership, TypeConfig, codec,
};
use crate::auth::Tokens;
use crate::lease::Deadlines;
use crate::observer::{Observation, Observer};
use crate::runtime::Runtime;
use crate::state::{Advanced, Answer, MembershipStep, State, Step};
use crate::stop::Stop;
use crate::storage::{Mark, SnapshotReader, SnapshotWriter};
use crate::watch::Hub;

/// A snapshot's content, where it is needed.
pub enum SnapshotData<R: Runtime> {
    /// It lies in this member's database; building it copied nothing.
    Built,
    /// A consistent read of this member's database, to be sent.
    Local(Box<SnapshotReader<R>>),
    /// Received whole and verified, to be installed.
    Received(Box<SnapshotWriter<R>>),
}

/// Applies the log to the state, tells watchers, and answers proposers. Clones share everything.
///
/// A failed disk, or an entry that cannot be applied, is returned as an error: openraft then stops the
/// member, which must not go on.
pub struct Applier<R: Runtime> {
    state: Arc<State<R>>,
    hub: Hub,
    tokens: Tokens<R>,
    deadlines: Deadlines<R>,
    observer: Arc<dyn Observer>,
    log_store: LogStore<R>,
    removal: Removal,
}

/// How a member hears that it was removed.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The member.
    pub member_id: u64,
    /// Given when the cluster has removed it.
    pub noticed: Stop,
}

impl<R: Runtime> Clone for Applier<R> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            hub: self.hub.clone(),
            tokens: self.tokens.clone(),
            deadlines: self.deadlines.clone(),
            observer: self.observer.clone(),
            log_store: self.log_store.clone(),
            removal: self.removal.clone(),
        }
    }
}

fn fatal(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::other(error)
}

fn covered(mark: &Mark) -> Option<LogId> {
    (*mark != Mark::default()).then(|| codec::log_id(mark.position))
}

fn reply(advanced: Advanced) -> Reply {
    let Advanced { position, revision, applied, .. } = advanced;
    let answer = applied.map(|applied| Answer { revision, outcome: applied.outcome });
    Reply { index: position.index, answer }
}

fn snapshot_meta(mark: &Mark) -> io::Result<SnapshotMeta> {
    let last_membership =
        codec::decode_stored_membership(mark.membership.clone()).map_err(fatal)?;
    Ok(SnapshotMeta { last_log_id: covered(mark), last_membership })
}

/// What was proposed, for whoever observes; the bytes are those of the log, not a copy.
fn command_bytes<R: Runtime>(entry: &Entry<R>) -> Bytes {
    match &entry.payload {
        EntryPayload::Normal(proposal) => proposal.bytes().clone(),
        EntryPayload::Blank | EntryPayload::Membership(_) => Bytes::new(),
    }
}

impl<R: Runtime> Applier<R> {
    /// Applies to `state`, publishes to `hub`, and tells who keeps tokens and who keeps deadlines what
    /// concerns them.
    pub fn new(
        state: Arc<State<R>>,
        hub: Hub,
        (tokens, deadlines): (Tokens<R>, Deadlines<R>),
        observer: Arc<dyn Observer>,
        log_store: LogStore<R>,
        removal: Removal,
    ) -> Self {
        Self { state, hub, tokens, deadlines, observer, log_store, removal }
    }

    async fn apply_entry(&self, entry: &Entry<R>) -> io::Result<Reply> {
        let position = codec::position(entry.log_id);
        let step = match &entry.payload {
            EntryPayload::Blank => Step::Blank,
            EntryPayload::Normal(proposal) => {
                let (by, command) = proposal.decoded().map_err(fatal)?;
                Step::Command(by, command)
            }
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
                Step::Membership(MembershipStep {
                    membership: codec::encode_stored_membership(&stored),
                    removed: self.left_out(membership)?,
                })
            }
        };
        let advanced = self
            .state
            .advance(position, step, |applied| {
                if let (EntryPayload::Normal(proposal), Ok(_)) = (&entry.payload, &applied.outcome)
                    && let Ok((_, Command::Auth(command))) = proposal.decoded()
                {
                    self.tokens.applied(position.index, command);
                }
                if !applied.events.is_empty() {
                    self.hub.publish(applied.revision, &applied.events);
                }
            })
            .await
            .map_err(fatal)?;
        self.observer.observe(Observation::Applied {
            index: position.index,
            term: position.term,
            revision: advanced.revision,
            digest: advanced.digest,
            command: command_bytes::<R>(entry),
        });
        self.notice_removal();
        let reply = reply(advanced);
        if let Some(answer) = &reply.answer {
            self.deadlines.applied(answer);
        }
        Ok(reply)
    }

    /// The members of the membership before that are not in this one.
    fn left_out(&self, membership: &Membership) -> io::Result<Vec<u64>> {
        let before = snapshot_meta(&self.state.mark())?.last_membership;
        let gone = before.nodes().map(|(id, _)| *id).filter(|id| membership.get_node(id).is_none());
        Ok(gone.collect())
    }

    /// Tells the member when the state says that it is none any longer.
    fn notice_removal(&self) {
        let (id, removed) = (&self.removal.member_id, &self.removal.noticed);
        if !removed.is_stopped()
            && self.state.with_machine(|machine| machine.removed_members().contains(id))
        {
            removed.stop();
        }
    }
}

impl<R: Runtime> RaftStateMachine<TypeConfig<R>> for Applier<R> {
    type SnapshotData = SnapshotData<R>;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let mark = self.state.mark();
        let meta = snapshot_meta(&mark)?;
        Ok((meta.last_log_id, meta.last_membership))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig<R>>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let reply = self.apply_entry(&entry).await?;
            if let Some(responder) = responder {
                responder.send(reply);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotData<R>,
    ) -> io::Result<()> {
        let SnapshotData::Received(writer) = snapshot else {
            return Err(io::Error::other("only a received snapshot can be installed"));
        };
        // Written, synced, renamed and swapped before openraft may purge the log that it replaces.
        let advanced = self.state.replace(writer.finish()).await.map_err(fatal)?;
        if Some(codec::log_id(advanced.position)) != meta.last_log_id {
            return Err(io::Error::other("the snapshot does not cover what its sender said"));
        }
        self.tokens.replaced();
        self.hub.reset(advanced.revision);
        self.log_store.installed(meta.last_membership.clone());
        self.observer.observe(Observation::SnapshotInstalled {
            index: advanced.position.index,
            term: advanced.position.term,
            revision: advanced.revision,
            digest: advanced.digest,
        });
        self.notice_removal();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot<R>>> {
        if self.state.storage().durable().is_none() {
            return Ok(None);
        }
        // The metadata is read inside the transaction that is going to be sent.
        let reader = self.state.storage().snapshot().await.map_err(fatal)?;
        let meta = snapshot_meta(reader.mark())?;
        // It was made durable for this, and openraft purges its log by it as by one that was built.
        let (index, term) = (reader.mark().position.index, reader.mark().position.term);
        self.observer.observe(Observation::SnapshotBuilt { index, term });
        Ok(Some(Snapshot::<R> { meta, snapshot: SnapshotData::Local(Box::new(reader)) }))
    }
}

impl<R: Runtime> RaftSnapshotBuilder<TypeConfig<R>> for Applier<R> {
    type SnapshotData = SnapshotData<R>;

    /// Nothing is copied: the database is the snapshot, once it is durable. openraft purges its log by
    /// the returned index, so it is exactly what the flush covered, not what is applied by now.
    async fn build_snapshot(&mut self) -> io::Result<Snapshot<R>> {
        let mark = self.state.storage().flush().await.map_err(fatal)?;
        let meta = snapshot_meta(&mark)?;
        let (index, term) = (mark.position.index, mark.position.term);
        self.observer.observe(Observation::SnapshotBuilt { index, term });
        Ok(Snapshot::<R> { meta, snapshot: SnapshotData::Built })
    }
}
