//! Carries out the steps of a plan at their times.

use std::time::Duration;

use jepsen_like::history::{CompactRequest, PutRequest, Request};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, World};

use super::changes::Changes;
use super::findings::Findings;
use super::members::{Members, Place};
use super::moments::{Moment, moments};
use super::upkeep::Desk;
use crate::ailment::Ailment;
use crate::dice::Dice;
use crate::plan::{Action, GRANTERS, Plan, Who};
use crate::workload::{Session, StopSign, burst, grant_many};

/// Why a disk is spared that a membership which is about to come may count on.
const CHANGING: &str = "the membership is being changed";

/// Who carries out steps, and with what.
pub(super) struct Faults {
    pub(super) world: World,
    pub(super) members: Members,
    /// Where changes of the membership are ordered.
    pub(super) changes: Changes,
    /// Sessions for the steps that send requests.
    pub(super) sessions: Vec<Session>,
    pub(super) keys: usize,
    pub(super) findings: Findings,
    /// Where operators sit, if any do.
    pub(super) desk: Option<Desk>,
    /// Ends what would go on by itself, such as a flapping link. Who raises it decides about all links from
    /// then on: what is cut later nobody would heal, and what is healed later may be cut on purpose.
    pub(super) over: StopSign,
}

impl Faults {
    /// Does every step at its time, counted from now, and returns when the duration is over.
    pub(super) async fn run(mut self, plan: &Plan) {
        let start = self.world.true_time();
        for Moment { at, step, mut dice } in moments(&self.world.streams(), &plan.steps) {
            self.sleep_until(start + at).await;
            self.members.begin_step();
            let before = self.members.fault_count();
            self.perform(&step.action, &mut dice).await;
            let has_hit = self.members.fault_count() > before && !step.action.is_told_later();
            self.members.end_step(&step.action, has_hit);
        }
        self.sleep_until(start + plan.duration).await;
        self.over.raise();
    }

    async fn sleep_until(&self, at: Duration) {
        let now = self.world.true_time();
        SimRuntime::sleep(at.saturating_sub(now)).await;
    }

    async fn perform(&mut self, action: &Action, dice: &mut Dice) {
        match action {
            Action::Kill(who) => self.each(who, dice, |members, it| members.kill(it)).await,
            Action::PowerLoss(who) => {
                self.each(who, dice, |members, it| members.power_loss(it)).await;
            }
            Action::PowerLossInWrite(who) => {
                let members = self.members.resolve(who, dice).await;
                self.members.power_loss_in_write(&members, dice).await;
            }
            Action::Restart(who) => self.each(who, dice, |members, it| members.restart(it)).await,
            Action::Pause(who, lasting) => self.pause(who, *lasting, dice).await,
            Action::StallDisk { who, files, lasting } => {
                self.each(who, dice, |members, it| members.stall_disk(it, files, *lasting)).await;
            }
            Action::Partition(_)
            | Action::Cut(..)
            | Action::OneWay(..)
            | Action::CutClients(_)
            | Action::Flap { .. }
            | Action::Reset(..)
            | Action::HalfOpen { .. }
            | Action::AilLink { .. }
            | Action::Swizzle { .. }
            | Action::Heal => self.perform_on_links(action, dice).await,
            Action::RestartLoop { who, every, lasting } => {
                self.restart_loop(who, *every, *lasting, dice).await;
            }
            // Who is spared may be counted on by a membership that is about to come.
            Action::Ail(_, Ailment::Damaged { .. } | Ailment::Misdirected { .. })
                if !self.changes.is_idle() =>
            {
                self.members.spares(CHANGING.to_owned());
            }
            Action::Ail(who, ailment) => {
                for member in self.members.resolve(who, dice).await {
                    self.members.ail(member, ailment, dice);
                }
            }
            Action::Compact { keep } => self.compact(*keep).await,
            Action::Burst { puts, bytes } => self.burst(*puts, *bytes),
            Action::Membership(change) => self.membership(change, dice).await,
            Action::LoseDisk(_) if !self.changes.is_idle() => {
                self.members.spares(CHANGING.to_owned());
            }
            Action::LoseDisk(who) => {
                self.each(who, dice, |members, it| {
                    if members.can_spare(it) {
                        members.lose_disk(it);
                    } else {
                        members.spares(format!("member {it} is needed first"));
                    }
                })
                .await;
            }
            Action::GrantLeases { leases, ttl } => self.grant_leases(*leases, *ttl),
            Action::Upkeep(who, upkeep) => self.upkeep(who, *upkeep, dice).await,
            Action::Fill(puts) => self.fill(*puts),
            Action::Empty => self.empty(),
            Action::Remember(who, name) => {
                if let Some(member) = self.members.resolve(who, dice).await.first() {
                    self.members.remember(name, *member);
                }
            }
            Action::Serves { via, within } => self.serves(via.as_ref(), *within, dice).await,
        }
    }

    async fn perform_on_links(&self, action: &Action, dice: &mut Dice) {
        match action {
            Action::Partition(split) => self.partition(split, dice).await,
            Action::Cut(these, those) => self.cut(these, those, true, dice).await,
            Action::OneWay(from, to) => self.cut(from, to, false, dice).await,
            Action::CutClients(who) => {
                self.each(who, dice, |members, it| {
                    members.cut_clients(it);
                    members.begin(Place::Network, None, format!("{it} cut from clients"));
                })
                .await;
            }
            Action::Flap { one, other, every, lasting } => {
                self.flap(one, other, *every, *lasting, dice).await;
            }
            Action::Reset(one, other) => self.reset(one, other, dice).await,
            Action::HalfOpen { one, other, is_one_way } => {
                self.half_open(one, other, *is_one_way, dice).await;
            }
            Action::AilLink { one, other, ailment, lasting } => {
                self.ail_links(one, other, ailment, *lasting, dice).await;
            }
            Action::Swizzle { every } => self.swizzle(*every, dice),
            Action::Heal => self.members.heal_links(),
            other => unreachable!("`{other}` hits no links"),
        }
    }

