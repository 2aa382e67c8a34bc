//! A detcd cluster on simulated machines: boots members, breaks them, and hears what they observe.
//!
//! Members are numbered from 1, as people count them. Must never know: what clients do, and what is right
//! or wrong.

mod client;
mod content;
mod growth;
mod live;
mod observed;
mod roster;

use std::sync::Arc;

use detcd_node::config::Config;
use detcd_node::node::{self, Ending, Environment};
use detcd_node::window;
use openraft_rt::AsyncRuntime;

use crate::disk::Timing;
use crate::network::Farewell;
use crate::process::{Host, Surroundings, World};
use crate::runtime::SimRuntime;

use live::Live;

use growth::{SUPERVISION_PAUSE, Settings, Whereabouts, founder};
use roster::Roster;

pub use client::{ClientHost, ConnectError};
pub use content::{Content, DiskCopy, FileSize, LogEntry, View};
pub use growth::Newcomer;
pub use observed::{Observed, Record, Status, Witness};

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// How many members.
    pub members: usize,
    /// The settings that all members share; names and URLs are filled in.
    pub member: Config,
    /// The speed of their disks.
    pub disk: Timing,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        // Clients of a run ping often, so that they soon find out whom they have lost.
        let member = Config { grpc_keepalive_min_time: client::PING_DISTANCE, ..Config::default() };
        Self { members: 3, member, disk: Timing::default() }
    }
}

/// The port on which members serve clients.
const CLIENT_PORT: u16 = 2379;
/// The port on which members serve each other.
const PEER_PORT: u16 = 2380;

fn member_ip(member: usize) -> String {
    format!("10.0.0.{member}")
}

fn url(ip: &str, port: u16) -> String {
    format!("http://{ip}:{port}")
}

/// The settings of a member but for those that say whom it begins with.
fn place(config: &ClusterConfig, member: usize, ip: &str) -> Config {
    Config {
        name: format!("n{member}"),
        listen_client_urls: vec![url(ip, CLIENT_PORT)],
        advertise_client_urls: vec![url(ip, CLIENT_PORT)],
        listen_peer_urls: vec![url(ip, PEER_PORT)],
        initial_advertise_peer_urls: vec![url(ip, PEER_PORT)],
        ..config.member.clone()
    }
}

/// A cluster; clones are the same one.
#[derive(Debug, Clone)]
pub struct Cluster {
    world: World,
    config: Arc<ClusterConfig>,
    roster: Roster,
    whereabouts: Whereabouts,
    observed: Observed,
    live: Live,
}

impl Cluster {
    /// Adds the machines of a cluster to the world and starts all members.
    pub fn boot(world: &World, config: &ClusterConfig) -> Self {
        let (observed, roster) = (Observed::new(world.clone()), Roster::default());
        let live = Live::default();
        for member in 1..=config.members {
            let settings = founder(config, member);
            let cluster = settings.cluster().expect("the generated settings form a cluster");
            let host =
                world.host_with_disk(&settings.name, &member_ip(member), config.disk.clone());
            roster.add(host.clone(), Some(cluster.local));
            observed.seat();
            let settings = Settings::Founder(Box::new(settings));
            start(&host, settings, member, (observed.clone(), live.clone()));
        }
        let (world, config) = (world.clone(), Arc::new(config.clone()));
        Self { world, config, roster, whereabouts: Whereabouts::default(), observed, live }
    }

    /// How many members there are, were, or were to be: the highest number.
    pub fn size(&self) -> usize {
        self.roster.size()
    }

    /// How many members founded it: the numbers up to this.
    pub fn founders(&self) -> usize {
        self.config.members
    }

    /// The numbers of the members that are here.
    pub fn members(&self) -> std::vec::IntoIter<usize> {
        self.roster.here().into_iter()
    }

    /// The machine of a member.
    pub fn host(&self, member: usize) -> Host {
        self.roster.machine(member)
    }

    /// The id of a member in the cluster; nothing for one that has not joined.
    pub fn id(&self, member: usize) -> Option<u64> {
        self.roster.id(member)
    }

    /// The number of the member with an id.
    pub fn member(&self, id: u64) -> Option<usize> {
        self.roster.member(id)
    }

