//! The versions that a member reports: those of the etcd whose behaviour it has.

/// The etcd release that this server answers like.
pub const ETCD_COMPATIBLE_VERSION: &str = "3.7.1";

/// The version that all members of a cluster agree on.
pub const CLUSTER_VERSION: &str = "3.7.0";

/// The version of the storage format, as snapshots carry it.
pub const STORAGE_VERSION: &str = "3.7.0";