    async fn each(&self, who: &Who, dice: &mut Dice, mut act: impl FnMut(&Members, usize)) {
        for member in self.members.resolve(who, dice).await {
            act(&self.members, member);
        }
    }

    /// Kills members and starts them again, in turns.
    async fn restart_loop(&self, who: &Who, every: Duration, lasting: Duration, dice: &mut Dice) {
        let end = self.world.true_time() + lasting;
        for member in self.members.resolve(who, dice).await {
            if !self.members.is_up(member) {
                self.members.spares(format!("member {member} is down already"));
                continue;
            }
            let (members, over, world) =
                (self.members.clone(), self.over.clone(), self.world.clone());
            let text = format!("restart loop of {member}");
            let fault = members.begin_curable(Place::Process, None, None, text);
            members.kill(member);
            drop(SimRuntime::spawn(async move {
                let is_over = || world.true_time() >= end || over.is_raised();
                let is_here = || members.cluster.is_here(member);
                while !over.is_raised() && is_here() {
                    SimRuntime::sleep(every).await;
                    if over.is_raised() || !is_here() {
                        break;
                    }
                    members.restart(member);
                    if is_over() {
                        break;
                    }
                    SimRuntime::sleep(every).await;
                    if is_over() || !is_here() {
                        break;
                    }
                    // It may have stopped by itself, or been ended by something else.
                    if members.is_up(member) {
                        members.kill(member);
                    }
                }
                members.end_fault(fault);
            }));
        }
    }

    async fn pause(&self, who: &Who, lasting: Duration, dice: &mut Dice) {
        for member in self.members.resolve(who, dice).await {
            let Some(ticket) = self.members.pause(member) else { continue };
            let members = self.members.clone();
            drop(SimRuntime::spawn(async move {
                SimRuntime::sleep(lasting).await;
                members.resume_from(member, ticket);
            }));
        }
    }

    async fn compact(&mut self, keep: u64) {
        let Some(mut session) = self.sessions.pop() else { return };
        let newest = session.recorder().knowledge(|knowledge| knowledge.revision);
        let revision = newest - i64::try_from(keep).unwrap_or(i64::MAX);
        if revision > 1 {
            let recorder = session.recorder().clone();
            let members = self.members.clone();
            let member = members.leader().unwrap_or(1);
            drop(SimRuntime::spawn(async move {
                let request = Request::Compact(CompactRequest { revision, physical: false });
                let patience = Duration::from_secs(2);
                if session.call(member, request, patience).await.is_some() {
                    recorder.knowledge(|known| known.compacted = known.compacted.max(revision));
                    members.strikes("compact");
                } else {
                    members.spares_kind("compact", "nobody said that it is done");
                }
            }));
        } else {
            self.members.spares("there was nothing to compact".to_owned());
        }
    }

    fn grant_leases(&mut self, leases: u64, ttl: Duration) {
        let ttl = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        let share = leases.div_ceil(GRANTERS as u64);
        for _ in 0..GRANTERS {
            let Some(mut session) = self.sessions.pop() else { return };
            let members = self.members.endpoints().clone();
            drop(SimRuntime::spawn(async move {
                grant_many(&mut session, &members, share, ttl).await;
            }));
        }
    }

    fn burst(&mut self, puts: u64, bytes: usize) {
        // Several clients at once, or a stalled disk would hold the first write and all after it.
        const LANES: u64 = 4;
        for _ in 0..LANES {
            let Some(mut session) = self.sessions.pop() else { return };
            let (members, keys) = (self.members.endpoints().clone(), self.keys);
            let share = puts.div_ceil(LANES);
            drop(SimRuntime::spawn(async move {
                burst(&mut session, &members, keys, (share, bytes)).await;
            }));
        }
    }

    /// Starts to look whether a write is acknowledged in time; the steps go on meanwhile.
    async fn serves(&mut self, via: Option<&Who>, within: Duration, dice: &mut Dice) {
        let (via, named) = match via {
            Some(who) => (self.members.resolve(who, dice).await, format!("`{who}`")),
            None => (self.members.all().collect(), "anybody".to_owned()),
        };
        if via.is_empty() {
            let now = self.world.true_time();
            let message = format!(
                "the script says that writes are acknowledged through {named} at {now:?}, \
                 and no member is that then"
            );
            self.findings.add("availability", message);
            return;
        }
        let Some(mut session) = self.sessions.pop() else { return };
        let (world, findings) = (self.world.clone(), self.findings.clone());
        drop(SimRuntime::spawn(async move {
            let start = world.true_time();
            while world.true_time() < start + within {
                for member in &via {
                    let put = serving_put(&session);
                    let patience = Duration::from_millis(500);
                    if session.call(*member, put, patience).await.is_some() {
                        return;
                    }
                }
                SimRuntime::sleep(Duration::from_millis(50)).await;
            }
            let message = format!(
                "no write was acknowledged through any of {via:?} for {within:?} from {:.3} s on, \
                 although the script says that the cluster serves then",
                start.as_secs_f64()
            );
            findings.add_since(start, "availability", message);
        }));
    }
}

/// A write that shows that somebody serves.
pub(super) fn serving_put(session: &Session) -> Request {
    let op = session.recorder().new_op();
    let value = format!("serving {op}");
    Request::Put(PutRequest {
        key: "serving".into(),
        value: value.as_str().into(),
        ..PutRequest::default()
    })
}
