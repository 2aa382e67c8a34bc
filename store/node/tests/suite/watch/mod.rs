//! Watch, from the requests of a client to the responses it reads, over a history in memory.

mod delivery;
mod golden;
mod history;
mod lag;
mod lifecycle;
mod model;
mod progress;
mod world;
