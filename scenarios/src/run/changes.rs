//! The operator of a run: changes the membership as ordered, one change after the other, until each is done.
//!
//! An order stands until it is carried out, or refused for good; what was refused because members are
//! missing, or not in sync yet, is asked for again. An outcome that is not known is found out by a
//! linearizable list of the members, in which every change that was acknowledged must show.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use detcd_api::Error;
use detcd_api::etcdserverpb::Member;
use openraft_rt::AsyncRuntime;
use sim::cluster::Newcomer;
use sim::random::Stream;
use sim::{SimRuntime, World};

use super::findings::Findings;
use super::members::Members;
use crate::dice::Dice;
use crate::workload::{Ask, Asked, Operator, StopSign};

/// Pause before the next attempt.
const RETRY: Duration = Duration::from_millis(300);
/// How long after it an attempt of unknown outcome may still be done: a member tries for five seconds and two election
/// timeouts, which have two seconds at most, and as long again when it waits for its turn.
const OPEN_FOR: Duration = Duration::from_secs(18);
/// The operator looks for orders this often.
const TICK: Duration = Duration::from_millis(50);
/// How long clients go on to ask a member that was removed: it should refuse them by then.
const FAREWELL: Duration = Duration::from_secs(3);
/// Attempts to move the leader: it is a wish, and whoever is meant may be down.
const MOVES_MAX: u32 = 3;

/// What the operator is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Order {
    /// Takes a newcomer in.
    Add {
        /// Who, and where.
        newcomer: Newcomer,
        /// Whether it has no vote.
        is_learner: bool,
    },
    /// Lets a member go.
    Remove(usize),
    /// Lets a member go whose disk is lost, and takes a newcomer in where it was.
    Replace {
        /// Who goes.
        member: usize,
        /// Who comes, at the same address.
        newcomer: Newcomer,
        /// Whether it has no vote.
        is_learner: bool,
    },
    /// Gives a learner its vote.
    Promote(usize),
    /// Has another member lead.
    MoveLeader(usize),
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Refused,
}

#[derive(Debug, Default)]
struct Inner {
    orders: VecDeque<Order>,
    is_busy: bool,
    /// Until then the operator lets an attempt run out, and asks nobody for anything.
    waits_until: Option<Duration>,
    /// Nothing more is ordered.
    is_over: bool,
    /// Learner or not, by id, as acknowledged; nothing before the first change.
    expected: Option<BTreeMap<u64, bool>>,
}

/// The orders; clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Changes {
    world: World,
    members: Members,
    findings: Findings,
    inner: Arc<Mutex<Inner>>,
}

impl Changes {
    pub(super) fn new(world: World, members: Members, findings: Findings) -> Self {
        Self { world, members, findings, inner: Arc::default() }
    }

    /// One more order, to be carried out after those before.
    pub(super) fn order(&self, order: Order) {
        self.lock().orders.push_back(order);
    }

    /// What was not begun is not begun any more.
    pub(super) fn drop_orders(&self) {
        let mut inner = self.lock();
        let orders = std::mem::take(&mut inner.orders);
        inner.is_over = true;
        drop(inner);
        orders.iter().for_each(|order| self.members.dropped(order));
    }

    /// Whether nobody will ever clear the way for a change: it gives a vote to somebody who is gone; or a member that
    /// is gone would have to be replaced first, other than the one that it removes, or a learner promoted, and nothing
    /// more is ordered.
    fn is_hopeless(&self, ask: &Ask, error: Error) -> bool {
        let members = &self.members;
        let is_broken = |member| {
            (members.is_lost(member) || members.is_damaged(member)) && !members.is_up(member)
        };
        if error == Error::LearnerNotReady {
            let is_meant =
                |member| matches!(ask, Ask::Promote(id) if members.id(member) == Some(*id));
            return members.all().any(|member| is_meant(member) && is_broken(member));
        }
        if !self.lock().is_over {
            return false;
        }
        let is_let_go = |member| matches!(ask, Ask::Remove(id) if members.id(member) == Some(*id));
        let is_gone = |member| is_broken(member) && !is_let_go(member);
        match error {
            Error::Unhealthy | Error::MemberNotEnoughStarted => members.all().any(is_gone),
            Error::TooManyLearners => {
                let expected = self.lock().expected.clone();
                expected.is_some_and(|all| all.into_values().any(|is_learner| is_learner))
            }
            _ => false,
        }
    }

    /// Whether nothing is ordered that is not carried out.
    pub(super) fn is_idle(&self) -> bool {
        let inner = self.lock();
        inner.orders.is_empty() && !inner.is_busy
    }

    /// Until when the operator only waits, if it does.
    pub(super) fn waits_until(&self) -> Option<Duration> {
        self.lock().waits_until
    }

