//! Hand-made histories, and legal ones generated from the model.
#![allow(unreachable_pub, reason = "these are modules of one test program")]

pub mod generator;
pub mod story;
