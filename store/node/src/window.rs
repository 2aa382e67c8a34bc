//! A look into a member that runs: its Raft, its log, its keys and its watchers at one moment.
//!
//! For whoever is in the same process as the member, such as a simulator. Looking changes nothing and waits for nobody.

use std::sync::Arc;

use detcd_machine::LiveKey;

use crate::raft::Raft;
use crate::raft::standing::Standing;
use crate::runtime::Runtime;
use crate::state::State;
use crate::wal;
use crate::watch::{Hub, Watching};

/// Looks into one member; clones look into the same. It keeps the parts of the member alive, and so is let go when the
/// member ends.
pub struct Window<R: Runtime> {
    pub(crate) raft: Raft<R>,
    pub(crate) log: wal::Log<R>,
    pub(crate) state: Arc<State<R>>,
    pub(crate) hub: Hub,
}

impl<R: Runtime> Clone for Window<R> {
    fn clone(&self) -> Self {
        Self {
            raft: self.raft.clone(),
            log: self.log.clone(),
            state: self.state.clone(),
            hub: self.hub.clone(),
        }
    }
}

/// What is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// What its Raft thinks.
    pub raft: Standing,
    /// The index up to which its log is durable.
    pub durable: Option<u64>,
    /// The store's revision.
    pub revision: i64,
    /// Up to which revision the history is compacted.
    pub compact_revision: i64,
    /// Keys of which there is history, deleted ones included.
    pub known_keys: usize,
    /// The first living keys.
    pub keys: Vec<LiveKey>,
    /// How many living keys there are.
    pub live_keys: usize,
    /// How many leases there are.
    pub leases: usize,
    /// The watchers, by stream.
    pub watchers: Vec<Watching>,
    /// Streams of clients that watch, or have watched and are still open.
    pub watch_streams: usize,
    /// Bytes of events that wait for the clients of these streams.
    pub queued_bytes: usize,
}

impl<R: Runtime> Window<R> {
    /// Looks, and lists so many keys.
    pub fn look(&self, keys_max: usize) -> View {
        let raft = Standing::of(&self.raft);
        let (durable, watchers) = (self.log.durable(), self.hub.watchers());
        let (watch_streams, queued_bytes) = (self.hub.counts().streams, self.hub.queued_bytes());
        self.state.with_machine(|machine| View {
            raft,
            durable,
            revision: machine.revision(),
            compact_revision: machine.compact_revision(),
            known_keys: machine.key_count(),
            keys: machine.live_keys(keys_max),
            live_keys: machine.live_key_count(),
            leases: machine.leases().len(),
            watchers,
            watch_streams,
            queued_bytes,
        })
    }
}
