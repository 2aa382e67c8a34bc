//! Histories, models and checkers for etcd-like stores.
//!
//! A run is written down as a [`History`](history::History): what clients asked and were answered,
//! what watches delivered, and, where the run could look inside, what members observed.
//! Checkers judge that history against a reference model; they never talk to a store.
//!
//! What this library must never know: the store's code, a network, a clock, a source of randomness.

pub mod checker;
pub mod history;
pub mod model;
pub mod observation;
