//! What happened in a run, as plain data: one [`Event`] per line of a JSON-lines file.
//!
//! Operations follow Jepsen's vocabulary: an operation is invoked and ends `ok` (answered), `fail`
//! (definitely refused) or `info` (nobody knows; it may take effect at any later time, or never).
//! An operation without an end counts as `info`.
//!
//! It must never know how the operations were sent, nor what is legal.

mod access;
mod blob;
mod display;
mod event;
mod file;
mod leader;
mod lease;
mod lock;
mod operation;
mod request;
mod response;
mod upkeep;
mod watch;

pub use access::{AccessLine, AccessRecord, ChangeId, UserId};
pub use blob::Blob;
pub use event::{
    Applied, ClientId, Event, Info, InfoKind, MemberId, Micros, OpId, Refusal, RefusalKind,
};
pub use file::{ReadError, Writer, read, read_file};
pub use leader::LeaderLine;
pub use lease::{LeaseChange, LeaseId, LeaseLine, LeaseRequest, LeaseResponse};
pub use lock::{LockRequest, LockResponse, lock_key, lock_prefix};
pub use operation::{Operation, Operations, Outcome};
pub use request::{
    CompactRequest, Compare, CompareResult, CompareTarget, DeleteRangeRequest, PutRequest,
    RangeRequest, Request, RequestOp, SortOrder, SortTarget, TxnRequest,
};
pub use response::{
    CompactResponse, DeleteRangeResponse, Header, KeyValue, PutResponse, RangeResponse, Response,
    ResponseOp, TxnResponse,
};
pub use upkeep::{AlarmKind, UpkeepLine, UpkeepRecord};
pub use watch::{KvEvent, KvEventKind, WatchFilter, WatchId, WatchLine, WatchRecord};

/// Everything written down about one run, in the order in which it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The lines of the file.
    pub events: Vec<Event>,
}

impl History {
    /// Adds one event at the end.
    pub fn push(&mut self, event: Event) {
        self.events.push(event);
    }
}

impl From<Vec<Event>> for History {
    fn from(events: Vec<Event>) -> Self {
        Self { events }
    }
}
