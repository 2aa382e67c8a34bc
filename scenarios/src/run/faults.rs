//! Carries out the steps of a plan at their times.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jepsen_like::history::{CompactRequest, PutRequest, Request};
use openraft_rt::AsyncRuntime;
use reports::Finding;
use sim::{SimRuntime, World};

use super::changes::Changes;
use super::members::{Members, Place};
use super::moments::{Moment, moments};
use super::upkeep::Desk;
use crate::ailment::{Ailment, LinkAilment};
use crate::dice::Dice;
use crate::plan::{Action, GRANTERS, Plan, Split, Who};
use crate::workload::{Session, StopSign, burst, grant_many};

/// Findings of the run itself; clones share them.
pub(super) type Findings = Arc<Mutex<Vec<Finding>>>;

/// Adds a finding.
pub(super) fn add_finding(findings: &Findings, checker: &str, message: String) {
    let finding = Finding { checker: checker.to_owned(), message, details: Vec::new() };
    findings.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
}

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
            let before = self.members.faults().len();
            self.perform(&step.action, &mut dice).await;
            let has_begun = step.action.goes_on() || self.members.faults().len() > before;
            if step.action.hurts() && has_begun {
                self.members.strikes(&step.action.kind());
            }
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
            Action::Reset(one, other) => {
                for (one, other) in self.pairs(one, other, dice).await {
                    self.members.reset(one, other);
                    self.members.blink(Place::Network, format!("reset {one} - {other}"));
                }
            }
            // Who is spared may be counted on by a membership that is about to come.
            Action::Ail(_, Ailment::Damaged { .. }) if !self.changes.is_idle() => {
                tracing::info!(target: "scenario", "no disk is damaged while the membership is changed");
            }
            Action::Ail(who, ailment) => {
                for member in self.members.resolve(who, dice).await {
                    self.members.ail(member, ailment, dice);
                }
            }
            Action::AilLink { one, other, ailment, lasting } => {
                self.ail_links(one, other, ailment, *lasting, dice).await;
            }
            Action::Swizzle { every } => self.swizzle(*every, dice),
            Action::Heal => self.members.heal_links(),
            Action::Compact { keep } => self.compact(*keep).await,
            Action::Burst { puts, bytes } => self.burst(*puts, *bytes),
            Action::Membership(change) => self.membership(change, dice).await,
            Action::LoseDisk(who) => {
                self.each(who, dice, |members, it| members.lose_disk(it)).await;
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

    async fn each(&self, who: &Who, dice: &mut Dice, mut act: impl FnMut(&Members, usize)) {
        for member in self.members.resolve(who, dice).await {
            act(&self.members, member);
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

    /// All pairs of different members, one from each side.
    async fn pairs(&self, one: &Who, other: &Who, dice: &mut Dice) -> Vec<(usize, usize)> {
        let ones = self.members.resolve(one, dice).await;
        let others = self.members.resolve(other, dice).await;
        let all = ones.iter().flat_map(|one| others.iter().map(move |other| (*one, *other)));
        all.filter(|(one, other)| one != other).collect()
    }

    async fn cut(&self, these: &Who, those: &Who, both_ways: bool, dice: &mut Dice) {
        for (one, other) in self.pairs(these, those, dice).await {
            self.members.cut(one, other);
            if both_ways {
                self.members.cut(other, one);
            }
            let arrow = if both_ways { "-" } else { "->" };
            self.members.begin(Place::Network, None, format!("cut {one} {arrow} {other}"));
        }
    }

    async fn partition(&self, split: &Split, dice: &mut Dice) {
        let groups = match split {
            Split::Groups(groups) => {
                let is_there = |member: &usize| !self.members.cluster.is_gone(*member);
                groups
                    .iter()
                    .map(|group| group.iter().copied().filter(is_there).collect())
                    .collect()
            }
            Split::Ring => {
                self.ring();
                return;
            }
            Split::MinorityWith(who) => {
                let size = (self.members.count() - 1) / 2;
                self.two_groups(who, size.max(1), dice).await
            }
            Split::MajorityWith(who) => {
                self.two_groups(who, self.members.count() / 2 + 1, dice).await
            }
        };
        for (one, other) in links(&groups) {
            self.members.cut(one, other);
            self.members.cut(other, one);
        }
        let text = format!("partition {}", Split::Groups(groups));
        self.members.begin(Place::Network, None, text);
    }

    /// Cuts every link but those between neighbours. Of three members everybody is a neighbour of
    /// everybody: there one link is cut.
    fn ring(&self) {
        let all: Vec<usize> = self.members.all().collect();
        let count = all.len();
        for (one, other) in (0..count).flat_map(|one| (one + 1..count).map(move |it| (one, it))) {
            let apart = (other - one).min(count - (other - one));
            if apart > 1 || (count == 3 && (one, other) == (0, 2)) {
                self.members.cut(all[one], all[other]);
                self.members.cut(all[other], all[one]);
            }
        }
        self.members.begin(Place::Network, None, "partition ring".to_owned());
    }

    /// A group of that size with that member in it, and the rest.
    async fn two_groups(&self, who: &Who, size: usize, dice: &mut Dice) -> Vec<BTreeSet<usize>> {
        let chosen = self.members.resolve(who, dice).await.first().copied();
        let mut rest: Vec<usize> = self.members.all().collect();
        let mut group = BTreeSet::new();
        if let Some(chosen) = chosen {
            rest.retain(|member| *member != chosen);
            group.insert(chosen);
        }
        while group.len() < size && !rest.is_empty() {
            let place = dice.index(rest.len());
            group.insert(rest.swap_remove(place));
        }
        vec![group, rest.into_iter().collect()]
    }

    async fn flap(
        &self,
        one: &Who,
        other: &Who,
        every: Duration,
        lasting: Duration,
        dice: &mut Dice,
    ) {
        let pairs = self.pairs(one, other, dice).await;
        let (members, over, world) = (self.members.clone(), self.over.clone(), self.world.clone());
        let end = world.true_time() + lasting;
        drop(SimRuntime::spawn(async move {
            while world.true_time() < end && !over.is_raised() {
                for (one, other) in &pairs {
                    members.cut(*one, *other);
                    members.cut(*other, *one);
                    members.blink(Place::Network, format!("flap {one} - {other}"));
                }
                SimRuntime::sleep(every).await;
                if over.is_raised() {
                    return;
                }
                for (one, other) in &pairs {
                    members.heal(*one, *other);
                    members.heal(*other, *one);
                }
                SimRuntime::sleep(every).await;
            }
        }));
    }

    async fn ail_links(
        &self,
        one: &Who,
        other: &Who,
        ailment: &LinkAilment,
        lasting: Duration,
        dice: &mut Dice,
    ) {
        for (one, other) in self.pairs(one, other, dice).await {
            let word = match ailment {
                LinkAilment::Delay(_) => "delayed",
                LinkAilment::Loss(_) => "lost",
                LinkAilment::Clog => "clogged",
            };
            self.members.blink(Place::Network, format!("{word} {one} - {other} {ailment}"));
            if *ailment == LinkAilment::Clog {
                self.members.clog(one, other, lasting);
                self.members.clog(other, one, lasting);
                continue;
            }
            self.members.ail_link(one, other, ailment);
            let members = self.members.clone();
            drop(SimRuntime::spawn(async move {
                SimRuntime::sleep(lasting).await;
                members.cure_link(one, other);
            }));
        }
    }

    /// Cuts members off one by one, and brings them back in another order.
    fn swizzle(&self, every: Duration, dice: &mut Dice) {
        let leaving = shuffled(self.members.all().collect(), dice);
        let returning = shuffled(leaving.clone(), dice);
        let (members, over) = (self.members.clone(), self.over.clone());
        drop(SimRuntime::spawn(async move {
            members.begin(Place::Network, None, format!("swizzle {leaving:?}, {returning:?}"));
            let others = |member: usize| members.all().filter(move |other| *other != member);
            for member in leaving {
                if over.is_raised() {
                    return;
                }
                for other in others(member) {
                    members.cut(member, other);
                    members.cut(other, member);
                }
                SimRuntime::sleep(every).await;
            }
            for member in returning {
                if over.is_raised() {
                    return;
                }
                for other in others(member) {
                    members.heal(member, other);
                    members.heal(other, member);
                }
                SimRuntime::sleep(every).await;
            }
            if !over.is_raised() {
                members.heal_links();
            }
        }));
    }

    async fn compact(&mut self, keep: u64) {
        let Some(mut session) = self.sessions.pop() else { return };
        let newest = session.recorder().knowledge(|knowledge| knowledge.revision);
        let revision = newest - i64::try_from(keep).unwrap_or(i64::MAX);
        if revision > 1 {
            let recorder = session.recorder().clone();
            let member = self.members.leader().unwrap_or(1);
            drop(SimRuntime::spawn(async move {
                let request = Request::Compact(CompactRequest { revision, physical: false });
                let patience = Duration::from_secs(2);
                if session.call(member, request, patience).await.is_some() {
                    recorder.knowledge(|known| known.compacted = known.compacted.max(revision));
                }
            }));
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
            add_finding(&self.findings, "availability", message);
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
                "no write was acknowledged through any of {via:?} for {within:?} from {start:?} on, \
                 although the script says that the cluster serves then"
            );
            add_finding(&findings, "availability", message);
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

fn shuffled(mut members: Vec<usize>, dice: &mut Dice) -> Vec<usize> {
    let mut order = Vec::with_capacity(members.len());
    while !members.is_empty() {
        order.push(members.swap_remove(dice.index(members.len())));
    }
    order
}

/// All pairs of members in different groups.
fn links(groups: &[BTreeSet<usize>]) -> Vec<(usize, usize)> {
    let mut links = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        for other in &groups[place + 1..] {
            links.extend(group.iter().flat_map(|one| other.iter().map(move |two| (*one, *two))));
        }
    }
    links
}
