//! The network as one host sees it: binding and connecting.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use detcd_node::runtime::{Connection, Listener, Network};
use futures_util::future::BoxFuture;

use crate::clock::nanos;
use crate::context;
use crate::network::SimNetwork;
use crate::network::connection::Side;
use crate::network::endpoint::Endpoint;
use crate::network::state::{Backlog, State};
use crate::random::Key;
use crate::runtime::Sleep;

/// A first packet that is not answered is sent again after this long, and then twice as long, as by Linux.
const CONNECT_RETRY: Duration = Duration::from_secs(1);

/// A host of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(usize);

impl HostId {
    pub(super) fn new(index: usize) -> Self {
        Self(index)
    }

    pub(super) fn index(self) -> usize {
        self.0
    }

    pub(super) fn number(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "h{}", self.0)
    }
}

/// The network in the hands of one host.
#[derive(Debug, Clone)]
pub struct HostNetwork {
    network: SimNetwork,
    host: HostId,
}

impl HostNetwork {
    pub(super) fn new(network: SimNetwork, host: HostId) -> Self {
        Self { network, host }
    }

    /// Which host it is.
    pub fn id(&self) -> HostId {
        self.host
    }

    /// What an address means to this host.
    fn resolve(&self, state: &State, address: &str) -> io::Result<(HostId, u16)> {
        let malformed = || io::Error::new(io::ErrorKind::InvalidInput, "invalid socket address");
        let (name, port) = address.rsplit_once(':').ok_or_else(malformed)?;
        let port = port.parse().map_err(|_| malformed())?;
        let host = match name {
            "localhost" | "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]" | "" => self.host,
            name => state.find_host(name).ok_or_else(|| {
                io::Error::other(format!("failed to lookup address information: {name}"))
            })?,
        };
        Ok((host, port))
    }

    fn bind(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        let network = self.network.clone();
        network.update(|state, _| {
            let (host, port) = self.resolve(state, address)?;
            if host != self.host {
                return Err(io::ErrorKind::AddrNotAvailable.into());
            }
            let port = if port == 0 { state.ephemeral_port(host) } else { port };
            if state.listeners.contains_key(&(host, port)) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let id = state.bind(host, port);
            let name = address.rsplit_once(':').map_or("", |(name, _)| name);
            let address = format!("{name}:{port}");
            let network = self.network.clone();
            Ok(Box::new(Bound { network, host, port, id, address }) as Box<dyn Listener>)
        })
    }

    async fn dial(&self, address: &str) -> io::Result<Connection> {
        let client = self.host;
        let (server, port) = self.network.update(|state, _| self.resolve(state, address))?;
        let (source, key, timeout) = self.network.update(|state, _| {
            let port = state.ephemeral_port(client);
            let source = format!("{}:{port}", state.ip(client));
            (source, state.dial(client, server), state.options.connect_timeout)
        });
        let deadline = context::true_nanos() + nanos(timeout);
        let mut retry = nanos(CONNECT_RETRY);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let key = key.number(attempt);
            if let Some(connected) = self.attempt(&source, server, port, key).await? {
                return Ok(connected);
            }
            let next = context::true_nanos() + retry;
            if next >= deadline {
                Sleep::until_true(deadline).await;
                return Err(io::ErrorKind::TimedOut.into());
            }
            Sleep::until_true(next).await;
            retry *= 2;
        }
    }

    /// One handshake; nothing if a packet of it was lost.
    async fn attempt(
        &self,
        source: &str,
        server: HostId,
        port: u16,
        key: Key,
    ) -> io::Result<Option<Connection>> {
        let client = self.host;
        if !self.travel(client, server, key.text("there")).await {
            return Ok(None);
        }
        let opened = self.network.update(|state, wakers| {
            let limit = state.options.backlog;
            match state.listeners.get_mut(&(server, port)) {
                None => Answer::Refused,
                Some(backlog) if backlog.waiting.len() >= limit => Answer::Lost,
                Some(_) => {
                    let id = state.open(client, server);
                    let backlog = state.listeners.get_mut(&(server, port)).expect("still there");
                    backlog.waiting.push_back((id, source.to_owned()));
                    wakers.wake(&mut backlog.waker);
                    Answer::Accepted(id)
                }
            }
        });
        // From here on the connection exists, and is closed if nobody waits for it any more.
        let endpoint = match opened {
            Answer::Accepted(id) => Some(Endpoint::new(self.network.clone(), id, Side::Client)),
            Answer::Refused => None,
            Answer::Lost => return Ok(None),
        };
        if !self.travel(server, client, key.text("back")).await {
            return Ok(None);
        }
        match endpoint {
            Some(endpoint) => Ok(Some(Box::new(endpoint))),
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    /// Waits for a packet of a handshake to arrive; false if it does not.
    async fn travel(&self, from: HostId, to: HostId, key: Key) -> bool {
        let arrival = self.network.update(|state, _| {
            state.is_passable(from, to).then(|| state.arrival(from, to, key, 0))
        });
        let Some(arrival) = arrival else { return false };
        Sleep::until_true(arrival).await;
        self.network.update(|state, _| state.is_up(to))
    }
}

enum Answer {
    Accepted(u64),
    Refused,
    Lost,
}

impl Network for HostNetwork {
    fn listen<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move { self.bind(address) })
    }

    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Connection>> {
        Box::pin(self.dial(address))
    }
}

#[derive(Debug)]
struct Bound {
    network: SimNetwork,
    host: HostId,
    port: u16,
    id: u64,
    address: String,
}

impl Bound {
    /// The queue, unless the process was killed or the port belongs to somebody else by now.
    fn backlog<'a>(&self, state: &'a mut State) -> Option<&'a mut Backlog> {
        state.listeners.get_mut(&(self.host, self.port)).filter(|backlog| backlog.id == self.id)
    }
}

impl Listener for Bound {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Connection, String)>> {
        Box::pin(poll_fn(move |task| {
            let accepted = self.network.update(|state, wakers| {
                let backlog = self.backlog(state).ok_or(io::ErrorKind::BrokenPipe)?;
                let accepted = backlog.waiting.pop_front();
                if accepted.is_none() {
                    wakers.set(&mut backlog.waker, task.waker());
                }
                Ok::<_, io::ErrorKind>(accepted)
            })?;
            match accepted {
                None => Poll::Pending,
                Some((id, source)) => {
                    let endpoint = Endpoint::new(self.network.clone(), id, Side::Server);
                    Poll::Ready(Ok((Box::new(endpoint) as Connection, source)))
                }
            }
        }))
    }

    fn local_address(&self) -> String {
        self.address.clone()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.network.update(|state, wakers| {
            if self.backlog(state).is_none() {
                return;
            }
            let backlog = state.listeners.remove(&(self.host, self.port));
            for (id, _) in backlog.into_iter().flat_map(|backlog| backlog.waiting) {
                state.close(id, Side::Server, wakers);
            }
        });
    }
}
