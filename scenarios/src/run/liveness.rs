//! After everything is healed: the cluster must serve, converge, and bring its watches to the end.
//!
//! Each of these has a deadline in simulated time, and a name of its own when it is missed.

use std::time::Duration;

use jepsen_like::history::{Blob, LeaseRequest, LeaseResponse, RangeRequest, Request, Response};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, World};

use super::changes::Changes;
use super::faults::serving_put;
use super::findings::Findings;
use super::members::Members;
use crate::plan::Plan;
use crate::workload::{Operator, Progress, Session, StopSign};

const POLL: Duration = Duration::from_millis(50);
/// Leases are ended twice a second.
const LEASE_POLL: Duration = Duration::from_millis(250);
/// Between two writes that let watches notice how far they are: some start fifty revisions in the future.
const WRITE_INTERVAL: Duration = Duration::from_millis(200);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(2);

/// What is needed to look.
pub(super) struct Liveness {
    pub(super) world: World,
    pub(super) members: Members,
    /// What was ordered of the membership, and who asks about it, if anybody changes it.
    pub(super) changes: Changes,
    pub(super) operator: Option<Operator>,
    pub(super) session: Session,
    pub(super) findings: Findings,
    /// Who is to run, and to serve.
    pub(super) healed: Vec<usize>,
    /// Since when that is asked.
    pub(super) asked_from: Duration,
    /// How long everything may take.
    pub(super) limit: Duration,
}

impl Liveness {
    /// Looks at everything; stops at the first that does not come back.
    pub(super) async fn run(&mut self, plan: &Plan, progress: &Progress, hurry: &StopSign) {
        let deadline = self.ask();
        self.healed = self.members.serving();
        let everybody: Vec<usize> = self.members.all().collect();
        let Some(()) = self.leader(&everybody, deadline).await else { return };
        let Some(deadline) = self.membership(deadline).await else { return };
        self.healed = self.members.serving();
        for member in self.members.serving() {
            let Some(()) = self.serves(member, deadline).await else { return };
        }
        if plan.has_leases() {
            let Some(()) = self.leases_end(deadline).await else { return };
        }
        let serving = || self.members.serving();
        let Some(()) = self.converge(serving, deadline).await else { return };
        hurry.raise();
        self.watches(progress, deadline).await;
        self.final_reads().await;
        // Who runs on a damaged disk is asked for nothing, but has to follow while it runs.
        let running = || self.members.all().filter(|member| self.members.is_up(*member)).collect();
        if self.converge(running, deadline).await.is_some() {
            self.bounded(plan).await;
        }
    }

    /// What was healed has to come back from now on; until when.
    pub(super) fn ask(&mut self) -> Duration {
        self.asked_from = self.world.true_time();
        self.asked_from + self.limit
    }

    /// One of these members leads.
    pub(super) async fn leader(&self, among: &[usize], deadline: Duration) -> Option<()> {
        while self.world.true_time() < deadline {
            if self.members.leader().is_some_and(|leader| among.contains(&leader)) {
                return Some(());
            }
            self.restart();
            SimRuntime::sleep(POLL).await;
        }
        self.missed("liveness: leader", format!("none of the members {among:?} leads"))
    }

    /// Starts who is to run and does not. One whose disk had failed may have been about to stop when everything
    /// was healed; whether it had a reason is judged by what it told.
    pub(super) fn restart(&self) {
        for member in self.healed.iter().filter(|member| !self.members.status(**member).is_removed)
        {
            self.members.restart(*member);
        }
    }

    /// A write through a member, and then a linearizable read.
    pub(super) async fn serves(&mut self, member: usize, deadline: Duration) -> Option<()> {
        // A learner takes no write, and answers from what it has.
        let is_learner = self.members.is_learner(member);
        let mut is_written = is_learner;
        while self.world.true_time() < deadline {
            self.restart();
            if let Some(leader) = self.members.leader().filter(|_| is_learner) {
                self.session.log_in(leader, ATTEMPT).await;
            }
            let request =
                if is_written { everything(is_learner, 0) } else { serving_put(&self.session) };
            let response = self.session.call(member, request, ATTEMPT).await;
            match response {
                Some(Response::Range(_)) => return Some(()),
                Some(_) => is_written = true,
                None => SimRuntime::sleep(POLL).await,
            }
        }
        let what = if is_written { "answers no read" } else { "acknowledges no write" };
        self.missed("liveness: service", format!("member {member} {what}"))
    }

