//! Why members may stop by themselves: a member whose disk fails has to.
//!
//! Must never know: disks, and what was done to them.

use std::time::Duration;

/// A reason of one member.
#[derive(Debug, Clone, Copy)]
struct Excuse {
    member: usize,
    from: Duration,
    /// Until then, or once if there is no end.
    until: Option<Duration>,
}

/// All reasons that there are.
#[derive(Debug, Default)]
pub(super) struct Excuses(Vec<Excuse>);

impl Excuses {
    /// From then on a member may stop by itself: until then, or once.
    pub(super) fn add(&mut self, member: usize, from: Duration, until: Option<Duration>) {
        self.0.push(Excuse { member, from, until });
    }

    /// A reason from that time on that was none.
    pub(super) fn withdraw(&mut self, member: usize, from: Duration) {
        let same = |excuse: &Excuse| (excuse.member, excuse.from) == (member, from);
        if let Some(place) = self.0.iter().rposition(same) {
            self.0.remove(place);
        }
    }

    /// Whether a member has a reason to stop at that time. One that holds once is used up, but only where none that
    /// lasts holds: a disk that is full and of which the next read fails stops its member twice.
    pub(super) fn take(&mut self, member: usize, at: Duration) -> bool {
        let begun = |excuse: &Excuse| excuse.member == member && excuse.from <= at;
        let lasts = |excuse: &Excuse| excuse.until.is_some_and(|until| at <= until);
        if self.0.iter().any(|excuse| begun(excuse) && lasts(excuse)) {
            return true;
        }
        let once = self.0.iter().position(|excuse| begun(excuse) && excuse.until.is_none());
        once.map(|place| self.0.remove(place)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_reason_that_holds_once_is_kept_while_one_lasts() {
        let mut excuses = Excuses::default();
        excuses.add(1, at(2), None);
        excuses.add(1, at(3), Some(at(5)));
        assert!(!excuses.take(1, at(1)), "nothing has happened yet");
        assert!(!excuses.take(2, at(4)), "another's disk");
        assert!(excuses.take(1, at(4)));
        assert!(excuses.take(1, at(5)), "it still lasts");
        assert!(excuses.take(1, at(6)), "once");
        assert!(!excuses.take(1, at(6)), "and no more");
    }

    #[test]
    fn a_reason_that_is_withdrawn_is_none() {
        let mut excuses = Excuses::default();
        excuses.add(1, at(2), Some(at(9)));
        excuses.add(1, at(3), Some(at(9)));
        excuses.withdraw(1, at(3));
        excuses.withdraw(2, at(2));
        assert!(excuses.take(1, at(4)), "the other holds");
        excuses.withdraw(1, at(2));
        assert!(!excuses.take(1, at(4)));
    }
}
