//! The disk as one process sees it.

use std::io;
use std::sync::Arc;

use detcd_node::runtime::{Disk, File};

use crate::disk::SECTOR_BYTES;
use crate::disk::device::Shared;
use crate::disk::directory::FileId;
use crate::disk::state::State;
use crate::trace::Value;

/// The disk of a machine, in the hands of one of its processes.
#[derive(Debug, Clone)]
pub struct Mount {
    shared: Arc<Shared>,
    generation: u64,
}

/// Whether an operation has happened when power is lost in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It has, but nothing of it is durable yet.
    Pending,
    /// It has not; what it would have made durable is still pending.
    Durability,
}

fn power_is_lost() -> io::Error {
    io::Error::other("the machine has lost power or the process was killed")
}

fn eio() -> io::Error {
    io::Error::other("input/output error")
}

impl Mount {
    pub(super) fn new(shared: Arc<Shared>, generation: u64) -> Self {
        Self { shared, generation }
    }

    fn state_of_living(&self) -> io::Result<std::sync::MutexGuard<'_, State>> {
        let state = self.shared.state();
        if state.generation == self.generation { Ok(state) } else { Err(power_is_lost()) }
    }

    /// Performs one operation of the device, unless the process is dead or dies in it.
    fn operate<T>(
        &self,
        effect: Effect,
        operation: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state_of_living()?;
        state.counters.operations += 1;
        let dies = state.power_until.is_some_and(|until| state.counters.operations >= until);
        if !dies {
            return operation(&mut state);
        }
        if effect == Effect::Pending {
            _ = operation(&mut state);
        }
        drop(state);
        self.shared.switch_off();
        Err(power_is_lost())
    }

    fn event(&self, kind: &'static str, fields: [(&'static str, Value<'_>); 3]) {
        let [a, b, c] = fields;
        self.shared.trace.event(kind, &[("disk", self.shared.name.as_str().into()), a, b, c]);
    }
}

impl Disk for Mount {
    fn open(&self, name: &str, create: bool) -> io::Result<Arc<dyn File>> {
        let file = self.operate(Effect::Pending, |state| {
            state.charge(state.timing.call);
            let file = match state.directory.get(name) {
                Some(file) => file,
                None if create => state.create(name),
                None => return Err(io::ErrorKind::NotFound.into()),
            };
            state.stored(file).handles += 1;
            Ok(file)
        })?;
        Ok(Arc::new(Handle { mount: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.operate(Effect::Pending, |state| {
            state.charge(state.timing.call);
            state.directory.rename(from, to)
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.operate(Effect::Pending, |state| {
            state.charge(state.timing.call);
            state.directory.remove(name)
        })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.operate(Effect::Pending, |state| {
            state.charge(state.timing.call);
            Ok(state.directory.names())
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.operate(Effect::Durability, |state| {
            state.counters.syncs += 1;
            state.charge_sync(None);
            if state.faults.only.is_empty() && state.faults.sync_fails.strike() {
                return Err(eio());
            }
            if state.faults.only.is_empty() && state.faults.sync_lies.strike() {
                return Ok(());
            }
            state.directory.sync();
            state.collect();
            Ok(())
        })?;
        self.shared.trace.event("sync directory", &[("disk", self.shared.name.as_str().into())]);
        Ok(())
    }
}

/// An open file.
#[derive(Debug)]
struct Handle {
    mount: Mount,
    file: FileId,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The destructors of a killed process still run; its handles are long closed.
        if let Ok(mut state) = self.mount.state_of_living() {
            let stored = state.stored(self.file);
            stored.handles -= 1;
            if stored.handles == 0 {
                state.collect();
            }
        }
    }
}

fn position(offset: u64) -> usize {
    usize::try_from(offset).expect("a simulated file fits into memory")
}

fn sectors(offset: u64, len: usize) -> std::ops::Range<u64> {
    offset / SECTOR_BYTES..(offset + len as u64).div_ceil(SECTOR_BYTES)
}

impl File for Handle {
    fn len(&self) -> io::Result<u64> {
        self.mount.operate(Effect::Pending, |state| {
            state.charge(state.timing.call);
            Ok(state.stored(self.file).image.len() as u64)
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.mount.operate(Effect::Pending, |state| {
            state.charge(state.timing.call);
            if state.is_hit(self.file) && state.faults.write_fails.strike() {
                return Err(eio());
            }
            state.reserve(self.file, len)?;
            state.stored(self.file).image.set_len(position(len));
            Ok(())
        })
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.mount.operate(Effect::Pending, |state| {
            state.charge(state.timing.transfer(buffer.len()));
            if state.is_hit(self.file) && state.faults.read_fails.strike() {
                return Err(eio());
            }
            let stored = state.stored(self.file);
            if stored.unreadable.range(sectors(offset, buffer.len())).next().is_some() {
                return Err(eio());
            }
            stored.image.read(position(offset), buffer)
        })
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let landed = self.mount.operate(Effect::Pending, |state| {
            state.charge(state.timing.transfer(data.len()));
            if state.is_hit(self.file) && state.faults.write_fails.strike() {
                return Err(eio());
            }
            state.reserve(self.file, offset + data.len() as u64)?;
            state.counters.writes += 1;
            state.counters.bytes_written += data.len() as u64;
            let goes_astray = state.is_named(self.file, &state.faults.misdirected_only)
                && state.faults.write_misdirected.strike();
            let landed = if goes_astray { misdirect(state, self.file, offset) } else { offset };
            let stored = state.stored(self.file);
            for sector in sectors(landed, data.len()) {
                stored.unreadable.remove(&sector);
            }
            stored.image.write(position(landed), data);
            if goes_astray {
                state.went_astray(self.file, (offset, landed), data);
            } else {
                state.wrote_behind(self.file, offset);
            }
            Ok(landed)
        })?;
        self.mount.event(
            "write",
            [("file", self.file.0.into()), ("offset", landed.into()), ("data", data.into())],
        );
        if landed != offset {
            self.mount.event(
                "astray",
                [("file", self.file.0.into()), ("meant", offset.into()), ("landed", landed.into())],
            );
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let (pending, lies) = self.mount.operate(Effect::Durability, |state| {
            state.counters.syncs += 1;
            state.charge_sync(Some(self.file));
            let hit = state.is_hit(self.file);
            if hit && state.faults.sync_fails.strike() {
                state.stored(self.file).image.abandon();
                state.abandoned(self.file);
                return Err(eio());
            }
            let lies = hit && state.faults.sync_lies.strike();
            let image = &mut state.stored(self.file).image;
            let pending = image.pending_count() as u64;
            if !lies {
                image.sync();
                state.synced(self.file);
            }
            Ok((pending, lies))
        })?;
        self.mount.event(
            "sync",
            [
                ("file", self.file.0.into()),
                ("sectors", pending.into()),
                ("lies", u64::from(lies).into()),
            ],
        );
        Ok(())
    }
}

/// Another sector of the file than the one that was meant.
fn misdirect(state: &mut State, file: FileId, offset: u64) -> u64 {
    let draw = state.draw("misdirect", state.counters.writes);
    let count = (state.stored(file).image.len() as u64).div_ceil(SECTOR_BYTES).max(2);
    let meant = offset / SECTOR_BYTES % count;
    let found = (meant + 1 + draw.below(count - 1)) % count;
    found * SECTOR_BYTES
}
