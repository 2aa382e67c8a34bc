//! The deadlines of a leader's leases, and what follows from them: decisions only, no waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use detcd_machine::LeaseCheckpoint;
use openraft_rt::Instant;

/// See the module. Without a term it holds nothing: the member does not lead.
#[derive(Debug)]
pub(super) struct Keeper<I> {
    term: Option<u64>,
    leases: BTreeMap<i64, Kept<I>>,
    /// Leases that have to be looked at when their time has come, by that time.
    due: BTreeSet<(I, i64)>,
    /// Leases of which a checkpoint is to be made, by the time at which.
    checkpoints: BTreeSet<(I, i64)>,
    checkpoint_interval: Duration,
}

#[derive(Debug)]
struct Kept<I> {
    ttl: i64,
    expires_at: I,
    /// When `due` names it: at the deadline, or when its revocation is tried again; `None` while that is
    /// under way.
    due_at: Option<I>,
    /// Whether its revocation was proposed: nothing makes it live again.
    ending: bool,
    checkpoint_at: Option<I>,
    /// Whether a checkpoint of it is under way.
    checkpointing: bool,
}

/// What came of an attempt to renew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewal {
    /// It has its whole time again.
    Renewed,
    /// It is ending, or a checkpoint of it is on its way: try again once that is settled.
    Wait,
    /// There is no such lease.
    Unknown,
    /// The member does not lead in that term.
    NotLeader,
}

fn seconds(ttl: i64) -> Duration {
    Duration::from_secs(u64::try_from(ttl).unwrap_or(0))
}

impl<I: Instant> Keeper<I> {
    pub(super) fn new(checkpoint_interval: Duration) -> Self {
        Self {
            term: None,
            leases: BTreeMap::new(),
            due: BTreeSet::new(),
            checkpoints: BTreeSet::new(),
            checkpoint_interval,
        }
    }

    /// The term in which the member leads and has applied what came before.
    pub(super) fn term(&self) -> Option<u64> {
        self.term
    }

    pub(super) fn is_empty(&self) -> bool {
        self.leases.is_empty()
    }

    /// The member leads from now on. `leases`: what they were granted for, and the time they have.
    pub(super) fn promote(
        &mut self,
        term: u64,
        now: I,
        leases: impl IntoIterator<Item = (i64, i64, Duration)>,
    ) {
        self.demote();
        self.term = Some(term);
        for (id, ttl, left) in leases {
            self.keep(id, ttl, now, left);
        }
    }

    /// The member leads no longer, and forgets its deadlines: another one has its own.
    pub(super) fn demote(&mut self) {
        *self = Self::new(self.checkpoint_interval);
    }

    pub(super) fn granted(&mut self, id: i64, ttl: i64, now: I) {
        if self.term.is_some() {
            self.keep(id, ttl, now, seconds(ttl));
        }
    }

    pub(super) fn revoked(&mut self, id: i64) {
        if let Some(kept) = self.leases.remove(&id) {
            kept.due_at.map(|at| self.due.remove(&(at, id)));
            kept.checkpoint_at.map(|at| self.checkpoints.remove(&(at, id)));
        }
    }

    fn keep(&mut self, id: i64, ttl: i64, now: I, left: Duration) {
        self.revoked(id);
        let expires_at = now + left;
        let kept = Kept {
            ttl,
            expires_at,
            due_at: Some(expires_at),
            ending: false,
            checkpoint_at: None,
            checkpointing: false,
        };
        self.leases.insert(id, kept);
        self.due.insert((expires_at, id));
        self.schedule_checkpoint(id, now);
    }

    /// Gives the lease its whole time from `now` on.
    pub(super) fn renew(&mut self, term: u64, id: i64, now: I) -> Renewal {
        if self.term != Some(term) {
            return Renewal::NotLeader;
        }
        let Some(kept) = self.leases.get_mut(&id) else { return Renewal::Unknown };
        if kept.ending || kept.checkpointing || kept.expires_at <= now {
            return Renewal::Wait;
        }
        let expires_at = now + seconds(kept.ttl);
        kept.expires_at = expires_at;
        let before = kept.due_at.replace(expires_at);
        before.map(|at| self.due.remove(&(at, id)));
        self.due.insert((expires_at, id));
        self.schedule_checkpoint(id, now);
        Renewal::Renewed
    }

