//! The cluster in the words of scenarios: who is meant, what was done to whom, and how often.
//!
//! The only place that touches the simulated cluster's controls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use detcd_node::config::{AuthToken, JwtOptions};
use detcd_node::observer::Observation;
use openraft_rt::AsyncRuntime;
use sim::network::{HostId, SimNetwork};
use sim::random::{Key, Stream};
use sim::{Host, SimRuntime, World};

use super::astray::Aimed;
use super::chronicle::{Chronicle, FaultId};
pub(super) use super::chronicle::{FaultRecord, Place};
use super::clocks;
use super::excuses::Excuses;
use super::tally::StepTally;
use crate::ailment::DiskCall;
use crate::dice::Dice;
use crate::plan::{ClusterPlan, Who};
use crate::workload::Endpoints;
use sim::cluster::{ClientHost, Cluster, ClusterConfig, Record, Status};

/// Log segments are small, so that runs cross their borders.
const WAL_SEGMENT_BYTES: u64 = 64 << 10;
/// Passwords are hashed as cheaply as bcrypt can.
const BCRYPT_COST: u32 = 4;
/// How long a step waits for somebody to lead.
const LEADER_PATIENCE: Duration = Duration::from_secs(4);

/// How often databases are written in a run, by the seed.
const FLUSH_INTERVALS_MS: [u64; 4] = [20, 100, 100, 1_000];

/// Signed tokens, which every change of users and roles makes old, are used in one run of so many.
const SIGNED_TOKENS_ONE_IN: u64 = 3;
/// How long one is good for: some end while they are used.
const SIGNED_TOKENS_TTL: Duration = Duration::from_secs(30);

/// By a method that draws nothing, so that a run replays.
fn signed_tokens() -> AuthToken {
    AuthToken::Jwt(JwtOptions {
        method: "HS256".to_owned(),
        public_key: Vec::new(),
        private_key: b"every member has this secret".to_vec(),
        ttl: SIGNED_TOKENS_TTL,
    })
}

#[derive(Debug, Default)]
pub(super) struct State {
    names: BTreeMap<String, usize>,
    paused: BTreeMap<usize, u64>,
    pauses: u64,
    pub(super) crashes: u64,
    pub(super) chronicle: Chronicle,
    pub(super) steps: StepTally,
    clients: Vec<HostId>,
    pub(super) excuses: Excuses,
    pub(super) changes: u64,
    pub(super) learners: BTreeSet<usize>,
    /// Whose disks are lost: they cannot come back, and are to be replaced.
    pub(super) lost: BTreeSet<usize>,
    /// Whose disks do not give back what was written.
    pub(super) damaged: BTreeSet<usize>,
    /// Of whom a write went astray, or the next one is to.
    pub(super) astray: BTreeSet<usize>,
    /// Which writes are to go astray.
    pub(super) aimed: Vec<Aimed>,
    /// Members, each with the number of its start, that have to find out that their log has a hole.
    pub(super) must_refuse: BTreeSet<(usize, u64)>,
    /// Members that cannot know what their logs have lost.
    pub(super) left_down: BTreeSet<usize>,
    /// Whose next call of which kind is to fail.
    pub(super) armed: Vec<(usize, DiskCall, FaultId)>,
    /// Who comes in the place of whom.
    pub(super) successors: BTreeMap<usize, usize>,
}

/// The members, numbered from 1; clones are the same ones.
#[derive(Debug, Clone)]
pub(super) struct Members {
    pub(super) world: World,
    pub(super) cluster: Cluster,
    pub(super) endpoints: Endpoints,
    state: Arc<Mutex<State>>,
}

impl Members {
    pub(super) fn boot(world: &World, plan: &ClusterPlan) -> Self {
        let mut config = ClusterConfig { members: plan.members, ..ClusterConfig::default() };
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        config.member.snapshot_count = plan.snapshot_count;
        // Few entries stay behind a snapshot, or no follower would ever need one.
        config.member.snapshot_catchup_entries = (plan.snapshot_count / 4).max(1);
        config.member.election_timeout_ms = millis(plan.election_timeout);
        config.member.heartbeat_interval_ms = millis(plan.heartbeat);
        config.member.quota_backend_bytes = i64::try_from(plan.quota).unwrap_or(i64::MAX);
        if plan.max_request_bytes > 0 {
            config.member.max_request_bytes = plan.max_request_bytes;
        }
        config.member.bcrypt_cost = BCRYPT_COST;
        config.member.wal_segment_bytes = WAL_SEGMENT_BYTES;
        // Often, so that a database comes near the end of its log, or seldom, so that a restart replays.
        let flush = world.streams().draw(Stream::Fault, Key::of("flush interval"));
        let intervals = FLUSH_INTERVALS_MS.len() as u64;
        let choice = usize::try_from(flush.below(intervals)).unwrap_or(0);
        config.member.flush_interval = Duration::from_millis(FLUSH_INTERVALS_MS[choice]);
        config.member.watch_progress_notify_interval = Duration::from_secs(2);
        let tokens = world.streams().draw(Stream::Fault, Key::of("signed tokens"));
        if tokens.below(SIGNED_TOKENS_ONE_IN) == 0 {
            config.member.auth_token = signed_tokens();
        }
        let cluster = Cluster::boot(world, &config);
        clocks::set(world, &cluster, plan.clock_offsets);
        let (endpoints, state) = (Endpoints::new(cluster.members()), Arc::default());
        Self { world: world.clone(), cluster, endpoints, state }
    }

