//! Writes that went astray: where each was meant to go, and what of it can be told from the file since.
//!
//! Such a write does two things at once: what belongs in one place is missing there, and what lay in another is gone.
//! A file that is written once from its beginning to its end tells the first only by what is written behind it, so
//! that, too, is kept here.

use crate::disk::directory::FileId;
use crate::disk::image::Image;
use crate::disk::state::State;

/// A write that went astray, as it looks now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Astray {
    /// The name that the file has now; nothing, if it has none any more.
    pub file: Option<String>,
    /// The byte for which it was meant.
    pub meant: u64,
    /// The byte where it landed.
    pub landed: u64,
    /// Whether the file held something else where it was meant, when it had landed.
    pub is_missing: bool,
    /// Whether something that was written to the file later, behind where this was meant, is synced.
    pub is_followed: bool,
}

/// The same, as the disk keeps it.
#[derive(Debug)]
pub(super) struct Stray {
    file: FileId,
    meant: u64,
    landed: u64,
    is_missing: bool,
    /// Something was written behind it since the last sync.
    has_pending: bool,
    is_followed: bool,
}

impl State {
    /// A write of `data` has just gone astray.
    pub(super) fn went_astray(&mut self, file: FileId, (meant, landed): (u64, u64), data: &[u8]) {
        self.counters.writes_astray += 1;
        let is_missing = !is_there(&self.stored(file).image, meant, data);
        let (has_pending, is_followed) = (false, false);
        self.strays.push(Stray { file, meant, landed, is_missing, has_pending, is_followed });
    }

    /// Something was written where it belongs.
    pub(super) fn wrote_behind(&mut self, file: FileId, offset: u64) {
        for stray in self.strays.iter_mut().filter(|it| it.file == file && it.meant < offset) {
            stray.has_pending = true;
        }
    }

    /// What was written to a file is durable.
    pub(super) fn synced(&mut self, file: FileId) {
        for stray in self.strays.iter_mut().filter(|it| it.file == file) {
            stray.is_followed |= stray.has_pending;
        }
    }

    /// What was written to a file since its last sync will never be durable.
    pub(super) fn abandoned(&mut self, file: FileId) {
        for stray in self.strays.iter_mut().filter(|it| it.file == file) {
            stray.has_pending = false;
        }
    }

    /// What was not synced may not be there.
    pub(super) fn forget_unsynced(&mut self) {
        self.strays.iter_mut().for_each(|stray| stray.has_pending = false);
    }

    pub(super) fn astray(&self) -> Vec<Astray> {
        let told = |stray: &Stray| {
            let Stray { file, meant, landed, is_missing, is_followed, .. } = *stray;
            let file = self.directory.name_of(file).map(str::to_owned);
            Astray { file, meant, landed, is_missing, is_followed }
        };
        self.strays.iter().map(told).collect()
    }
}

/// Whether a file holds this already. Zeros at the end are room for what comes next, and count for nothing.
fn is_there(image: &Image, offset: u64, data: &[u8]) -> bool {
    let bytes = data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let from = usize::try_from(offset).expect("a simulated file fits into memory");
    bytes == 0 || image.current().get(from..from + bytes) == Some(&data[..bytes])
}
