//! Names: which file each has now, and which it would have after a loss of power.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::random::Draw;

/// The identity of a file, which survives renames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(pub(super) u64);

#[derive(Debug, Default)]
pub(super) struct Directory {
    current: BTreeMap<String, FileId>,
    durable: BTreeMap<String, FileId>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Create { name: String, file: FileId },
    Rename { from: String, to: String, file: FileId },
    Remove { name: String },
}

impl Change {
    fn names(&self) -> impl Iterator<Item = &str> {
        let (first, second) = match self {
            Self::Create { name, .. } | Self::Remove { name } => (name, None),
            Self::Rename { from, to, .. } => (from, Some(to)),
        };
        std::iter::once(first).chain(second).map(String::as_str)
    }

    fn apply(&self, names: &mut BTreeMap<String, FileId>) {
        match self {
            Self::Create { name, file } => _ = names.insert(name.clone(), *file),
            Self::Rename { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Remove { name } => _ = names.remove(name),
        }
    }
}

impl Directory {
    pub(super) fn get(&self, name: &str) -> Option<FileId> {
        self.current.get(name).copied()
    }

    pub(super) fn get_durable(&self, name: &str) -> Option<FileId> {
        self.durable.get(name).copied()
    }

    pub(super) fn name_of(&self, file: FileId) -> Option<&str> {
        self.current.iter().find(|(_, id)| **id == file).map(|(name, _)| name.as_str())
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.current.keys().cloned().collect()
    }

    pub(super) fn durable_names(&self) -> Vec<String> {
        self.durable.keys().cloned().collect()
    }

    pub(super) fn create(&mut self, name: &str, file: FileId) {
        self.change(Change::Create { name: name.to_owned(), file });
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let file = self.get(from).ok_or(io::ErrorKind::NotFound)?;
        if from != to {
            self.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), file });
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.get(name).ok_or(io::ErrorKind::NotFound)?;
        self.change(Change::Remove { name: name.to_owned() });
        Ok(())
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.current);
        self.pending.clear();
    }

    /// Power is lost: some pending changes have happened, the others never will.
    ///
    /// A change that is dropped takes with it all later ones of the same names: each name keeps a
    /// prefix of its own history, but between names nothing is ordered.
    pub(super) fn crash(&mut self, mut draw: impl FnMut(usize) -> Draw) {
        let pending = std::mem::take(&mut self.pending);
        let fashion = draw(usize::MAX).below(4);
        let cut = draw(usize::MAX - 1).below(pending.len() as u64 + 1);
        let mut stale: BTreeSet<&str> = BTreeSet::new();
        for (index, change) in pending.iter().enumerate() {
            let kept = match fashion {
                0 => false,
                1 => true,
                2 => (index as u64) < cut,
                _ => draw(index).chance(500_000),
            };
            if kept && !change.names().any(|name| stale.contains(name)) {
                change.apply(&mut self.durable);
            } else {
                stale.extend(change.names());
            }
        }
        self.current.clone_from(&self.durable);
    }

    /// Everything is gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The files that some name leads to, now or after a loss of power.
    pub(super) fn files(&self) -> BTreeSet<FileId> {
        let pending = self.pending.iter().filter_map(|change| match change {
            Change::Create { file, .. } | Change::Rename { file, .. } => Some(*file),
            Change::Remove { .. } => None,
        });
        self.current.values().chain(self.durable.values()).copied().chain(pending).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Key, Stream, Streams};

    fn crashed(seed: u64) -> Directory {
        let mut directory = Directory::default();
        directory.create("log", FileId(1));
        directory.sync();
        directory.create("tmp", FileId(2));
        directory.rename("tmp", "log").expect("it is there");
        directory.create("tmp", FileId(3));
        directory.remove("tmp").expect("it is there");
        directory.create("other", FileId(4));
        let streams = Streams::new(seed);
        directory.crash(|index| streams.draw(Stream::Disk, Key::of("x").number(index as u64)));
        directory
    }

    #[test]
    fn a_crash_keeps_a_prefix_of_the_history_of_each_name() {
        let mut seen = BTreeSet::new();
        for seed in 0..500 {
            let directory = crashed(seed);
            let state = ["log", "tmp", "other"].map(|name| directory.get(name).map(|file| file.0));
            assert_eq!(directory.current, directory.durable);
            let legal = match (state[0], state[1]) {
                // Nothing, or the creation alone.
                (Some(1), None | Some(2)) => true,
                // The rename, and perhaps the second creation; its removal looks like the rename.
                (Some(2), None | Some(3)) => true,
                _ => false,
            };
            assert!(legal, "seed {seed}: {state:?}");
            seen.insert(state);
        }
        assert_eq!(seen.len(), 8, "all of them happen: {seen:?}");
    }

    #[test]
    fn what_was_synced_survives() {
        let mut directory = Directory::default();
        directory.create("a", FileId(1));
        directory.create("b", FileId(2));
        directory.remove("a").expect("it is there");
        directory.sync();
        directory.crash(|_| Streams::new(0).draw(Stream::Disk, Key::of("never asked")));
        assert_eq!(directory.names(), ["b"]);
        assert!(directory.rename("a", "c").is_err());
    }
}
