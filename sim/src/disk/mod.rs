//! A disk that forgets what was not synced.
//!
//! A [`SimDisk`] is the device of one machine and belongs to whoever simulates the machine; a process
//! gets a [`Mount`] of it, which stops working when that process dies.
//!
//! Fault model, on top of the contract of [`detcd_node::runtime::Disk`]:
//! - When the process is killed nothing is lost: the operating system still has it.
//! - When power is lost, every sector of 512 bytes that was written since the last sync of its file
//!   survives or not, independently. So does a length that was set, as a whole, and a length that was
//!   written to, in part. Of the pending creations, renames and
//!   removals any selection survives in which each name keeps a prefix of what happened to it.
//! - A sync may fail, and then what was pending is gone although it can still be read, and a later sync
//!   that succeeds does not bring it back; a sync may also lie, take long, or never be asked in time,
//!   because power may be lost at any chosen operation.
//! - Reads and writes may fail, space may run out, sectors may become unreadable, bits may flip, and a
//!   write may land in the wrong place of its file; the disk remembers which did.
//!
//! Must never know: what is in the files.

mod astray;
mod device;
mod directory;
mod fault;
mod image;
mod mount;
mod state;
mod timing;

pub use self::astray::Astray;
pub use self::device::SimDisk;
pub use self::fault::{Faults, Times};
pub use self::mount::Mount;
pub use self::state::Counters;
pub use self::timing::Timing;

/// What survives a loss of power, or does not, as a whole.
pub const SECTOR_BYTES: u64 = 512;
