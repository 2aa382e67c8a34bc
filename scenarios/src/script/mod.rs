//! Scenarios as text: one setting or step per line.
//!
//! ```text
//! # The first comment says what the scenario shows.
//! members 3
//! snapshot-count 200
//! workload writes
//! duration 10s
//!
//! at 2s      remember leader as old
//! at 2s..3s  kill old                   # the seed chooses the moment
//! at 6s      restart old
//! at 7s      check serves within 5s
//!
//! check crashes >= 1
//! ```
//!
//! Settings: `members N`, `snapshot-count N`, `election-timeout T`, `heartbeat T`, `workload NAME`,
//! `max-request-bytes N`, `mix KIND N ..`, `clients N`, `watchers N`, `keys N`, `pace T`, `duration T`,
//! `slow-watchers N` (clients that stop reading for long), `users N`, `holders N` (clients that have leases),
//! `lockers N` (clients that want locks), `electors N` (clients that want to lead elections),
//! `clock-offsets T` (wall clocks of members are wrong from the start, by T at most). Each is given once.
//!
//! Members: a number, `leader`, `follower`, `followers`, `any`, `all`, `learner`, or a remembered name. Those
//! that are added get the next numbers, in the order of their steps.
//!
//! Steps: `kill WHO`, `power-loss WHO`, `power-loss-in-write WHO`, `restart WHO`, `pause WHO for T`,
//! `stall-disk WHO for T`, `stall-disk WHO files PREFIX for T`,
//! `partition {1} {2 3}`, `partition minority WHO`, `partition majority WHO`, `cut WHO from WHO`,
//! `cut WHO from clients`, `one-way WHO -> WHO`, `flap WHO - WHO every T for T`, `reset WHO - WHO`, `heal`,
//! `slow-disk WHO N times for T`, `fail-disk WHO read|write|sync`, `fill-disk WHO for T`,
//! `flip-bit WHO [files NAME]`, `break-sector WHO [files NAME]`, `stray-write WHO [files NAME]` (NAME begins the
//! names of those that are meant), `misdirect-write WHO [files NAME]` (the next write lands elsewhere in its file),
//! `drift WHO PPM`, `step-clock WHO MILLISECONDS`,
//! `delay WHO - WHO by T..T for T`, `lose WHO - WHO N percent for T`, `bandwidth WHO - WHO N bytes per second for T`,
//! `clog WHO - WHO for T`, `partition ring`, `swizzle every T`, `restart-loop WHO every T for T`,
//! `half-open WHO - WHO` (connections that there are die, and nobody is told; `half-open WHO -> WHO` in one
//! direction),
//! `add-member`, `add-learner`, `promote WHO`, `remove-member WHO`, `replace-member WHO`, `move-leader WHO`,
//! `lose-disk WHO`,
//! `compact`, `compact keep N`, `burst N [of N bytes]`, `grant N leases for T`, `remember WHO as NAME`,
//! `check serves [through WHO] within T`.
//!
//! One end of the links of `delay`, `lose`, `bandwidth`, `clog`, `reset` and `half-open` may be `clients`.
//!
//! Floors: `check COUNTER >= N` with `acks`, `crashes`, `elections`, `resumed-watches`, `snapshots`,
//! `faults`, `membership-changes`, `expired-leases`, `locks`, `upkeep`, `no-space` or `stops`. A run that stays below one is inconclusive.
//!
//! Must never know: what a step does to a cluster.

mod cursor;
mod links;
mod membership;
mod parse;
mod print;
mod settings;

pub use self::cursor::ParseError;
pub use self::parse::parse;
pub use self::print::with_seed;

#[cfg(test)]
mod tests;
