//! Watch, from the requests of a client to the responses it reads, over a history in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod delivery;
mod golden;
mod history;
mod lag;
mod lifecycle;
mod model;
mod progress;
mod world;
