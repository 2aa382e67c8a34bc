//! Members that come later, and those that go for good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use detcd_node::bootstrap::BootstrapError;
use detcd_node::config::{ClusterState, Config};
use detcd_node::node::StartError;

use super::{Cluster, ClusterConfig, PEER_PORT, place, start, url};
use crate::network::Farewell;
use crate::process::Host;

/// Pause before a member that was refused by the cluster's members is started again.
pub(super) const SUPERVISION_PAUSE: Duration = Duration::from_millis(500);

/// A member that is to be: it has a number and a machine, and nothing of it runs yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Its number.
    pub member: usize,
    /// Where its peers will reach it.
    pub peer_url: String,
}

/// With which settings a member starts: those of its flags as they are by then.
#[derive(Debug, Clone)]
pub(super) enum Settings {
    /// Of a member that founds the cluster.
    Founder(Box<Config>),
    /// Of one that joins: its own, and where all members are as far as is known.
    Joiner(Box<Config>, Whereabouts),
}

/// The peer URLs of all members, as last told; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Whereabouts(Arc<Mutex<Vec<Vec<String>>>>);

impl Settings {
    pub(super) fn now(&self) -> Config {
        match self {
            Self::Founder(config) => (**config).clone(),
            Self::Joiner(config, whereabouts) => {
                Config { initial_cluster: whereabouts.flag(config), ..(**config).clone() }
            }
        }
    }

    /// Whether somebody would correct the flags, or wait, and start the member again.
    pub(super) fn is_worth_another_start(&self, error: &StartError) -> bool {
        let is_joiner = matches!(self, Self::Joiner(..));
        let passes = |error: &BootstrapError| match error {
            BootstrapError::Unlike { .. } | BootstrapError::NobodyAnswers(_) => true,
            BootstrapError::Flags(_)
            | BootstrapError::AlreadyBootstrapped { .. }
            | BootstrapError::Removed => false,
        };
        is_joiner && matches!(error, StartError::Bootstrap(error) if passes(error))
    }
}

impl Whereabouts {
    /// The flag of a member; what the others are called makes no difference to one that joins.
    fn flag(&self, config: &Config) -> String {
        let members = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = &config.initial_advertise_peer_urls;
        let mut flag = Vec::new();
        for (number, urls) in members.iter().enumerate() {
            let is_own = urls.iter().any(|url| own.contains(url));
            let name = if is_own { config.name.clone() } else { format!("other-{number}") };
            flag.extend(urls.iter().map(|url| format!("{name}={url}")));
        }
        flag.join(",")
    }
}

impl Cluster {
    /// A new machine for a member that is to be.
    pub fn newcomer(&self) -> Newcomer {
        let member = self.roster.size() + 1;
        let (name, ip) = (format!("n{member}"), super::member_ip(member));
        let host = self.world.host_with_disk(&name, &ip, self.config.disk.clone());
        self.seat(host)
    }

    /// A member that is to be where another is that will have gone by then.
    pub fn successor(&self, member: usize) -> Newcomer {
        self.seat(self.roster.machine(member))
    }

    fn seat(&self, host: Host) -> Newcomer {
        let peer_url = url(host.ip(), PEER_PORT);
        let member = self.roster.add(host, None);
        self.observed.seat();
        Newcomer { member, peer_url }
    }

    /// Takes note of where all members are, for the flags of those that join.
    pub fn note_members(&self, peer_urls: Vec<Vec<String>>) {
        *self.whereabouts.0.lock().unwrap_or_else(PoisonError::into_inner) = peer_urls;
    }

    /// Starts a newcomer that the cluster has taken in under `id`, on an empty disk and with the flags of
    /// one that joins.
    ///
    /// # Panics
    ///
    /// If something still runs on its machine.
    pub fn join(&self, newcomer: &Newcomer, id: u64) {
        let member = newcomer.member;
        let host = self.roster.machine(member);
        assert!(!host.is_running(), "nobody has the machine of member {member} any more");
        host.disk().lose_everything();
        self.roster.joined(member, id);
        let config = Config {
            initial_cluster_state: ClusterState::Existing,
            ..place(&self.config, member, host.ip())
        };
        let settings = Settings::Joiner(Box::new(config), self.whereabouts.clone());
        start(&host, settings, member, (self.observed.clone(), self.live.clone()));
    }

    /// The machine of a member breaks, and its disk with it: what starts there again finds nothing.
    pub fn lose_disk(&self, member: usize) {
        self.observed.ended(member);
        self.observed.lost_disk(member);
        let host = self.host(member);
        host.kill(Farewell::Silent);
        host.disk().lose_everything();
    }

    /// Takes a member out of the run for good, because the cluster has removed it.
    pub fn retire(&self, member: usize) {
        if self.is_up(member) {
            self.kill(member);
        }
        self.roster.leave(member);
    }

    /// Whether a number stands for somebody who has joined and was not retired.
    pub fn is_here(&self, member: usize) -> bool {
        self.roster.is_here(member)
    }

    /// Whether the member has left for ever; its machine may be another's by now.
    pub fn is_gone(&self, member: usize) -> bool {
        self.roster.is_gone(member)
    }
}

/// The settings of a member that founds the cluster.
pub(super) fn founder(config: &ClusterConfig, member: usize) -> Config {
    let initial_cluster: Vec<String> = (1..=config.members)
        .map(|other| format!("n{other}={}", url(&super::member_ip(other), PEER_PORT)))
        .collect();
    Config {
        initial_cluster: initial_cluster.join(","),
        ..place(config, member, &super::member_ip(member))
    }
}
