//! The integration tests of this package, as one program: each program more would be linked with the whole store
//! once more.

mod astray;
mod beginnings;
mod command;
mod follower_reads;
mod harness;
mod inspect;
mod invariants;
mod plans;
mod scoreboard;
