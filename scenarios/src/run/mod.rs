//! One run of a plan under one seed: boot, disturb, heal, and look whether everything comes back.
//!
//! In the safety phase faults are injected and only wrong answers count. Then a random core that holds a quorum is
//! healed and must serve, while the others stay out of reach. At last everything is healed, and the cluster must
//! serve, converge and bring its watches to the end. Each has a deadline in simulated time.
//! Members that disagree or break an invariant of Raft, answers that are too old and watches that go back end the run
//! two seconds later.
//! What the run leaves is a history; [`judge`] gives the verdict on it.
//!
//! Must never know: command lines, reports, and other runs.

mod ailments;
mod astray;
mod attribution;
mod blackout;
mod bounds;
mod changes;
mod chronicle;
mod clocks;
mod core;
mod damage;
mod excuses;
mod farewell;
mod faults;
mod findings;
mod inspection;
mod judge;
mod links;
mod liveness;
mod members;
mod moments;
mod monitor;
mod observed;
mod orders;
mod panicked;
mod phases;
mod probes;
mod recoverable;
mod roster;
mod tally;
mod upkeep;

pub use self::chronicle::{FaultRecord, Place};
pub use self::inspection::{Inspection, Member, inspect};
pub use self::judge::{Judged, judge, options as checker_options};
pub use self::phases::{Options, Ran, simulate};
pub use self::probes::{PROBES, Reached};
pub use self::tally::Spared;
