//! The simulated world: time, entropy, disk, network and processes of a whole cluster in one thread.
//!
//! A run is one seed. The same seed replays the same run, event by event: [`run`] gives it a fresh
//! thread and a madsim executor, [`Streams`] gives every part of the world its own randomness, and
//! [`Trace`] hashes what happened so that two runs can be compared.
//!
//! | module | simulates | and is handed to a member as |
//! |---|---|---|
//! | [`runtime`] | tasks, timers, per-node clocks and entropy | the type [`SimRuntime`] |
//! | [`disk`] | a directory that forgets what was not synced | `Arc<dyn Disk>` |
//! | [`network`] | byte streams over links that are slow, cut or clogged | `Arc<dyn Network>` |
//! | [`process`] | machines that are started, killed, paused, and lose power | nothing: it owns the member |
//!
//! Must never know: what a member does with its disk and network; nothing here looks at a key, a log
//! entry or a message.

#[cfg(not(any(madsim, doc, doctest)))]
compile_error!(
    "sim needs `--cfg madsim`: build inside the workspace, where .cargo/config.toml sets it, and \
     unset RUSTFLAGS, which silently replaces that setting"
);

mod clock;
pub mod cluster;
mod context;
pub mod disk;
pub mod log;
pub mod network;
pub mod process;
pub mod random;
pub mod runtime;
pub mod trace;
pub mod watch;

pub use clock::SimInstant;
pub use cluster::{ClientHost, Cluster, ClusterConfig};
pub use process::{Host, Surroundings, World};
pub use random::{Stream, Streams};
pub use runtime::{Panic, SimRuntime, run};
pub use trace::Trace;
