//! Leases: which there are, how long each was granted for, and which keys hang on it.
//!
//! The replicated part only. When a lease ends is decided by the leader's clock, outside: an expired
//! lease is one that somebody proposed to [revoke](LeaseCommand::Revoke). Attached keys are not kept
//! by name: every key's row says which lease it has, and a restart collects them again.
//! Must never know: clocks, who leads.

mod apply;
mod command;
mod encoding;
mod guard;
mod table;

pub use command::{LeaseCheckpoint, LeaseCommand, LeaseGrant, LeaseOutcome};
pub(crate) use encoding::{decode_lease, encode_lease};
pub use table::{Lease, LeaseTable};