    /// Nobody keeps a lease alive any more, so all of them end.
    async fn leases_end(&mut self, deadline: Duration) -> Option<()> {
        let mut left = "nobody answered".to_owned();
        while self.world.true_time() < deadline {
            let member = self.members.leader().unwrap_or(1);
            let request = Request::Lease(LeaseRequest::List);
            match self.session.call(member, request, ATTEMPT).await {
                Some(Response::Lease(LeaseResponse::List { leases, .. })) => {
                    let Some(first) = leases.first() else { return Some(()) };
                    left = format!("{} leases are left, the first of them {first}", leases.len());
                }
                _ => left = "nobody lists the leases".to_owned(),
            }
            SimRuntime::sleep(LEASE_POLL).await;
        }
        self.missed("liveness: leases", left)
    }

    /// These members have applied the same, with the same result; who they are is asked again each time.
    pub(super) async fn converge(
        &self,
        members: impl Fn() -> Vec<usize>,
        deadline: Duration,
    ) -> Option<()> {
        loop {
            let members = members();
            let states: Vec<(u64, u64)> = members
                .iter()
                .copied()
                .map(|member| self.members.status(member))
                .map(|status| (status.applied, status.digest))
                .collect();
            if states.windows(2).all(|pair| pair[0] == pair[1]) {
                return Some(());
            }
            if self.world.true_time() >= deadline {
                let words: Vec<String> = states
                    .iter()
                    .zip(&members)
                    .map(|((applied, digest), member)| {
                        format!("member {member} at index {applied} with state {digest:016x}")
                    })
                    .collect();
                return self.missed("liveness: convergence", words.join(", "));
            }
            SimRuntime::sleep(POLL).await;
        }
    }

    /// Every watch has been told everything.
    ///
    /// A watch without events knows how far it is only from progress notifications, and the store owes
    /// none to a stream on which a watch waits for a revision that is still to come (G50): so revisions
    /// keep coming, slowly.
    async fn watches(&mut self, progress: &Progress, deadline: Duration) -> Option<()> {
        let mut next_write = self.world.true_time() + WRITE_INTERVAL;
        let newest = self.session.recorder().knowledge(|knowledge| knowledge.revision);
        loop {
            let behind = progress.behind(newest);
            let Some((watch, next)) = behind.first() else { return Some(()) };
            if self.world.true_time() >= deadline {
                let count = behind.len();
                let text = format!(
                    "watch {watch} still waits for revision {next} while the store is at {newest} \
                     ({count} watches are behind)"
                );
                return self.missed("liveness: watch", text);
            }
            if self.world.true_time() >= next_write {
                next_write += WRITE_INTERVAL;
                let member = self.members.leader().unwrap_or_default();
                self.session.call(member, serving_put(&self.session), ATTEMPT).await;
            }
            SimRuntime::sleep(POLL).await;
        }
    }

    /// What is there in the end, from every member, now and in the past.
    async fn final_reads(&mut self) {
        let (newest, compacted) =
            self.session.recorder().knowledge(|known| (known.revision, known.compacted));
        let oldest = compacted.max(1);
        for member in self.members.serving() {
            for serializable in [false, true] {
                let request = everything(serializable, 0);
                self.session.call(member, request, ATTEMPT).await;
            }
            // A few points of the past, the oldest that can be read among them.
            for part in 0..4 {
                let revision = oldest + (newest - oldest) * part / 4;
                self.session.call(member, everything(true, revision), ATTEMPT).await;
            }
        }
    }

    pub(super) fn missed<T>(&self, name: &str, what: String) -> Option<T> {
        let healed = self.healed.iter().copied().collect();
        let shown = match self.members.could_recover(&healed) {
            Ok(why) => format!("it could be done: {why}"),
            Err(why) => format!("it may be impossible: {why}"),
        };
        let message =
            format!("{what}, {:?} after what is asked has been healed; {shown}", self.limit);
        self.findings.add_since(self.asked_from, name, message);
        None
    }
}

/// A read of all keys.
fn everything(serializable: bool, revision: i64) -> Request {
    Request::Range(RangeRequest {
        key: Blob::from(vec![0]),
        range_end: Blob::from(vec![0]),
        serializable,
        revision,
        ..RangeRequest::default()
    })
}
