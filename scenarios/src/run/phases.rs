//! The phases of a run, inside the simulation.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use detcd_node::observer::Observation;
use futures_util::future::{self, Either};
use jepsen_like::checker::Violation;
use jepsen_like::history::{Event, History, LeaseChange};
use openraft_rt::AsyncRuntime;
use reports::{Counts, Finding};
use sim::network::NetworkOptions;
use sim::trace::{Digest, Recording};
use sim::{SimRuntime, Trace, World};

use super::changes::Changes;
use super::core;
use super::faults::Faults;
use super::findings::Findings;
use super::judge;
use super::liveness::Liveness;
use super::members::{FaultRecord, Members};
use super::monitor::Monitor;
use super::observed;
use super::panicked;
use super::probes::{self, Reached};
use super::tally::Spared;
use super::upkeep::Desk;
use crate::dice::Dice;
use crate::panics::{self, Judged, MEMBER_PANIC, Slot};
use crate::plan::{Action, Plan, Step, Workload};
use crate::workload::{
    Administrator, Client, Holder, Locker, Login, Observer, Operator, Progress, Recorder, Session,
    StopSign, User, Wanted, Watcher, restore_saved, set_up,
};
use sim::cluster::{ClientHost, Cluster, Status};

/// How long a new cluster may take to elect its first leader, in election timeouts.
const BOOT_ELECTION_TIMEOUTS: u32 = 10;
/// How long a healed cluster may take to come back, beside ten election timeouts.
const LIVENESS_LIMIT: Duration = Duration::from_secs(20);

/// How a run is watched.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whether every event is kept, and not only hashed.
    pub is_recorded: bool,
    /// What is logged to standard error, in the syntax of `RUST_LOG`.
    pub log: Option<String>,
    /// Where a panic is put. With it, a member that panics is a finding and ends the run early; without it, it ends the
    /// run at once, and is told on standard error.
    pub panics: Option<Slot>,
    /// From when on answers to reads are noted with a wrong count, to try whether anybody notices.
    pub falsified_from: Option<Duration>,
}

/// What a run leaves.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Everything that clients and members told.
    pub history: History,
    /// What happened, counted; nothing is checked yet.
    pub counts: Counts,
    /// The hash of all events.
    pub digest: Digest,
    /// The events, if they were kept.
    pub recording: Recording,
    /// True simulated time from start to end.
    pub simulated: Duration,
    /// Which kinds of steps were carried out, and how often.
    pub struck: BTreeMap<String, u64>,
    /// Which were not, and why.
    pub spared: Spared,
    /// Rare states that were reached, and how often.
    pub reached: Reached,
    /// What ended the run before its time.
    pub stopped: Option<Violation>,
    /// Whether a member that panicked ended the run at once: what is true of the end is not true of it.
    pub is_cut_off: bool,
    /// What the run itself found.
    pub findings: Vec<Finding>,
    /// Members that were not started again, because their logs could not show what they had lost.
    pub left_down: u64,
    /// What was done to the cluster.
    pub faults: Vec<FaultRecord>,
    /// The members at the end.
    pub members: Vec<Status>,
}

/// Runs a plan under a seed, on a thread of its own.
///
/// # Panics
///
/// If anything inside panics, but for members if there is a slot for panics.
pub fn simulate(plan: &Plan, seed: u64, options: &Options) -> Ran {
    let (plan, options) = (plan.clone(), options.clone());
    sim::run(seed, move || async move {
        if let Some(slot) = &options.panics {
            slot.enter();
        }
        let trace = if options.is_recorded { Trace::recorded() } else { Trace::default() };
        let world = World::new(trace, NetworkOptions::default());
        let _logging =
            options.log.as_ref().map(|filter| sim::log::to_stderr(world.trace(), filter));
        Run::boot(world, plan, &options).run().await
    })
}

pub(super) struct Run {
    world: World,
    plan: Plan,
    members: Members,
    changes: Changes,
    recorder: Recorder,
    findings: Findings,
    panics: Option<Slot>,
}

/// Tasks that work until they are told to stop.
struct Tasks {
    handles: Vec<<SimRuntime as AsyncRuntime>::JoinHandle<()>>,
    stop: StopSign,
}

impl Tasks {
    fn new(stop: StopSign) -> Self {
        Self { handles: Vec::new(), stop }
    }

