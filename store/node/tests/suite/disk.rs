//! A directory in memory that forgets, at a power loss, any part of what was not synced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use detcd_node::runtime::{Disk, File};

use crate::rng::Rng;

const SECTOR: usize = 512;

/// One life of the machine that the disk is in; its handles fail once the power is lost.
#[derive(Debug, Clone)]
pub(crate) struct TestDisk {
    platter: Arc<Platter>,
    life: u64,
}

#[derive(Debug, Default)]
struct Platter {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<String, u64>,
    names_durable: BTreeMap<String, u64>,
    names_pending: Vec<NameChange>,
    inodes: BTreeMap<u64, Inode>,
    life: u64,
    operations: u64,
    syncs: u64,
    lose_power_at: Option<u64>,
    fail_sync_at: Option<u64>,
    hold_syncs: bool,
    /// Bytes that all files together may have.
    capacity: Option<usize>,
}

#[derive(Debug, Clone)]
enum NameChange {
    Create(String, u64),
    Rename(String, String, u64),
    Remove(String),
}

#[derive(Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl Inode {
    fn touch(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / SECTOR..to.div_ceil(SECTOR));
    }

    fn sync(&mut self) {
        self.durable.resize(self.bytes.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(sector, &self.bytes, &mut self.durable);
        }
    }

    /// Any subset of the dirty sectors survives, and either length.
    fn lose_power(&mut self, rng: &mut Rng) {
        let odds = rng.below(5);
        let len = if rng.below(2) == 0 { self.bytes.len() } else { self.durable.len() };
        let mut survived = self.durable.clone();
        survived.resize(len.max(survived.len()), 0);
        for sector in std::mem::take(&mut self.dirty) {
            if rng.below(4) < odds {
                copy_sector(sector, &self.bytes, &mut survived);
            }
        }
        survived.truncate(len);
        self.bytes.clone_from(&survived);
        self.durable = survived;
    }
}

fn copy_sector(sector: usize, from: &[u8], to: &mut [u8]) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

