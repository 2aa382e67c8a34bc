//! What `tests/generated.rs` makes of the `.proto` files, in a tree of modules that mirrors the
//! packages, because the generated paths between them are relative.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated"
)]
#![cfg_attr(rustfmt, rustfmt_skip)]

pub mod authpb { include!("generated/authpb.rs"); }
pub mod etcdserverpb { include!("generated/etcdserverpb.rs"); }
pub mod leasepb { include!("generated/leasepb.rs"); }
pub mod membershippb { include!("generated/membershippb.rs"); }
pub mod mvccpb { include!("generated/mvccpb.rs"); }
pub mod raftpb { include!("generated/raftpb.rs"); }
pub mod snappb { include!("generated/snappb.rs"); }
pub mod v3electionpb { include!("generated/v3electionpb.rs"); }
pub mod v3lockpb { include!("generated/v3lockpb.rs"); }
pub mod walpb { include!("generated/walpb.rs"); }
pub mod detcd { pub mod peer { pub mod v1 { include!("generated/detcd.peer.v1.rs"); } } }
pub mod grpc { pub mod health { pub mod v1 { include!("generated/grpc.health.v1.rs"); } } }