    async fn wait_until(&self, until: Duration) {
        self.lock().waits_until = Some(until);
        self.world.until(until).await;
        self.lock().waits_until = None;
    }

    /// Whether the list is what the changes that were acknowledged left; what differs.
    pub(super) fn differs(&self, members: &[Member]) -> Option<String> {
        let expected = self.lock().expected.clone()?;
        let listed = by_id(members);
        (listed != expected)
            .then(|| format!("the list {} is not {}", self.words(&listed), self.words(&expected)))
    }

    fn words(&self, members: &BTreeMap<u64, bool>) -> String {
        let word = |(id, is_learner): (&u64, &bool)| {
            let number = self.members.number(*id).map_or(format!("{id:x}"), |it| it.to_string());
            if *is_learner { format!("{number} (learner)") } else { number }
        };
        members.iter().map(word).collect::<Vec<_>>().join(", ")
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out orders until told to stop.
    pub(super) async fn run(self, operator: Operator, stop: StopSign) {
        let source = self.world.streams().source(Stream::Workload, "operator");
        let mut working = Working { changes: self, operator, dice: Dice::new(source), stop };
        while !working.stop.is_raised() {
            let next = {
                let mut inner = working.changes.lock();
                let next = inner.orders.pop_front();
                inner.is_busy = next.is_some();
                next
            };
            match next {
                Some(order) => working.carry_out(&order).await,
                None => SimRuntime::sleep(TICK).await,
            }
        }
    }
}

struct Working {
    changes: Changes,
    operator: Operator,
    dice: Dice,
    stop: StopSign,
}

impl Working {
    async fn carry_out(&mut self, order: &Order) {
        tracing::info!(target: "scenario", ?order, "the operator begins");
        let end = match order {
            Order::Add { newcomer, is_learner } => self.add(newcomer, *is_learner).await,
            Order::Remove(member) => self.remove(*member).await,
            Order::Replace { member, newcomer, is_learner } => {
                self.replace(*member, newcomer, *is_learner).await
            }
            Order::Promote(member) => self.promote(*member).await,
            Order::MoveLeader(member) => self.move_leader(*member).await,
        };
        self.changes.members.ordered(order, end == Some(End::Done));
        tracing::info!(target: "scenario", ?order, ?end, "the operator ends");
    }

    async fn add(&mut self, newcomer: &Newcomer, is_learner: bool) -> Option<End> {
        let ask = Ask::Add { peer_url: newcomer.peer_url.clone(), is_learner };
        let has = |members: &[Member]| added(members, newcomer).is_some();
        let end = self.until_certain(&ask, has).await?;
        if let Ok(members) = &end
            && let Some(id) = added(members, newcomer)
        {
            self.changes.members.join(newcomer, id);
            self.changes.members.set_learner(newcomer.member, is_learner);
            return Some(End::Done);
        }
        Some(End::Refused)
    }

    async fn remove(&mut self, member: usize) -> Option<End> {
        let Some(id) = self.changes.members.id(member) else { return Some(End::Refused) };
        // Where too many disks are lost nothing can be right any more.
        if !self.changes.members.can_let_go(member) {
            return Some(End::Refused);
        }
        let is_gone = |members: &[Member]| members.iter().all(|listed| listed.id != id);
        let end = self.until_certain(&Ask::Remove(id), is_gone).await?;
        if end.is_err() {
            return Some(End::Refused);
        }
        self.say_farewell(member);
        Some(End::Done)
    }

    /// Nobody is taken in before the other is known to be gone: until then its address is its own, and a newcomer
    /// there would be taken for it, and start on an empty disk under its id.
    async fn replace(
        &mut self,
        member: usize,
        newcomer: &Newcomer,
        is_learner: bool,
    ) -> Option<End> {
        match self.remove(member).await {
            Some(End::Done) => {
                self.changes.members.changed();
                self.add(newcomer, is_learner).await
            }
            other => {
                self.changes.members.keep(newcomer.member);
                other
            }
        }
    }

    /// A member that was removed ends by itself, once it hears of it; one that never began, or has lost its
    /// disk, has nothing to end.
    fn say_farewell(&self, member: usize) {
        let members = self.changes.members.clone();
        if !members.status(member).has_begun || members.is_lost(member) {
            members.retire(member);
            return;
        }
        drop(SimRuntime::spawn(async move {
            SimRuntime::sleep(FAREWELL).await;
            members.endpoints().remove(member);
        }));
    }

    async fn promote(&mut self, member: usize) -> Option<End> {
        let Some(id) = self.changes.members.id(member) else { return Some(End::Refused) };
        let votes =
            |members: &[Member]| members.iter().any(|listed| listed.id == id && !listed.is_learner);
        let end = self.until_certain(&Ask::Promote(id), votes).await?;
        if end.is_err() {
            return Some(End::Refused);
        }
        self.changes.members.set_learner(member, false);
        Some(End::Done)
    }

