//! Real processes, sockets and files: what a member promises across its death, and how it refuses
//! to start. Nothing here depends on how fast the machine is; every wait is for a condition.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the members under test live in the real world"
)]

mod crash;
#[expect(unreachable_pub, reason = "shared with a library of another workspace")]
mod daemon;
#[expect(unreachable_pub, reason = "shared with a library of another workspace")]
mod load;
mod start;
mod stop;
mod typed;

/// The daemon that was built with these tests.
const BINARY: &str = env!("CARGO_BIN_EXE_detcd");
