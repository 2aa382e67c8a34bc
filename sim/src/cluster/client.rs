//! Machines on which clients run, and their connections to members.

use std::time::Duration;

use detcd_node::grpc::{self, Channel, ChannelError, KeepAlive};
use openraft_rt::AsyncRuntime;

use super::CLIENT_PORT;
use super::roster::Roster;
use crate::process::Host;
use crate::runtime::SimRuntime;

/// Distance that members of a cluster ask of pings, unless they are told otherwise.
pub(super) const PING_DISTANCE: Duration = Duration::from_secs(1);
/// Bytes of one stream that a client has room for before it has read them.
const WINDOW_BYTES: u32 = 1 << 20;

/// A machine on which clients run; clones are the same one.
#[derive(Debug, Clone)]
pub struct ClientHost {
    pub(super) host: Host,
    pub(super) roster: Roster,
}

impl ClientHost {
    /// The machine.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Opens a connection to a member. To be called from a task of this machine.
    pub async fn connect(&self, member: usize, limit: Duration) -> Result<Channel, ConnectError> {
        self.connect_with_window(member, limit, WINDOW_BYTES).await
    }

    /// The same with room for so many bytes of one stream that the client has not read.
    pub async fn connect_with_window(
        &self,
        member: usize,
        limit: Duration,
        window_bytes: u32,
    ) -> Result<Channel, ConnectError> {
        let Some(machine) = self.roster.host(member) else { return Err(ConnectError::Gone) };
        let address = format!("{}:{CLIENT_PORT}", machine.ip());
        let keep_alive = KeepAlive {
            interval: 2 * PING_DISTANCE,
            timeout: 2 * PING_DISTANCE,
            while_idle: false,
        };
        let network = self.host.network();
        let connecting =
            grpc::connect_with_window::<SimRuntime>(&network, &address, keep_alive, window_bytes);
        match SimRuntime::timeout(limit, connecting).await {
            Ok(result) => result.map_err(ConnectError::Refused),
            Err(_) => Err(ConnectError::TimedOut),
        }
    }
}

/// Why a client is not connected.
#[derive(Debug)]
pub enum ConnectError {
    /// There is no such member, or it is gone and another has its machine.
    Gone,
    /// The member or the network refused.
    Refused(ChannelError),
    /// Nothing came back in time.
    TimedOut,
}
