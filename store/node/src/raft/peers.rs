//! Connections to the other members.
//!
//! One connection for log entries, one for everything short (heartbeats, votes, reads), one for forwarded
//! commands, one for snapshots: nothing large ever delays a heartbeat.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use detcd_api::peer::peer_client::PeerClient;
use openraft_rt::AsyncRuntime;
use tokio::sync::Mutex as AsyncMutex;

use super::MemberNode;
use super::exchange::{Exchange, Kept};
use crate::config::Url;
use crate::grpc::{self, Channel, KeepAlive};
use crate::runtime::{Network, Runtime};

/// Largest message between members: a batch of entries, each at most a request.
pub const PEER_MESSAGE_BYTES_MAX: usize = 512 << 20;

/// What a connection is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Log entries.
    Append,
    /// Heartbeats, votes, reads.
    Control,
    /// Forwarded commands.
    Forward,
    /// Snapshots.
    Snapshot,
}

type Slot = Arc<AsyncMutex<Option<Channel>>>;

fn living(channel: &Option<Channel>) -> Option<Channel> {
    channel.as_ref().filter(|channel| !channel.is_closed()).cloned()
}

/// The connections of one member to all others. Clones share them.
pub struct Peers<R: Runtime> {
    inner: Arc<Inner>,
    runtime: std::marker::PhantomData<fn() -> R>,
}

struct Inner {
    network: Arc<dyn Network>,
    cluster_id: u64,
    timeout: Duration,
    keep_alive: KeepAlive,
    slots: Mutex<BTreeMap<(u64, Purpose), Slot>>,
    /// Streams of short appends that wait for the next.
    exchanges: Kept<Exchange>,
    /// Where members are according to the newest membership.
    addresses: Mutex<BTreeMap<u64, MemberNode>>,
}

impl<R: Runtime> Clone for Peers<R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), runtime: std::marker::PhantomData }
    }
}

impl<R: Runtime> Peers<R> {
    /// No connection yet. `election_timeout` bounds how long a dead one is held for alive.
    pub fn new(network: Arc<dyn Network>, cluster_id: u64, election_timeout: Duration) -> Self {
        let keep_alive =
            KeepAlive { interval: election_timeout, timeout: election_timeout, while_idle: true };
        Self {
            inner: Arc::new(Inner {
                network,
                cluster_id,
                timeout: election_timeout,
                keep_alive,
                slots: Mutex::default(),
                exchanges: Kept::default(),
                addresses: Mutex::default(),
            }),
            runtime: std::marker::PhantomData,
        }
    }

    /// The cluster that every request names.
    pub fn cluster_id(&self) -> u64 {
        self.inner.cluster_id
    }

    /// Takes the members of a membership: who has moved is looked for in its new place, and connections
    /// to those who are gone are given up.
    pub fn set_members(&self, members: BTreeMap<u64, MemberNode>) {
        let mut addresses = self.inner.addresses.lock().expect("no panic happens under the lock");
        let mut slots = self.inner.slots.lock().expect("no panic happens under the lock");
        let stays = |id: u64| {
            let urls = |nodes: &BTreeMap<u64, MemberNode>| {
                nodes.get(&id).map(|node| node.peer_urls.clone())
            };
            urls(&members).is_some() && urls(&members) == urls(&addresses)
        };
        slots.retain(|(id, _), _| stays(*id));
        self.inner.exchanges.give_up(|id| !stays(id));
        *addresses = members;
    }

    fn current(&self, id: u64, node: &MemberNode) -> MemberNode {
        let addresses = self.inner.addresses.lock().expect("no panic happens under the lock");
        addresses.get(&id).unwrap_or(node).clone()
    }

    /// A client of member `id`, connecting where there is no living connection.
    ///
    /// The attempt to connect outlives a caller that gives up: a heartbeat's patience may be shorter
    /// than a slow link's handshake, and the next heartbeat must find the connection made.
    pub async fn client(
        &self,
        id: u64,
        node: &MemberNode,
        purpose: Purpose,
    ) -> io::Result<PeerClient<Channel>> {
        let slot = {
            let mut slots = self.inner.slots.lock().expect("no panic happens under the lock");
            slots.entry((id, purpose)).or_default().clone()
        };
        let mut guard = slot.lock_owned().await;
        let channel = match living(&guard) {
            Some(channel) => channel,
            None => {
                // One attempt at a time: it owns the slot, and whoever still wants a connection waits.
                let (peers, node) = (self.clone(), self.current(id, node));
                let attempt = async move {
                    let channel = peers.connect(&node).await?;
                    Ok::<_, io::Error>(guard.insert(channel).clone())
                };
                R::spawn(attempt).await.map_err(|error| io::Error::other(error.to_string()))??
            }
        };
        Ok(PeerClient::with_origin(channel, http::Uri::from_static("http://peer"))
            .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
            .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX))
    }

    /// Gives up a connection that does not answer, so that the next caller opens another.
    pub fn forget(&self, id: u64, purpose: Purpose) {
        let mut slots = self.inner.slots.lock().expect("no panic happens under the lock");
        slots.remove(&(id, purpose));
        if purpose == Purpose::Control {
            self.inner.exchanges.give_up(|member| member == id);
        }
    }

    /// Streams of short appends, over connections for what is short.
    pub(super) fn exchanges(&self) -> &Kept<Exchange> {
        &self.inner.exchanges
    }

    async fn connect(&self, node: &MemberNode) -> io::Result<Channel> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the member has no peer URL");
        for url in &node.peer_urls {
            let address = Url::parse(url).map_err(io::Error::other)?.address();
            let connecting =
                grpc::connect::<R>(&*self.inner.network, &address, self.inner.keep_alive);
            match <R as AsyncRuntime>::timeout(self.inner.timeout, connecting).await {
                Ok(Ok(channel)) => return Ok(channel),
                Ok(Err(error)) => last = io::Error::other(error),
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    }
}