    async fn stop(self) {
        self.stop.raise();
        for handle in self.handles {
            handle.await.expect("a client does not panic");
        }
    }
}

impl Run {
    pub(super) fn boot(world: World, plan: Plan, options: &Options) -> Self {
        if options.panics.is_some() {
            // What is not put into a slot has no place, and nobody could tell whose it is.
            world.keep_panics(panics::last);
        }
        let members = Members::boot(&world, &plan.cluster);
        let recorder = Recorder::new(&world, options.falsified_from);
        let findings = Findings::new(world.clone());
        let changes = Changes::new(world.clone(), members.clone(), findings.clone());
        let panics = options.panics.clone();
        Self { world, plan, members, changes, recorder, findings, panics }
    }

    /// What runs in it.
    pub(super) fn cluster(&self) -> &Cluster {
        self.members.cluster()
    }

    pub(super) async fn run(self) -> Ran {
        let monitor = Monitor::new(
            self.world.clone(),
            self.members.clone(),
            self.recorder.clone(),
            judge::options(&self.plan),
        );
        let (panic, stopped) = {
            let (phases, watching) = (pin!(self.phases()), pin!(monitor.watch()));
            let panicked = pin!(self.world.first_panic());
            match future::select(panicked, future::select(phases, watching)).await {
                Either::Left((panic, _)) => (Some(panic), None),
                Either::Right((Either::Left(((), _)), _)) => (None, None),
                Either::Right((Either::Right((violation, _)), _)) => (None, Some(violation)),
            }
        };
        if let Some(panic) = &panic {
            self.tell(panicked::judge(panic, &self.members));
        }
        Ran { is_cut_off: panic.is_some(), ..self.finish(stopped) }
    }

    /// A panic of the harness goes on: the run shows nothing.
    fn tell(&self, judged: Judged) {
        let Judged { is_finding, message } = judged.clone();
        if let Some(slot) = &self.panics {
            slot.judge(judged);
        }
        assert!(is_finding, "{message}");
        self.findings.add(MEMBER_PANIC, message);
    }

    async fn phases(&self) {
        if self.first_leader().await && self.users_are_set_up().await {
            let checker = self.session(&self.members.client("checker"));
            let (progress, hurry) = (Progress::default(), StopSign::default());
            let clients = self.start_clients();
            let users = self.start_users();
            let watchers = self.start_watchers(&progress, &hurry);
            let (operating, operator) = self.start_operator();
            let holders = self.start_holders();
            self.faults().run(&self.plan).await;
            let mut dice = core::dice(&self.world);
            let core = self.core(&mut dice);
            match &core {
                Some(core) => self.members.heal_core(core, &mut dice),
                None => self.heal(),
            }
            clients.stop().await;
            users.stop().await;
            holders.stop().await;
            let mut liveness = self.liveness(checker, operator);
            let is_back = match &core {
                Some(core) => liveness.core(core).await.is_some(),
                None => true,
            };
            if is_back {
                if core.is_some() {
                    self.heal();
                }
                liveness.run(&self.plan, &progress, &hurry).await;
            }
            operating.stop().await;
            watchers.stop().await;
            for snapshot in self.recorder.take_snapshots() {
                self.recorder.upkeep(restore_saved(&self.world, &snapshot).await);
            }
        }
    }

    /// The members that are healed first; nobody in particular while the membership is being changed, as that may take
    /// whoever is left out.
    fn core(&self, dice: &mut Dice) -> Option<BTreeSet<usize>> {
        if !self.changes.is_idle() {
            return None;
        }
        self.members.choose_core(dice)
    }

    fn heal(&self) {
        self.members.heal_everything();
        self.recorder.healed();
    }

    async fn first_leader(&self) -> bool {
        let limit = self.plan.cluster.election_timeout * BOOT_ELECTION_TIMEOUTS;
        while self.members.leader().is_none() {
            if self.world.true_time() > limit {
                let message = format!("nobody leads {limit:?} after the start, without any fault");
                self.findings.add("liveness: leader", message);
                return false;
            }
            SimRuntime::sleep(Duration::from_millis(50)).await;
        }
        true
    }

    /// Who the run itself is, and its clients that are nobody in particular.
    fn login(&self) -> Option<Login> {
        (self.plan.workload.users > 0).then(Login::root)
    }

