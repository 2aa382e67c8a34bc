//! What clients do: requests, watches, and how everything about them is written down.
//!
//! Each client has a machine of its own and talks gRPC to the members. Every choice comes from a stream
//! of randomness that is keyed by the client and the number of its request.
//!
//! Must never know: which faults are injected, and what a right answer is.

mod access;
mod caretaker;
mod client;
mod convert;
mod election_calls;
mod endpoints;
mod generate;
mod holder;
mod knowledge;
mod lease_calls;
mod locker;
mod login;
mod observer;
mod operator;
mod recorder;
mod refusal;
mod restored;
mod session;
mod stop;
mod stream;
mod watcher;

pub use self::access::{Administrator, User, set_up};
pub use self::caretaker::{Caretaker, fill};
pub use self::client::{Client, burst};
pub(crate) use self::convert::{commands, proposed};
pub use self::endpoints::Endpoints;
pub use self::holder::{Holder, grant_many};
pub use self::knowledge::Knowledge;
pub(crate) use self::lease_calls::lease_change;
pub use self::locker::{Locker, Wanted};
pub use self::login::Login;
pub use self::observer::Observer;
pub use self::operator::{Ask, Asked, Operator};
pub use self::recorder::{Recorder, Tally};
pub use self::restored::{SavedSnapshot, restore_saved};
pub use self::session::Session;
pub use self::stop::StopSign;
pub use self::watcher::{Progress, Watcher};