    /// Only the leader is asked; who was told that it is done must find the other leading since.
    async fn move_leader(&mut self, member: usize) -> Option<End> {
        let Some(id) = self.changes.members.id(member) else { return Some(End::Refused) };
        for _ in 0..MOVES_MAX {
            let Some(leader) = self.changes.members.leader() else {
                SimRuntime::sleep(RETRY).await;
                continue;
            };
            let asked_at = self.changes.world.true_time();
            match self.operator.ask(leader, &Ask::MoveLeader(id)).await {
                Asked::Done(_) => {
                    if !self.changes.members.has_led(member, asked_at) && leader != member {
                        let text = format!(
                            "leadership was said to be handed over from {leader} to {member} at \
                             {asked_at:?}, which has not led since"
                        );
                        self.changes.findings.add("move-leader", text);
                    }
                    return Some(End::Done);
                }
                Asked::Refused(Error::NotLeader) | Asked::Unknown => {
                    SimRuntime::sleep(RETRY).await;
                }
                Asked::Refused(_) => return Some(End::Refused),
            }
        }
        None
    }

    /// Asks until the change is known to be done, or refused for good; the members then, or the refusal.
    async fn until_certain(
        &mut self,
        ask: &Ask,
        is_done: impl Fn(&[Member]) -> bool,
    ) -> Option<Result<Vec<Member>, Error>> {
        // When the last attempt of unknown outcome was given up.
        let mut open_since: Option<Duration> = None;
        while !self.stop.is_raised() {
            let via = self.changes.members.endpoints().pick(&mut self.dice);
            let asked = self.operator.ask(via, ask).await;
            let is_acknowledged = matches!(asked, Asked::Done(_));
            match asked {
                Asked::Done(_) => {}
                Asked::Unknown => open_since = Some(self.changes.world.true_time()),
                // An attempt before this one may have done it.
                Asked::Refused(
                    Error::PeerURLExist | Error::MemberNotFound | Error::MemberNotLearner,
                ) => {}
                Asked::Refused(error) if self.changes.is_hopeless(ask, error) => {
                    if let Some(since) = open_since {
                        // It has its time to be done or not, which has begun before this refusal.
                        self.changes.wait_until(since + OPEN_FOR).await;
                        let members = self.list().await?;
                        if is_done(&members) {
                            self.note(&members);
                            return Some(Ok(members));
                        }
                    }
                    return Some(Err(error));
                }
                Asked::Refused(error) if passes(error) && open_since.is_none() => {
                    SimRuntime::sleep(RETRY).await;
                    continue;
                }
                Asked::Refused(error) if passes(error) => {}
                Asked::Refused(error) => return Some(Err(error)),
            }
            let Some(members) = self.list().await else { continue };
            if is_done(&members) {
                self.note(&members);
                return Some(Ok(members));
            }
            if is_acknowledged {
                let text = format!("{ask:?} was acknowledged, and a later list does not show it");
                self.changes.findings.add("membership", text);
                return None;
            }
            match asked_for_nothing(ask, &members) {
                Some(error) => return Some(Err(error)),
                None => SimRuntime::sleep(RETRY).await,
            }
        }
        None
    }

    async fn list(&mut self) -> Option<Vec<Member>> {
        for _ in 0..2 * self.changes.members.endpoints().count().max(1) {
            let via = self.changes.members.endpoints().pick(&mut self.dice);
            if let Some(members) = self.operator.list(via).await {
                return Some(members);
            }
            SimRuntime::sleep(RETRY).await;
        }
        None
    }

    fn note(&self, members: &[Member]) {
        let urls = members.iter().map(|member| member.peer_ur_ls.clone()).collect();
        self.changes.members.note_members(urls);
        self.changes.lock().expected = Some(by_id(members));
    }
}

/// Whether what was refused so is worth asking for again.
fn passes(error: Error) -> bool {
    matches!(
        error,
        Error::Unhealthy
            | Error::MemberNotEnoughStarted
            | Error::LearnerNotReady
            | Error::TooManyLearners
            | Error::MemberExist
    )
}

/// The refusal of a change that these members can never come to.
fn asked_for_nothing(ask: &Ask, members: &[Member]) -> Option<Error> {
    match ask {
        Ask::Promote(id) if members.iter().all(|member| member.id != *id) => {
            Some(Error::MemberNotFound)
        }
        _ => None,
    }
}

fn added(members: &[Member], newcomer: &Newcomer) -> Option<u64> {
    let is_it = |member: &&Member| member.peer_ur_ls.contains(&newcomer.peer_url);
    members.iter().find(is_it).map(|member| member.id)
}

fn by_id(members: &[Member]) -> BTreeMap<u64, bool> {
    members.iter().map(|member| (member.id, member.is_learner)).collect()
}
