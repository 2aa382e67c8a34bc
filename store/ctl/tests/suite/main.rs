//! The integration tests of this package, as one program: each program more would be linked with the whole store
//! once more.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod concurrency;
mod formats;
mod golden_snapshot;
mod offline;
mod operators;
mod transcript;

mod member;
mod recorded;