    fn session(&self, host: &ClientHost) -> Session {
        Session::new(host.clone(), &self.recorder).with_login(self.login())
    }

    async fn users_are_set_up(&self) -> bool {
        let users = self.plan.workload.users;
        if users == 0 {
            return true;
        }
        let mut session = Session::new(self.members.client("set-up"), &self.recorder);
        let is_done = set_up(&mut session, self.members.endpoints(), users).await;
        if !is_done {
            let message = "users cannot be added without any fault".to_owned();
            self.findings.add("liveness: users", message);
        }
        is_done
    }

    fn start_users(&self) -> Tasks {
        let mut tasks = Tasks::new(StopSign::default());
        let users = self.plan.workload.users;
        if users == 0 {
            return tasks;
        }
        let members = self.members.endpoints().clone();
        let host = self.members.client("administrator");
        let session = self.session(&host);
        let administrator = Administrator { session, members: members.clone(), users };
        let working = administrator.run(self.world.streams(), tasks.stop.clone());
        tasks.handles.push(host.host().spawn(working));
        for number in 1..=users {
            let host = self.members.client(&format!("user-{number}"));
            let session = Session::new(host.clone(), &self.recorder);
            let session = session.with_login(Some(Login::user(number)));
            let pace = self.plan.workload.pace;
            let user = User { session, number, members: members.clone(), pace };
            let working = user.run(self.world.streams(), tasks.stop.clone());
            tasks.handles.push(host.host().spawn(working));
        }
        tasks
    }

    /// Clients that have leases, and clients that want locks.
    fn start_holders(&self) -> Tasks {
        let mut tasks = Tasks::new(StopSign::default());
        let Workload { holders, lockers, keys, pace, .. } = self.plan.workload;
        let members = || self.members.endpoints().clone();
        for number in 1..=holders {
            let host = self.members.client(&format!("holder-{number}"));
            let (session, members) = (self.session(&host), members());
            let holder = Holder { session, number, members, keys, pace };
            let working = holder.run(self.world.streams(), tasks.stop.clone());
            tasks.handles.push(host.host().spawn(working));
        }
        for number in 1..=lockers {
            let host = self.members.client(&format!("locker-{number}"));
            let (session, members) = (self.session(&host), members());
            let wanted = Wanted::Lock;
            let locker = Locker { session, number, members, pace, wanted };
            let working = locker.run(self.world.streams(), tasks.stop.clone());
            tasks.handles.push(host.host().spawn(working));
        }
        self.start_electors(&mut tasks);
        tasks
    }

    /// Clients that want to lead, and those that are told who does.
    fn start_electors(&self, tasks: &mut Tasks) {
        let Workload { electors, pace, .. } = self.plan.workload;
        let members = || self.members.endpoints().clone();
        for number in 1..=electors {
            let host = self.members.client(&format!("elector-{number}"));
            let (session, members) = (self.session(&host).electing(), members());
            let wanted = Wanted::Election;
            let elector = Locker { session, number, members, pace, wanted };
            let working = elector.run(self.world.streams(), tasks.stop.clone());
            tasks.handles.push(host.host().spawn(working));
        }
        for number in 1..=electors.div_ceil(2) {
            let host = self.members.client(&format!("observer-{number}"));
            let observer = Observer { session: self.session(&host), number, members: members() };
            let working = observer.run(self.world.streams(), tasks.stop.clone());
            tasks.handles.push(host.host().spawn(working));
        }
    }

    fn start_clients(&self) -> Tasks {
        let mut tasks = Tasks::new(StopSign::default());
        for number in 1..=self.plan.workload.clients {
            let host = self.members.client(&format!("client-{number}"));
            let client = Client {
                session: self.session(&host),
                number,
                members: self.members.endpoints().clone(),
                workload: self.plan.workload.clone(),
            };
            let working = client.run(self.world.streams(), tasks.stop.clone());
            tasks.handles.push(host.host().spawn(working));
        }
        tasks
    }

    fn start_watchers(&self, progress: &Progress, hurry: &StopSign) -> Tasks {
        let mut tasks = Tasks::new(StopSign::default());
        let Workload { watchers, slow_watchers, .. } = self.plan.workload;
        for number in 1..=watchers + slow_watchers {
            let host = self.members.client(&format!("watcher-{number}"));
            let watcher = Watcher {
                host: host.clone(),
                recorder: self.recorder.clone(),
                number,
                members: self.members.endpoints().clone(),
                keys: self.plan.workload.keys,
                progress: progress.clone(),
                hurry: hurry.clone(),
                stop: tasks.stop.clone(),
                login: self.login(),
                is_slow: number > watchers,
            };
            tasks.handles.push(host.host().spawn(watcher.run(self.world.streams())));
        }
        tasks
    }

