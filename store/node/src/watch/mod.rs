//! Watch: every client hears of the changes it asked for, each once, in order, none left out.
//!
//! Must never know: how revisions come about (Raft, the machine) or where they are kept; it is told of
//! each applied revision and reads older ones through [`History`].
//!
//! # How it works
//!
//! The applier [publishes](Hub::publish) each applied revision to the one [`Hub`] of the node. An index
//! finds the watchers that its events concern, and the events go into the queue of the watcher's stream.
//! Publishing waits for nobody: when a queue is full, the watcher *lags* from that revision on and leaves
//! the index. The task of its stream then reads the history for it, as fast as the client takes it, and
//! puts it back into the index at the moment it is level with what was published, under the lock that
//! orders publishing. So between history and publishing nothing is skipped and nothing is told twice.
//! A watcher that starts in the past lags from the start; one that starts in the future is in the
//! index, and passes over what is older than its start (etcd #20221).
//!
//! Whatever a client is told travels through the one queue of its stream: answers, events, and the promise
//! that everything up to some revision was told. No promise can overtake the events it is about.
//!
//! A revision is never divided: it enters a queue whole or not at all, and leaves it in one response,
//! unless the client asked for fragments.
//!
//! # Limits
//!
//! A queue takes no more events beyond [`Limits::queue_bytes_max`], nothing is read from the history
//! meanwhile, and no more requests are read while 16 answers wait. So a client that does not read costs
//! what its queue holds.
//!
//! [`Subscription`] makes the decisions of a stream and awaits nothing; one task per stream moves the
//! messages.

mod history;
mod hub;
mod index;
mod queue;
mod range;
mod response;
mod service;
mod spans;
mod stream;
mod subscription;
mod watcher;

pub use self::history::{Batch, History, HistoryError};
pub use self::hub::{Counts, Hub, Limits, Watching};
pub use self::queue::{Delivery, Output};
pub use self::range::{End, KeyRange, Span};
pub use self::service::{Member, Options, WatchService};
pub use self::subscription::{NO_WATCHER, Reading, Subscription};
pub use self::watcher::{Interest, Watcher, WatcherId};