    /// How many members are here.
    pub(super) fn count(&self) -> usize {
        self.all().count()
    }

    /// The members that are here.
    pub(super) fn all(&self) -> std::vec::IntoIter<usize> {
        self.cluster.members()
    }

    /// A machine for a client. Clients' machines are added before the first fault.
    pub(super) fn client(&self, name: &str) -> ClientHost {
        let number = self.lock().clients.len() + 1;
        let host = self.cluster.client(name, number);
        self.lock().clients.push(host.host().id());
        host
    }

    /// The machines of all clients.
    pub(super) fn clients(&self) -> Vec<HostId> {
        self.lock().clients.clone()
    }

    pub(super) fn is_up(&self, member: usize) -> bool {
        self.cluster.is_up(member)
    }

    pub(super) fn leader(&self) -> Option<usize> {
        self.cluster.leader()
    }

    pub(super) fn status(&self, member: usize) -> Status {
        self.cluster.observed().status(member)
    }

    pub(super) fn records(&self) -> Vec<Record> {
        self.cluster.observed().records_from(0)
    }

    pub(super) fn crashes(&self) -> u64 {
        self.lock().crashes
    }

    pub(super) fn elections(&self) -> u64 {
        self.cluster.observed().elections()
    }

    pub(super) fn installed_snapshots(&self) -> u64 {
        self.cluster.observed().snapshots_installed()
    }

    pub(super) fn faults(&self) -> Vec<FaultRecord> {
        self.lock().chronicle.all().to_vec()
    }

    /// How many faults there were so far.
    pub(super) fn fault_count(&self) -> usize {
        self.lock().chronicle.all().len()
    }

    /// What was done, but for the first so many.
    pub(super) fn faults_from(&self, skip: usize) -> Vec<FaultRecord> {
        self.lock().chronicle.all().iter().skip(skip).cloned().collect()
    }

    /// The members that are meant; nobody, if there is no leader for too long.
    pub(super) async fn resolve(&self, who: &Who, dice: &mut Dice) -> Vec<usize> {
        let mut meant = self.meant(who, dice).await;
        // What is done to the machine of a member that is gone would be done to who has it now.
        meant.retain(|member| !self.cluster.is_gone(*member));
        if meant.is_empty() {
            self.spares(format!("there was no `{who}`"));
        }
        meant
    }

    async fn meant(&self, who: &Who, dice: &mut Dice) -> Vec<usize> {
        match who {
            Who::Member(member) => {
                Some(*member).filter(|it| *it <= self.cluster.size()).into_iter().collect()
            }
            Who::Learner => self.learners(),
            Who::All => self.all().collect(),
            Who::Named(name) => self.lock().names.get(name).copied().into_iter().collect(),
            Who::Any => {
                let up: Vec<usize> = self.all().filter(|member| self.is_up(*member)).collect();
                choose(&up, dice)
            }
            Who::Leader => self.await_leader().await.into_iter().collect(),
            Who::Follower => {
                let leader = self.await_leader().await;
                let follows = |member: &usize| self.is_up(*member) && Some(*member) != leader;
                let followers: Vec<usize> = self.all().filter(follows).collect();
                choose(&followers, dice)
            }
            Who::Followers => {
                let leader = self.await_leader().await;
                self.all().filter(|member| leader.is_some_and(|leader| leader != *member)).collect()
            }
        }
    }

    async fn await_leader(&self) -> Option<usize> {
        let deadline = self.world.true_time() + LEADER_PATIENCE;
        while self.world.true_time() < deadline {
            if let Some(leader) = self.leader() {
                return Some(leader);
            }
            SimRuntime::sleep(Duration::from_millis(20)).await;
        }
        None
    }

    pub(super) fn remember(&self, name: &str, member: usize) {
        self.lock().names.insert(name.to_owned(), member);
    }

    pub(super) fn kill(&self, member: usize) {
        self.end(member, "killed", Cluster::kill);
    }

    pub(super) fn power_loss(&self, member: usize) {
        self.end(member, "power lost", Cluster::power_loss);
    }