    /// Who carries out changes of the membership, and who looks at it in the end, if the plan has any.
    fn start_operator(&self) -> (Tasks, Option<Operator>) {
        let mut tasks = Tasks::new(StopSign::default());
        let is_membership = |step: &Step| matches!(step.action, Action::Membership(_));
        if !self.plan.steps.iter().any(is_membership) {
            return (tasks, None);
        }
        let host = self.members.client("operator");
        let operator = || Operator::new(self.session(&host));
        let working = self.changes.clone().run(operator(), tasks.stop.clone());
        tasks.handles.push(host.host().spawn(working));
        (tasks, Some(operator()))
    }

    fn faults(&self) -> Faults {
        let host = self.members.client("script");
        let needed = self.plan.steps.iter().map(|step| step.action.sessions()).sum();
        let session = |_| self.session(&host);
        let has_upkeep = self.plan.steps.iter().any(|step| step.action.is_upkeep());
        let desk = has_upkeep.then(|| Desk {
            host: self.members.client("caretaker"),
            recorder: self.recorder.clone(),
            login: self.login(),
        });
        Faults {
            world: self.world.clone(),
            members: self.members.clone(),
            changes: self.changes.clone(),
            sessions: (0..needed).map(session).collect(),
            keys: self.plan.workload.keys,
            findings: self.findings.clone(),
            desk,
            over: StopSign::default(),
        }
    }

    fn liveness(&self, session: Session, operator: Option<Operator>) -> Liveness {
        Liveness {
            world: self.world.clone(),
            members: self.members.clone(),
            changes: self.changes.clone(),
            operator,
            session,
            findings: self.findings.clone(),
            healed: Vec::new(),
            asked_from: Duration::ZERO,
            limit: LIVENESS_LIMIT + self.plan.cluster.election_timeout * 10,
        }
    }

    fn finish(self, stopped: Option<Violation>) -> Ran {
        let records = self.members.records();
        let mut excused_stops = 0;
        for record in &records {
            let Observation::Failed { reason } = &record.observation else { continue };
            if self.members.excuses(record.member, record.time) {
                excused_stops += 1;
            } else {
                let message = format!(
                    "member {} stopped by itself at {:?}, although its disk is well: {reason}",
                    record.member, record.time
                );
                self.findings.add_at(record.time, "member failure", message);
            }
        }
        for (at, message) in self.members.undetected() {
            self.findings.add_at(at, "undetected damage", message);
        }
        let faults = self.members.faults();
        let tally = self.recorder.tally();
        let counts = Counts {
            operations: 0,
            acknowledged: tally.acknowledged,
            unknown: tally.unknown,
            crashes: self.members.crashes(),
            elections: self.members.elections(),
            resumed_watches: tally.resumed,
            installed_snapshots: self.members.installed_snapshots(),
            faults: faults.len() as u64,
            watch_events: tally.watch_events,
            changes: self.members.changes(),
            expired_leases: 0,
            locks: tally.locks,
            upkeep: tally.upkeep,
            no_space: tally.no_space,
            stops: excused_stops,
        };
        let names = |id| self.members.number(id);
        let events = observed::merge(&names, &records, &faults, self.recorder.take());
        let expired = |event: &&Event| matches!(event, Event::Lease(line) if line.change == LeaseChange::Expired);
        let expired_leases = events.iter().filter(expired).count() as u64;
        let counts = Counts { expired_leases, ..counts };
        let findings = self.findings.list();
        Ran {
            struck: self.members.struck(),
            spared: self.members.spared(),
            reached: probes::look(&records, &faults, &events),
            history: History::from(events),
            counts,
            digest: self.world.trace().digest(),
            recording: self.world.trace().recording(),
            simulated: self.world.true_time(),
            stopped,
            is_cut_off: false,
            findings,
            left_down: self.members.left_down(),
            faults,
            members: self.members.everyone().map(|member| self.members.status(member)).collect(),
        }
    }
}