    /// The time that the lease has left.
    pub(super) fn remaining(&self, term: u64, id: i64, now: I) -> Option<Duration> {
        let kept = self.leases.get(&id).filter(|_| self.term == Some(term))?;
        Some(if kept.expires_at > now { kept.expires_at - now } else { Duration::ZERO })
    }

    /// The leases in the order in which they expire.
    pub(super) fn by_expiry(&self) -> Vec<i64> {
        let mut leases: Vec<_> =
            self.leases.iter().map(|(id, kept)| (kept.expires_at, *id)).collect();
        leases.sort_unstable();
        leases.into_iter().map(|(_, id)| id).collect()
    }

    /// Leases to be revoked now, at most `max`. From here on they cannot be renewed.
    pub(super) fn expire(&mut self, now: I, max: usize) -> Vec<i64> {
        let mut expired = Vec::new();
        while expired.len() < max {
            let Some((_, id)) = self.due.first().copied().filter(|(at, _)| *at <= now) else {
                break;
            };
            self.due.pop_first();
            let kept = self.leases.get_mut(&id).expect("what is due is kept");
            kept.due_at = None;
            kept.ending = true;
            expired.push(id);
        }
        expired
    }

    /// A revocation failed: it is proposed again at `at`, in the same term.
    pub(super) fn retry(&mut self, term: u64, id: i64, at: I) {
        let kept = self.leases.get_mut(&id).filter(|_| self.term == Some(term));
        if let Some(kept) = kept.filter(|kept| kept.ending && kept.due_at.is_none()) {
            kept.due_at = Some(at);
            self.due.insert((at, id));
        }
    }

    /// Checkpoints to be made now, at most `max`. Until [`settle`](Self::settle) is called the leases in
    /// them are not renewed.
    pub(super) fn checkpoint(&mut self, now: I, max: usize) -> Vec<LeaseCheckpoint> {
        let mut checkpoints = Vec::new();
        while checkpoints.len() < max {
            let Some((_, id)) = self.checkpoints.first().copied().filter(|(at, _)| *at <= now)
            else {
                break;
            };
            self.checkpoints.pop_first();
            let kept = self.leases.get_mut(&id).expect("what has a checkpoint is kept");
            kept.checkpoint_at = None;
            if kept.ending || kept.expires_at <= now {
                continue;
            }
            let left = kept.expires_at - now;
            let whole = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            let remaining_ttl = i64::try_from(whole).unwrap_or(i64::MAX);
            // Extended beyond what was granted: there is nothing to keep yet.
            if remaining_ttl < kept.ttl {
                kept.checkpointing = true;
                checkpoints.push(LeaseCheckpoint { id, remaining_ttl });
            } else {
                self.schedule_checkpoint(id, now);
            }
        }
        checkpoints
    }

    /// The checkpoints were made, or failed.
    pub(super) fn settle(&mut self, term: u64, checkpoints: &[LeaseCheckpoint], now: I) {
        if self.term != Some(term) {
            return;
        }
        for LeaseCheckpoint { id, .. } in checkpoints {
            if let Some(kept) = self.leases.get_mut(id) {
                kept.checkpointing = false;
                self.schedule_checkpoint(*id, now);
            }
        }
    }

