//! The replicated state machine of detcd.
//!
//! Every member applies the same [`Command`]s in the same order and reaches the same state.
//! Must never know: clocks, randomness, I/O, async, the wire format, Raft. No hash-map order, no floats.
//!
//! [`Machine`] keeps in memory the index (which revisions each key has) and asks for rows (values by
//! revision) through [`Rows`]; what a command changes it returns as [`Change`]s for the owner to keep.

mod command;
mod outcome;
mod row;

pub use command::{
    Command, Compact, Compare, CompareResult, CompareTarget, DeleteRange, MemberAttributes, Put,
    Range, SortOrder, SortTarget, Txn, TxnOp,
};
pub use outcome::{
    Applied, Change, DeleteRangeOutcome, Event, EventKind, MetaKey, Outcome, PutOutcome,
    RangeOutcome, Rejection, TxnOutcome,
};
pub use row::{KeyValue, Revision, Row, Rows};
