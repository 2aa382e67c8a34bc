//! The write-ahead log on a disk that forgets, lies and breaks.

mod behaviour;
mod damage;
mod failure;
mod model;
mod power_loss;
mod programs;
mod world;
