//! The storage on a disk that loses power, and against a model that knows no disk.

mod disk;
mod failure;
mod install;
mod model;
mod power_loss;
mod reads;
mod world;
