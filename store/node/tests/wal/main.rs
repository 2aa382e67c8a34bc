//! The write-ahead log on a disk that forgets, lies and breaks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

#[path = "../storage/disk.rs"]
mod disk;

mod behaviour;
mod damage;
mod failure;
mod model;
mod power_loss;
mod programs;
mod world;