impl State {
    fn change_name(names: &mut BTreeMap<String, u64>, change: &NameChange) {
        match change {
            NameChange::Create(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            NameChange::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            NameChange::Remove(name) => {
                names.remove(name);
            }
        }
    }

    fn used(&self) -> usize {
        let named = self.names.values().map(|inode| self.inodes[inode].bytes.len());
        named.sum()
    }

    /// Refuses to let a file have `len` bytes where there is no room for them.
    fn reserve(&self, inode: u64, len: usize) -> io::Result<()> {
        let Some(capacity) = self.capacity else { return Ok(()) };
        let old = self.inodes[&inode].bytes.len();
        if len > old && self.used() - old + len > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn record(&mut self, change: NameChange) {
        Self::change_name(&mut self.names, &change);
        self.names_pending.push(change);
    }

    fn inode(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl TestDisk {
    pub(crate) fn new() -> Self {
        Self { platter: Arc::default(), life: 0 }
    }

    /// Operations so far.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Syncs of files so far.
    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// The power goes when the operation of this number is attempted.
    pub(crate) fn lose_power_at(&self, operation: u64) {
        self.state().lose_power_at = Some(operation);
    }

    /// The sync of this number fails, and what it should have made durable is lost unnoticed.
    pub(crate) fn fail_sync_at(&self, sync: u64) {
        self.state().fail_sync_at = Some(sync);
    }

    /// From now on all files together may grow by so many bytes only, or as they like.
    #[allow(dead_code, reason = "tests of the log use this disk too")]
    pub(crate) fn leave_room(&self, bytes: Option<usize>) {
        let mut state = self.state();
        state.capacity = bytes.map(|bytes| bytes + state.used());
    }

    /// Syncs that begin from now on do not end before [`Self::release_syncs`].
    pub(crate) fn hold_syncs(&self) {
        self.state().hold_syncs = true;
    }

    pub(crate) fn release_syncs(&self) {
        self.state().hold_syncs = false;
        self.platter.released.notify_all();
    }

    /// Ends this life; the next one finds what survived.
    pub(crate) fn lose_power(&self, rng: &mut Rng) -> Self {
        let mut state = self.state();
        let mut names = state.names_durable.clone();
        let odds = rng.below(5);
        for change in std::mem::take(&mut state.names_pending) {
            if rng.below(4) < odds {
                State::change_name(&mut names, &change);
            }
        }
        state.names.clone_from(&names);
        state.names_durable = names;
        for inode in state.inodes.values_mut() {
            inode.lose_power(rng);
        }
        state.life += 1;
        (state.lose_power_at, state.fail_sync_at, state.hold_syncs) = (None, None, false);
        state.capacity = None;
        state.operations = 0;
        state.syncs = 0;
        self.platter.released.notify_all();
        Self { platter: Arc::clone(&self.platter), life: state.life }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.inodes[&state.names[name]].bytes.clone()
    }

    /// Puts a file there, durable.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let id = state.inodes.len() as u64;
        let inode =
            Inode { bytes: bytes.to_vec(), durable: bytes.to_vec(), dirty: BTreeSet::new() };
        state.inodes.insert(id, inode);
        state.names.insert(name.to_owned(), id);
        state.names_durable.insert(name.to_owned(), id);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.platter.state.lock().unwrap()
    }

    /// The state for one operation, unless the power is gone.
    fn operate(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let operation = state.operations;
        state.operations += 1;
        if state.life != self.life || state.lose_power_at.is_some_and(|at| operation >= at) {
            return Err(io::Error::other("the power is gone"));
        }
        Ok(state)
    }
}

impl Disk for TestDisk {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn File>> {
        let mut state = self.operate()?;
        let inode = match state.inode(name) {
            Err(_) if create => {
                let id = state.inodes.len() as u64;
                state.inodes.insert(id, Inode::default());
                state.record(NameChange::Create(name.to_owned(), id));
                id
            }
            found => found?,
        };
        Ok(Arc::new(TestFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        let inode = state.inode(from)?;
        state.record(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.operate()?;
        state.inode(name)?;
        state.record(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.operate()?.names.keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.operate()?;
        state.names_pending.clear();
        state.names_durable = state.names.clone();
        Ok(())
    }
}

#[derive(Debug)]
struct TestFile {
    disk: TestDisk,
    inode: u64,
}

impl TestFile {
    fn with<T>(&self, work: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        self.with_room(0, work)
    }

    fn with_room<T>(&self, len: usize, work: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        let mut state = self.disk.operate()?;
        state.reserve(self.inode, len)?;
        Ok(work(state.inodes.get_mut(&self.inode).expect("inodes are never forgotten")))
    }
}

impl File for TestFile {
    fn len(&self) -> io::Result<u64> {
        self.with(|inode| inode.bytes.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = len as usize;
        self.with_room(len, |inode| {
            let old = inode.bytes.len();
            inode.bytes.resize(len, 0);
            inode.touch(old.min(len), old.max(len));
        })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = offset as usize;
        self.with(|inode| {
            let bytes = inode.bytes.get(start..start + buffer.len());
            buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })?
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (start, end) = (offset as usize, offset as usize + data.len());
        self.with_room(end, |inode| {
            if inode.bytes.len() < end {
                inode.bytes.resize(end, 0);
            }
            inode.bytes[start..end].copy_from_slice(data);
            inode.touch(start, end);
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.operate()?;
        while state.hold_syncs && state.life == self.disk.life {
            state = self.disk.platter.released.wait(state).unwrap();
        }
        if state.life != self.disk.life {
            return Err(io::Error::other("the power is gone"));
        }
        let sync = state.syncs;
        state.syncs += 1;
        let fails = state.fail_sync_at == Some(sync);
        let inode = state.inodes.get_mut(&self.inode).expect("inodes are never forgotten");
        if fails {
            inode.dirty.clear();
            return Err(io::Error::other("the disk is broken"));
        }
        inode.sync();
        Ok(())
    }
}
