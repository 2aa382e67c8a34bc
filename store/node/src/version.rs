//! The versions that a member reports: those of the etcd whose behaviour it has.

/// The etcd release that this server answers like.
pub const ETCD_COMPATIBLE_VERSION: &str = "3.7.1";

/// The version of the storage format, as snapshots carry it.
pub const STORAGE_VERSION: &str = "3.7.0";

/// The server's version, as `--version` prints it.
pub const SERVER: &str = ETCD_COMPATIBLE_VERSION;

/// The commit that the server was built from, where the build knew it.
pub const GIT_SHA: &str = match option_env!("DETCD_GIT_SHA") {
    Some(sha) => sha,
    None => "unknown",
};

/// The oldest compiler that builds the server.
pub const RUST: &str = env!("CARGO_PKG_RUST_VERSION");
