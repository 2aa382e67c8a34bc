//! How fast leases may end.

use std::time::Duration;

/// How often the leader looks for leases that have expired (G60).
pub(super) const TICK: Duration = Duration::from_millis(500);

/// Most revocations proposed in one tick: a thousand a second (G60).
pub(super) const REVOKES_PER_TICK_MAX: usize = 500;

/// Most revocations under way at once (G60): what clients write gets in between.
pub(super) const REVOKES_IN_FLIGHT_MAX: usize = 16;

/// Pause before a revocation that failed is proposed again.
pub(super) const REVOKE_RETRY: Duration = Duration::from_secs(3);

/// Most leases in one checkpoint command (G61).
pub(super) const CHECKPOINT_LEASES_MAX: usize = 1000;

/// From so many leases on a new leader sees to it that they do not all expire at once.
const CROWD: usize = 1000;

/// Deadlines a second that a new leader gives a crowd, a quarter less than it can revoke.
const CROWD_PER_SECOND: u32 = 750;

/// The times from now at which a new leader's leases expire, given what they have left, with `extension`
/// added to each. After an outage all renewals are missing alike, so a crowd would expire at once:
/// its deadlines are drawn apart, and only ever made later.
pub(super) fn deadlines(
    left: impl IntoIterator<Item = (i64, Duration)>,
    extension: Duration,
) -> Vec<(i64, Duration)> {
    let mut leases: Vec<(i64, Duration)> =
        left.into_iter().map(|(id, left)| (id, left.saturating_add(extension))).collect();
    if leases.len() < CROWD {
        return leases;
    }
    leases.sort_by_key(|(id, left)| (*left, *id));
    let gap = Duration::from_secs(1) / CROWD_PER_SECOND;
    let mut earliest = Duration::ZERO;
    for (_, left) in &mut leases {
        *left = (*left).max(earliest);
        earliest = left.saturating_add(gap);
    }
    leases
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn few_leases_get_their_time_and_the_extension() {
        let given = deadlines([(1, 5 * SECOND), (2, 2 * SECOND)], SECOND);
        assert_eq!(given, [(1, 6 * SECOND), (2, 3 * SECOND)]);
    }

    #[test]
    fn no_more_of_a_crowd_expire_in_a_second_than_can_be_revoked() {
        let crowd = (0..2_000).map(|id| (id, 2 * SECOND)).chain([(9_999, 60 * SECOND)]);
        let given = deadlines(crowd, SECOND);
        assert_eq!(given.len(), 2_001);
        assert_eq!(given[0], (0, 3 * SECOND));
        assert_eq!(given[2_000], (9_999, 61 * SECOND));
        for window in given.windows(751) {
            assert!(window[750].1 - window[0].1 >= SECOND.mul_f64(0.999), "{window:?}");
        }
        let last = given[1_999].1;
        assert!(last > 5 * SECOND && last < 6 * SECOND, "{last:?}");
    }
}