    /// What the members observed.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// What is seen of a member that runs; nothing of one that is down, or has not come up yet.
    pub fn look(&self, member: usize, keys_max: usize) -> Option<window::View> {
        self.live.look(member, keys_max)
    }

    /// Whether a member's process runs.
    pub fn is_up(&self, member: usize) -> bool {
        self.roster.is_here(member) && self.host(member).is_running()
    }

    /// The running member that leads in the highest term, as far as members know themselves.
    pub fn leader(&self) -> Option<usize> {
        self.members()
            .filter(|member| self.is_up(*member))
            .map(|member| (self.observed.status(member), member))
            .filter(|(status, _)| status.is_leader)
            .max_by_key(|(status, _)| status.term)
            .map(|(_, member)| member)
    }

    /// Kills a member's process; its machine keeps what it wrote and closes its connections.
    pub fn kill(&self, member: usize) {
        self.observed.ended(member);
        self.host(member).kill(Farewell::Closed);
    }

    /// Cuts the power of a member's machine: what was not synced may be lost, and nobody is told.
    pub fn power_loss(&self, member: usize) {
        self.observed.ended(member);
        self.host(member).power_loss();
    }

    /// Starts a member that is here and down.
    pub fn restart(&self, member: usize) {
        if self.is_here(member) && !self.is_up(member) {
            self.observed.started(member);
            self.host(member).restart();
        }
    }

    /// Cuts the link from one member to another, in this direction.
    pub fn cut(&self, from: usize, to: usize) {
        self.world.network().cut(self.host(from).id(), self.host(to).id());
    }

    /// Heals the link from one member to another.
    pub fn heal(&self, from: usize, to: usize) {
        self.world.network().heal(self.host(from).id(), self.host(to).id());
    }

    /// Cuts all links between members of different groups; clients still reach everybody.
    pub fn partition(&self, groups: &[Vec<usize>]) {
        for (at, group) in groups.iter().enumerate() {
            for others in groups.iter().skip(at + 1) {
                for (one, other) in group.iter().flat_map(|a| others.iter().map(move |b| (a, b))) {
                    self.cut(*one, *other);
                    self.cut(*other, *one);
                }
            }
        }
    }

    /// Cuts a member from all others; clients still reach it.
    pub fn isolate(&self, member: usize) {
        let others = self.members().filter(|other| *other != member).collect();
        self.partition(&[vec![member], others]);
    }

    /// Heals all links.
    pub fn heal_all(&self) {
        self.world.network().heal_all();
    }

    /// Breaks the connections between two members; new ones can be made.
    pub fn reset_connections(&self, one: usize, other: usize) {
        let (one, other) = (self.host(one).id(), self.host(other).id());
        self.world.network().reset_connections(one, other);
    }

    /// Adds a machine for a client.
    pub fn client(&self, name: &str, number: usize) -> ClientHost {
        let ip = format!("10.0.1.{number}");
        ClientHost { host: self.world.host(name, &ip), roster: self.roster.clone() }
    }
}

/// Starts a member on its machine: it runs until it fails, or is ended from outside.
fn start(host: &Host, settings: Settings, member: usize, (observed, live): (Observed, Live)) {
    observed.started(member);
    let disk = host.disk().clone();
    host.start(move |around: Surroundings| {
        let (settings, observed, live, disk) =
            (settings.clone(), observed.clone(), live.clone(), disk.clone());
        async move {
            loop {
                let around = around.clone();
                let environment = Environment {
                    network: Arc::new(around.network),
                    disk: Arc::new(around.disk),
                    observer: observed.observer(member, disk.clone()),
                };
                match node::start::<SimRuntime>(settings.now(), environment).await {
                    Ok(node) => {
                        let _lit = live.shine(member, node.window());
                        match node.ended().await {
                            Ending::Failed(reason) => observed.failed(member, &reason),
                            Ending::Removed => {
                                observed.removed(member);
                                node.stop().await;
                            }
                        }
                    }
                    Err(error) if settings.is_worth_another_start(&error) => {
                        SimRuntime::sleep(SUPERVISION_PAUSE).await;
                        continue;
                    }
                    Err(error) if error.is_removal() => observed.removed(member),
                    Err(error) => observed.failed(member, &error.to_string()),
                }
                break;
            }
            observed.ended(member);
        }
    });
}
