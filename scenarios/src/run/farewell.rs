//! The membership after everything is healed: orders are carried out, members that were removed end by
//! themselves, and everybody agrees on who is left.

use std::time::Duration;

use openraft_rt::AsyncRuntime;
use sim::SimRuntime;

use super::liveness::Liveness;

const POLL: Duration = Duration::from_millis(100);

impl Liveness {
    /// Waits for what was ordered, and lets those go that were removed; the deadline for what comes then. It is put off
    /// by the time in which the operator, and not the cluster, was waited for.
    pub(super) async fn membership(&mut self, mut deadline: Duration) -> Option<Duration> {
        self.changes.drop_orders();
        while !self.changes.is_idle() {
            self.restart();
            if let Some(until) = self.changes.waits_until() {
                deadline += until.saturating_sub(self.world.true_time());
                self.world.until(until).await;
            }
            if self.world.true_time() >= deadline {
                let what = "the change of the membership that was under way is not done".to_owned();
                return self.missed("liveness: membership", what);
            }
            SimRuntime::sleep(POLL).await;
        }
        let Some(operator) = &mut self.operator else { return Some(deadline) };
        let listed = loop {
            let via = self.members.leader().unwrap_or_default();
            if let Some(listed) = operator.list(via).await {
                break listed;
            }
            if self.world.true_time() >= deadline {
                let what = "nobody lists the members".to_owned();
                return self.missed("liveness: membership", what);
            }
            SimRuntime::sleep(POLL).await;
        };
        if let Some(problem) = self.changes.differs(&listed) {
            self.findings.add("membership", problem);
            return None;
        }
        let left: Vec<usize> =
            listed.iter().filter_map(|member| self.members.number(member.id)).collect();
        for member in self.members.all().filter(|member| !left.contains(member)) {
            self.ends(member, deadline).await?;
        }
        Some(deadline)
    }

    /// A member that was removed hears of it, and ends.
    async fn ends(&self, member: usize, deadline: Duration) -> Option<()> {
        while self.members.is_up(member) {
            if self.world.true_time() >= deadline {
                let what = format!("member {member} was removed and still runs");
                return self.missed("liveness: removal", what);
            }
            SimRuntime::sleep(POLL).await;
        }
        self.members.retire(member);
        Some(())
    }
}
