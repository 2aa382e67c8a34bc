//! The reference model: what a correct store answers, written from the API's rules alone.
//!
//! A [`State`] keeps every change it ever made, so that any past revision can be read and any
//! number of changes can be taken back; its memory grows with the changes, not with changes times
//! keys. Compaction forbids reads of old revisions and forgets nothing.
//!
//! It must never know how a store works inside; it shares no code with the one under test.

mod difference;
mod lease;
mod lock;
mod read;
mod span;
mod state;
mod step;
mod valid;

pub use difference::difference;
pub use read::Unanswerable;
pub use span::Span;
pub use state::{Change, Mark, State};
pub use valid::{Invalid, OPERATIONS_MAX, validate};
