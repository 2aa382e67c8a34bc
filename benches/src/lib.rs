//! Measurements, one line each: what was run, with which parameters, and what it gave.
//!
//! | module | measures |
//! |---|---|
//! | [`load`] | any etcd v3 endpoint under a closed loop: throughput, latency, CPU time of the servers |
//! | [`side_by_side`] | the same load on detcd and on a real etcd, in turns, in one run |
//! | [`watchers`] | how long events take to reach thousands of watchers |
//! | [`simulator`] | how fast the simulator runs a whole cluster |
//! | [`checker`] | how long the strict serializability checker takes |
//!
//! Numbers of different runs are not comparable: other machines, other neighbours. What counts is the
//! ratio inside one run, and CPU time before throughput, because the load generator takes its share of
//! the same cores.
//!
//! Must never know: how a member works inside; what it measures it reaches as every client does.

pub mod checker;
pub mod judged;
pub mod latency;
pub mod load;
pub mod process;
pub mod side_by_side;
pub mod simulator;
pub mod watchers;
