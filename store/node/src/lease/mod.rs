//! When leases end.
//!
//! Which leases there are is replicated ([`detcd_machine`]); how much time they have left only the leader
//! knows, by its monotonic clock, and an expired lease is one whose revocation it proposes.
//! `Keeper` holds the deadlines and decides, [`Deadlines`] shares it with the applier, which tells it of
//! grants and revocations, and [`Lessor`] does what it decided: it revokes, keeps checkpoints, and
//! renews.
//!
//! What makes an acknowledged renewal hold: it is acknowledged only after the leader was confirmed in its
//! term, and whoever leads next gives every lease its time anew, or what a checkpoint left of it; a
//! renewal after a checkpoint is acknowledged only when the checkpoint is taken back. Revocations
//! carry the term in which they were decided, so that no former leader's decision is ever carried out.
//! Must never know: gRPC, who asks.

mod deadlines;
mod keeper;
mod lessor;
mod pacing;
mod renew;

pub use deadlines::Deadlines;
pub use lessor::Lessor;
pub use renew::TimeToLive;
