//! A lease that was granted or renewed lives at least as long as the answer said, by the fastest clock
//! of the run (etcd's lease API: the TTL is the least time; G56, G60). The time counts from the call: the
//! store cannot have begun to count earlier. Whoever leads must keep what a former leader promised.

use super::life::Lives;
use super::violation;
use crate::checker::{Options, Violation};
use crate::history::Micros;

const MILLION: u64 = 1_000_000;
/// Clocks are read in whole nanoseconds, times are written in microseconds.
const ROUNDING: Micros = 1_000;

/// True microseconds in which the fastest clock counts so many seconds.
pub(super) fn least(ttl: i64, options: &Options) -> Micros {
    let nominal = u64::try_from(ttl).unwrap_or(0).saturating_mul(MILLION);
    let slowed =
        u128::from(nominal) * u128::from(MILLION) / u128::from(MILLION + options.clocks.fast_ppm);
    Micros::try_from(slowed).unwrap_or(Micros::MAX)
}

pub(super) fn check(lives: &Lives, options: &Options, found: &mut Vec<Violation>) {
    for (id, life) in lives.iter() {
        let Some(end) = life.end.filter(|end| end.expired) else { continue };
        for (promise, ttl) in life.promises().filter(|(promise, _)| promise.call <= end.time) {
            let until = promise.call.saturating_add(least(ttl, options));
            if end.time + ROUNDING >= until {
                continue;
            }
            let text = format!(
                "lease {id} was promised {ttl} s by operation {}, called at {} us, and expired at {} us \
                 (revision {}), {} us before the fastest clock had counted them",
                promise.op,
                promise.call,
                end.time,
                end.revision,
                until - end.time
            );
            found.push(violation("EARLY", text).at(promise.op, end.time));
        }
    }
}
