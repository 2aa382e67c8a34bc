//! What a member knows about the outside world: a clock, a network and a disk.
//!
//! [`Runtime`] is ambient and static, because openraft asks for its runtime as a type: it is the one
//! type parameter of the node. [`Network`] and [`Disk`] are objects handed to the node when it starts.
//! [`tokio`] holds the production implementations; the simulator has its own, under the same names.
//! Nothing else in this package may touch time, entropy, threads, files or sockets.

mod disk;
mod network;
pub mod tokio;

use std::fmt::Debug;
use std::time::Duration;

use openraft_rt::AsyncRuntime;

pub use self::disk::{Disk, File};
pub use self::network::{ByteStream, Connection, Listener, Network};

/// Time, entropy and tasks.
///
/// Fault model: the monotonic clock ([`AsyncRuntime::Instant`]) never goes back on one member, but its
/// rate may drift and members do not agree; the wall clock may step in both directions, so nothing that
/// must be right may depend on it; a task may stand still for any time between two polls.
pub trait Runtime:
    AsyncRuntime + Copy + Default + Eq + Ord + Send + Sync + Debug + 'static
{
    /// Time since the Unix epoch, for people and for tokens; never for safety.
    fn wall_clock() -> Duration;

    /// 64 random bits.
    fn random_u64() -> u64;

    /// Runs blocking work, such as disk access, without holding up other tasks.
    ///
    /// The work runs to its end even if the returned future is dropped.
    fn blocking<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send;
}
