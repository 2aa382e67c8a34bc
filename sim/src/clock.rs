//! The clock of one machine: what it believes, as a function of true simulated time.
//!
//! Fault model: the monotonic clock starts anywhere and may run fast or slow; the wall clock is off by
//! any amount and may be stepped. Neither is told the truth; checkers judge by true time.
//!
//! A change of rate takes hold of a running timer when it fires: a timer of a clock that was sped up
//! fires late, one of a clock that was slowed down is armed again. Late is within the contract, early
//! is not.
//!
//! Must never know: which machine it belongs to.

use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::context;

const MILLION: u64 = 1_000_000;
/// Half and one and a half times the true rate: far beyond any real crystal.
const DRIFT_PPM_MAX: i32 = 500_000;

/// A reading of the monotonic clock of the machine that took it; of no meaning on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimInstant {
    nanos: u64,
}

impl openraft_rt::Instant for SimInstant {
    fn now() -> Self {
        context::node().clock.now()
    }
}

impl SimInstant {
    /// The reading as a duration since some point before the run.
    pub fn reading(self) -> Duration {
        Duration::from_nanos(self.nanos)
    }
}

/// A duration as a count, which is how times are kept here.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for SimInstant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self { nanos: self.nanos.saturating_add(nanos(duration)) }
    }
}

impl AddAssign<Duration> for SimInstant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for SimInstant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self { nanos: self.nanos.saturating_sub(nanos(duration)) }
    }
}

impl SubAssign<Duration> for SimInstant {
    fn sub_assign(&mut self, duration: Duration) {
        *self = *self - duration;
    }
}

impl Sub for SimInstant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

#[derive(Debug)]
pub(crate) struct Clock {
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Since this true time the rate has not changed,
    anchor_true: u64,
    /// when the monotonic clock read this,
    anchor_local: u64,
    /// and it gains this many microseconds per second.
    drift_ppm: i32,
    /// What the wall clock reads beyond the monotonic one.
    wall_offset: i128,
}

impl State {
    /// Nanoseconds of this clock in a million true ones.
    fn rate(&self) -> u64 {
        MILLION.saturating_add_signed(self.drift_ppm.into())
    }

    fn local_at(&self, true_nanos: u64) -> u64 {
        let elapsed = true_nanos.saturating_sub(self.anchor_true);
        self.anchor_local.saturating_add(scaled(elapsed, self.rate(), MILLION, 0))
    }

    /// The first true time at which the clock reads at least `local`.
    fn true_at(&self, local: u64) -> u64 {
        let (ahead, rate) = (local.saturating_sub(self.anchor_local), self.rate());
        self.anchor_true.saturating_add(scaled(ahead, MILLION, rate, rate - 1))
    }
}

/// `(nanos * times + rest) / per`; the product alone would not fit in so many bits after three hours.
fn scaled(nanos: u64, times: u64, per: u64, rest: u64) -> u64 {
    (nanos / per).saturating_mul(times).saturating_add((nanos % per * times + rest) / per)
}

impl Clock {
    /// A clock that reads `uptime` now and whose wall clock reads `wall`.
    pub(crate) fn new(uptime: Duration, wall: Duration) -> Self {
        let anchor_local = nanos(uptime);
        let wall_offset = i128::from(nanos(wall)) - i128::from(anchor_local);
        let anchor_true = context::true_nanos();
        Self { state: Mutex::new(State { anchor_true, anchor_local, drift_ppm: 0, wall_offset }) }
    }

    pub(crate) fn now(&self) -> SimInstant {
        SimInstant { nanos: self.with(|state| state.local_at(context::true_nanos())) }
    }

    pub(crate) fn wall(&self) -> Duration {
        let wall = self
            .with(|state| i128::from(state.local_at(context::true_nanos())) + state.wall_offset);
        Duration::from_nanos(u64::try_from(wall.max(0)).unwrap_or(u64::MAX))
    }

    /// The true time at which this clock will reach `deadline`, if its rate stays.
    pub(crate) fn true_nanos_at(&self, deadline: SimInstant) -> u64 {
        self.with(|state| state.true_at(deadline.nanos))
    }

    pub(crate) fn set_drift(&self, drift_ppm: i32) {
        assert!(
            drift_ppm.abs() <= DRIFT_PPM_MAX,
            "a drift of {drift_ppm} ppm is beyond {DRIFT_PPM_MAX}"
        );
        let now = context::true_nanos();
        self.with(|state| {
            state.anchor_local = state.local_at(now);
            state.anchor_true = now;
            state.drift_ppm = drift_ppm;
        });
    }

    pub(crate) fn step_wall(&self, nanos: i64) {
        self.with(|state| state.wall_offset += i128::from(nanos));
    }

    /// Makes the wall clock read `wall` now.
    pub(crate) fn set_wall(&self, wall: Duration) {
        let now = context::true_nanos();
        self.with(|state| {
            state.wall_offset = i128::from(nanos(wall)) - i128::from(state.local_at(now));
        });
    }

    fn with<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        read(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_time_of_a_reading_is_never_early() {
        for drift_ppm in [-500_000, -333_333, -7, 0, 1, 99, 499_999] {
            let state =
                State { anchor_true: 1_000, anchor_local: 77_777, drift_ppm, wall_offset: 0 };
            for local in [77_777, 77_778, 78_901, 1_000_003, 7_000_000_019] {
                let at = state.true_at(local);
                assert!(state.local_at(at) >= local, "{drift_ppm} {local}");
                assert!(at == 1_000 || state.local_at(at - 2) < local, "{drift_ppm} {local}");
            }
        }
    }

    #[test]
    fn days_are_scaled_as_exactly_as_moments() {
        for nanos in [0, 1, 999_999, 1 << 44, 86_400_000_000_000 * 365, (1 << 60) + 7] {
            for (times, per) in [(MILLION + 7, MILLION), (500_001, MILLION), (MILLION, 1_499_999)] {
                for rest in [0, per - 1] {
                    let exact = (u128::from(nanos) * u128::from(times) + u128::from(rest))
                        / u128::from(per);
                    assert_eq!(u128::from(scaled(nanos, times, per, rest)), exact, "{nanos}");
                }
            }
        }
        assert_eq!(scaled(u64::MAX, 2 * MILLION, MILLION, 0), u64::MAX);
    }

    #[test]
    fn a_change_of_rate_does_not_move_the_reading() {
        let clock = Clock::new(Duration::from_secs(5), Duration::from_secs(100));
        clock.set_drift(400_000);
        assert_eq!(clock.now().reading(), Duration::from_secs(5));
        clock.step_wall(-3_000_000_000);
        assert_eq!(clock.wall(), Duration::from_secs(97));
        clock.set_wall(Duration::from_secs(101));
        assert_eq!(clock.wall(), Duration::from_secs(101));
        assert_eq!(clock.now().reading(), Duration::from_secs(5));
    }

    #[test]
    fn instants_saturate_instead_of_wrapping() {
        let start = SimInstant { nanos: 10 };
        assert_eq!(start - Duration::from_secs(1), SimInstant { nanos: 0 });
        assert_eq!(start + Duration::MAX, SimInstant { nanos: u64::MAX });
        assert_eq!(start - (start + Duration::from_nanos(1)), Duration::ZERO);
    }
}