    fn end(&self, member: usize, text: &str, how: fn(&Cluster, usize)) {
        if self.is_up(member) {
            self.bring_down(member, text, how);
        } else {
            self.spares(format!("member {member} was down already"));
        }
    }

    pub(super) fn bring_down(&self, member: usize, text: &str, how: fn(&Cluster, usize)) {
        self.resume(member);
        how(&self.cluster, member);
        self.lock().crashes += 1;
        self.begin(Place::Process, Some(member), text.to_owned());
    }

    /// Starts a member that is down, but for a lone founder without its disk: nobody but its own flags tells it of
    /// a cluster, so it would found one anew, as with etcd. Operators are told to replace it. Nor does who cannot know
    /// what its log has lost.
    pub(super) fn restart(&self, member: usize) {
        let is_lone_founder = self.cluster.founders() == 1 && member == 1;
        if is_lone_founder && self.is_lost(member) {
            return;
        }
        if self.is_up(member) {
            return;
        }
        if self.hides_loss(member) {
            self.leave_down(member);
        } else {
            self.cluster.restart(member);
            self.expect_refusal(member);
            self.finish(Place::Process, Some(member));
        }
    }

    /// The member stands still; the ticket tells this pause from later ones.
    pub(super) fn pause(&self, member: usize) -> Option<u64> {
        if !self.is_up(member) || self.lock().paused.contains_key(&member) {
            self.spares(format!("member {member} stood still already"));
            return None;
        }
        self.cluster.host(member).pause();
        let mut state = self.lock();
        state.pauses += 1;
        let ticket = state.pauses;
        state.paused.insert(member, ticket);
        drop(state);
        self.begin(Place::Process, Some(member), "paused".to_owned());
        Some(ticket)
    }

    /// Ends the pause of that ticket, if it still lasts.
    pub(super) fn resume_from(&self, member: usize, ticket: u64) {
        if self.lock().paused.get(&member) == Some(&ticket) {
            self.resume(member);
        }
    }

    pub(super) fn resume(&self, member: usize) {
        if self.lock().paused.remove(&member).is_some() {
            self.cluster.host(member).resume();
            self.finish(Place::Process, Some(member));
        }
    }

    /// From now on the member may stop by itself: until then, or once.
    pub(super) fn may_stop(&self, member: usize, lasting: Option<Duration>) {
        let from = self.world.true_time();
        self.lock().excuses.add(member, from, lasting.map(|lasting| from + lasting));
    }

    /// Whether a member had a reason to stop by itself; a reason that holds once is used up.
    pub(super) fn excuses(&self, member: usize, at: Duration) -> bool {
        self.lock().excuses.take(member, at)
    }

    /// The member that has a machine, or the last that had it.
    pub(super) fn on_machine(&self, name: &str) -> Option<usize> {
        let mut members = self.cluster.members().chain((1..=self.cluster.size()).rev());
        members.find(|member| self.cluster.host(*member).name() == name)
    }

    pub(super) fn host(&self, member: usize) -> Host {
        self.cluster.host(member)
    }

    pub(super) fn network(&self) -> &SimNetwork {
        self.world.network()
    }

    pub(super) fn cut(&self, from: usize, to: usize) {
        if from != to {
            self.cluster.cut(from, to);
        }
    }

    pub(super) fn heal(&self, from: usize, to: usize) {
        if from != to {
            self.cluster.heal(from, to);
        }
    }

    pub(super) fn cut_clients(&self, member: usize) {
        let (network, host) = (self.world.network(), self.cluster.host(member).id());
        for client in self.clients() {
            network.cut(client, host);
            network.cut(host, client);
        }
    }

    /// All links work again.
    pub(super) fn heal_links(&self) {
        self.cluster.heal_all();
        self.finish(Place::Network, None);
    }

    /// All links work, nobody is paused, everybody runs.
    pub(super) fn heal_everything(&self) {
        self.heal_links();
        self.cure();
        for member in self.all() {
            self.resume(member);
            if !self.is_lost(member) {
                self.restart(member);
            }
        }
    }

    /// Whether the member's disk is lost.
    pub(super) fn is_lost(&self, member: usize) -> bool {
        self.lock().lost.contains(&member)
    }

    /// Whether the member became leader at that time or later.
    pub(super) fn has_led(&self, member: usize, since: Duration) -> bool {
        self.records().iter().rev().take_while(|record| record.time >= since).any(|record| {
            let leads = matches!(record.observation, Observation::Role { is_leader: true, .. });
            record.member == member && leads
        })
    }

    /// Longer than any run.
    pub(super) fn forever(&self) -> Duration {
        Duration::from_secs(86_400)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn choose(members: &[usize], dice: &mut Dice) -> Vec<usize> {
    if members.is_empty() { Vec::new() } else { vec![*dice.pick(members)] }
}
