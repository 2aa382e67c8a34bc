//! The storage on a disk that loses power, and against a model that knows no disk.

mod defragment;
mod failure;
mod first_format;
mod install;
mod lost_write;
mod model;
mod power_loss;
mod reads;
mod restore;
mod world;
