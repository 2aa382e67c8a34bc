//! The directory that a member keeps its state in.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

/// A flat directory of files.
///
/// Fault model: `open` with `create`, `rename` and `remove` survive a crash only after [`Disk::sync_dir`]
/// returned; before that each of them may or may not have happened. Any call may fail. After a failed
/// sync the data may be gone although it can still be read: the caller stops and never retries.
///
/// Names are plain file names, without a separator. Calls block; see
/// [`Runtime::blocking`](super::Runtime::blocking).
pub trait Disk: Send + Sync + Debug + 'static {
    /// Opens a file for reading and writing; `create` makes an empty one where there is none.
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn File>>;
    /// Renames a file, replacing one of the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// The names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes every creation, rename and removal so far durable.
    fn sync_dir(&self) -> io::Result<()>;
}

/// An open file.
///
/// Fault model: a write is visible to later reads at once; it survives a crash only after
/// [`File::sync`] returned. Before that any subset of its 512-byte sectors may survive, in any order,
/// and so may or may not a change of length. Reads may fail, and may return damaged bytes.
///
/// Calls are synchronous on purpose: the storage engine and fsync are.
// A file always has a length to ask for, but being empty is of no interest to anybody here.
#[expect(clippy::len_without_is_empty, reason = "no caller asks")]
pub trait File: Send + Sync + Debug + 'static {
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts the file, or extends it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Fills `buffer` from `offset`; `UnexpectedEof` when the file ends before.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
    /// Writes all of `data` at `offset`, extending the file where needed.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Makes all writes and the length durable.
    fn sync(&self) -> io::Result<()>;
}