    /// The next checkpoint is an interval away, if there is more left than that.
    fn schedule_checkpoint(&mut self, id: i64, now: I) {
        let Some(kept) = self.leases.get_mut(&id) else { return };
        let at = now + self.checkpoint_interval;
        let next = (kept.expires_at > at).then_some(at);
        let before = std::mem::replace(&mut kept.checkpoint_at, next);
        before.map(|before| self.checkpoints.remove(&(before, id)));
        next.map(|next| self.checkpoints.insert((next, id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Now = std::time::Instant;

    fn after(start: Now, seconds: u64) -> Now {
        start + Duration::from_secs(seconds)
    }

    /// Leads in term 3 with lease 7 of 600 s and lease 8 of 10 s.
    fn leading() -> (Keeper<Now>, Now) {
        let start = <Now as Instant>::now();
        let mut keeper = Keeper::new(Duration::from_secs(300));
        keeper.promote(3, start, []);
        keeper.granted(7, 600, start);
        keeper.granted(8, 10, start);
        (keeper, start)
    }

    #[test]
    fn lease_expires_when_its_time_is_over_and_not_before() {
        let (mut keeper, start) = leading();
        assert_eq!(keeper.expire(after(start, 9), 9), [0_i64; 0]);
        assert_eq!(keeper.expire(after(start, 10), 9), [8]);
        assert_eq!(keeper.by_expiry(), [8, 7]);
        keeper.revoked(8);
        assert_eq!(keeper.expire(after(start, 599), 9), [0_i64; 0]);
    }

    #[test]
    fn renewal_gives_the_whole_time_again() {
        let (mut keeper, start) = leading();
        assert_eq!(keeper.renew(3, 8, after(start, 9)), Renewal::Renewed);
        assert_eq!(keeper.remaining(3, 8, after(start, 10)), Some(Duration::from_secs(9)));
        assert_eq!(keeper.expire(after(start, 18), 9), [0_i64; 0]);
        assert_eq!(keeper.renew(3, 9, start), Renewal::Unknown);
        assert_eq!(keeper.renew(2, 8, start), Renewal::NotLeader);
    }

    #[test]
    fn lease_whose_revocation_was_proposed_never_lives_again() {
        let (mut keeper, start) = leading();
        // Also before the keeper has looked: time alone decides.
        assert_eq!(keeper.renew(3, 8, after(start, 10)), Renewal::Wait);
        assert_eq!(keeper.expire(after(start, 10), 9), [8]);
        assert_eq!(keeper.renew(3, 8, start), Renewal::Wait);
        assert_eq!(keeper.expire(after(start, 11), 9), [0_i64; 0], "it is under way");
        keeper.retry(3, 8, after(start, 13));
        assert_eq!(keeper.renew(3, 8, start), Renewal::Wait);
        assert_eq!(keeper.expire(after(start, 12), 9), [0_i64; 0]);
        assert_eq!(keeper.expire(after(start, 13), 9), [8]);
    }

    #[test]
    fn no_more_expire_at_once_than_asked_for() {
        let (mut keeper, start) = leading();
        (100..110).for_each(|id| keeper.granted(id, 5, start));
        assert_eq!(keeper.expire(after(start, 60), 4), [100, 101, 102, 103]);
        assert_eq!(keeper.expire(after(start, 60), 4), [104, 105, 106, 107]);
        assert_eq!(keeper.expire(after(start, 60), 4), [108, 109, 8]);
    }

    #[test]
    fn long_lease_is_checkpointed_and_not_renewed_meanwhile() {
        let (mut keeper, start) = leading();
        assert_eq!(keeper.checkpoint(after(start, 299), 9), []);
        let made = keeper.checkpoint(after(start, 300), 9);
        assert_eq!(made, [LeaseCheckpoint { id: 7, remaining_ttl: 300 }]);
        assert_eq!(keeper.renew(3, 7, after(start, 301)), Renewal::Wait);
        keeper.settle(3, &made, after(start, 301));
        assert_eq!(keeper.renew(3, 7, after(start, 302)), Renewal::Renewed);
        assert_eq!(keeper.checkpoint(after(start, 601), 9), [], "it was renewed");
        let made = keeper.checkpoint(after(start, 602), 9);
        assert_eq!(made, [LeaseCheckpoint { id: 7, remaining_ttl: 300 }]);
    }

    #[test]
    fn member_that_does_not_lead_decides_nothing() {
        let (mut keeper, start) = leading();
        keeper.demote();
        assert_eq!(keeper.expire(after(start, 1_000), 9), [0_i64; 0]);
        assert_eq!(keeper.renew(3, 8, start), Renewal::NotLeader);
        assert_eq!(keeper.remaining(3, 8, start), None);
        keeper.granted(9, 5, start);
        assert!(keeper.is_empty());
        keeper.promote(4, start, [(8, 10, Duration::from_secs(11))]);
        assert_eq!(keeper.expire(after(start, 10), 9), [0_i64; 0]);
        assert_eq!(keeper.expire(after(start, 11), 9), [8]);
        keeper.retry(3, 8, start);
        assert_eq!(keeper.expire(after(start, 12), 9), [0_i64; 0], "a retry of a former term");
    }
}
