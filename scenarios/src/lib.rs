//! What happens in a simulated run, and the `cargo sim` command.
//!
//! A [`plan`] says what happens: a cluster, a workload, a schedule of faults. It comes from a script
//! (`scripts/*.txt`, the language is in [`script`]) or from a swarm seed ([`swarm`]).
//!
//! Must never know: how a member works inside, and what is legal in a history; the checkers know.

pub mod ailment;
pub mod campaign;
pub mod cli;
pub mod dice;
pub mod floor;
pub mod library;
pub mod membership;
pub mod mix;
pub mod mutants;
pub mod panics;
pub mod plan;
pub mod run;
pub mod script;
mod span;
pub mod swarm;
pub mod upkeep;
pub mod workload;
