//! Everything a disk is: names, files, faults, and how busy it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use crate::clock::nanos;
use crate::context;
use crate::disk::astray::Stray;
use crate::disk::directory::{Directory, FileId};
use crate::disk::fault::Faults;
use crate::disk::image::{Decision, Image, Survival};
use crate::disk::timing::Timing;
use crate::random::{Draw, Key, Stream, Streams};
use crate::runtime::in_blocking_time;

/// What has been asked of a disk so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls of any kind.
    pub operations: u64,
    /// Writes.
    pub writes: u64,
    /// Writes that landed in another place than the one that was meant.
    pub writes_astray: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Syncs of files and of the directory.
    pub syncs: u64,
    /// Losses of power.
    pub crashes: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) streams: Streams,
    pub(super) key: Key,
    /// The process that may use the disk; a mount of an earlier one is stale.
    pub(super) generation: u64,
    pub(super) directory: Directory,
    pub(super) files: BTreeMap<FileId, Stored>,
    pub(super) faults: Faults,
    pub(super) timing: Timing,
    pub(super) counters: Counters,
    /// Power is lost when so many operations have been asked for.
    pub(super) power_until: Option<u64>,
    /// What was durable may be there no longer.
    pub(super) is_damaged: bool,
    /// Writes that went astray.
    pub(super) strays: Vec<Stray>,
    busy_until: u64,
    next_file: u64,
}

#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) image: Image,
    /// Open handles of the present generation.
    pub(super) handles: u32,
    /// Sectors that cannot be read until they are written again.
    pub(super) unreadable: BTreeSet<u64>,
}

impl State {
    pub(super) fn new(streams: Streams, name: &str, timing: Timing) -> Self {
        Self {
            streams,
            key: Key::of("disk").text(name),
            generation: 0,
            directory: Directory::default(),
            files: BTreeMap::new(),
            faults: Faults::default(),
            timing,
            counters: Counters::default(),
            power_until: None,
            is_damaged: false,
            strays: Vec::new(),
            busy_until: 0,
            next_file: 0,
        }
    }

    pub(super) fn draw(&self, what: &str, number: u64) -> Draw {
        self.streams.draw(Stream::Disk, self.key.text(what).number(number))
    }

    /// Whether the faults are meant for this file.
    pub(super) fn is_hit(&self, file: FileId) -> bool {
        self.is_named(file, &self.faults.only)
    }

    /// Whether the file's name starts so.
    pub(super) fn is_named(&self, file: FileId, start: &str) -> bool {
        start.is_empty() || self.directory.name_of(file).is_some_and(|name| name.starts_with(start))
    }

    pub(super) fn stored(&mut self, file: FileId) -> &mut Stored {
        self.files.get_mut(&file).expect("a file lives as long as its handles")
    }

    pub(super) fn create(&mut self, name: &str) -> FileId {
        self.next_file += 1;
        let file = FileId(self.next_file);
        self.files.insert(file, Stored::default());
        self.directory.create(name, file);
        file
    }

    /// Makes room for a file of `len` bytes, or refuses.
    pub(super) fn reserve(&self, file: FileId, len: u64) -> io::Result<()> {
        let Some(capacity) = self.faults.capacity_bytes else { return Ok(()) };
        let others = self.files.iter().filter(|(id, _)| **id != file);
        let used: u64 = others.map(|(_, stored)| stored.image.len() as u64).sum();
        let old = self.files.get(&file).map_or(0, |stored| stored.image.len() as u64);
        if len > old && used + len > capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Forgets files that neither a name nor a handle leads to.
    pub(super) fn collect(&mut self) {
        let named = self.directory.files();
        self.files.retain(|file, stored| stored.handles > 0 || named.contains(file));
    }

    /// The time of one sync: of a file, or of the directory.
    pub(super) fn charge_sync(&mut self, file: Option<FileId>) {
        let drawn = self.draw("sync time", self.counters.syncs).duration(&self.timing.sync);
        let everything_stalls = self.faults.only.is_empty();
        let stall = self.faults.sync_stalls;
        if everything_stalls {
            self.charge_all(drawn, stall);
        } else {
            self.charge(drawn);
            if file.is_some_and(|file| self.is_hit(file)) {
                self.hold(stall);
            }
        }
    }

    /// Accounts for the time of an operation, which begins when the device is done with the others.
    pub(super) fn charge(&mut self, cost: Duration) {
        self.charge_all(cost, Duration::ZERO);
    }

    /// Whatever comes next waits for a stall as well.
    fn charge_all(&mut self, cost: Duration, stall: Duration) {
        let ailing = nanos((cost + stall) * (1 + self.faults.slowdown));
        let (cost, slow_until) = (nanos(cost), self.faults.slow_until);
        let busy_until = &mut self.busy_until;
        in_blocking_time(|time| {
            let begin = (*busy_until).max(time.started);
            let slow = slow_until.unwrap_or(u64::MAX).min(begin.saturating_add(ailing));
            *busy_until = slow.max(begin + cost);
            time.done = time.done.max(*busy_until);
        });
    }

    /// Only who asks waits, and the device goes on with other files.
    fn hold(&mut self, stall: Duration) {
        let slow_until = self.faults.slow_until.unwrap_or(u64::MAX);
        in_blocking_time(|time| {
            let held = time.done.saturating_add(nanos(stall)).min(slow_until);
            time.done = time.done.max(held);
        });
    }

    /// The process is gone, the operating system is not.
    pub(super) fn kill(&mut self) {
        self.generation += 1;
        self.power_until = None;
        for stored in self.files.values_mut() {
            stored.handles = 0;
        }
        self.collect();
    }

    /// The machine is gone; only what the platter has is left.
    pub(super) fn power_loss(&mut self) {
        self.counters.crashes += 1;
        self.forget_unsynced();
        let (streams, crash) = (self.streams, self.counters.crashes);
        let key = self.key.text("crash").number(crash);
        let draw = |what: &str, a: u64, b: u64| {
            streams.draw(Stream::Disk, key.text(what).number(a).number(b))
        };
        self.directory.crash(|index| draw("name", index as u64, 0));
        let per_million =
            u32::try_from(draw("survival", 0, 0).below(5)).expect("below 5") * 250_000;
        for (file, stored) in &mut self.files {
            let draw = |decision| match decision {
                Decision::Length(part) => draw("length", file.0, part),
                Decision::Sector(sector) => draw("sector", file.0, sector as u64),
            };
            stored.image.crash(Survival { per_million, draw });
        }
        self.kill();
        self.be_idle();
    }

    /// Nothing is under way any more.
    pub(super) fn be_idle(&mut self) {
        self.busy_until = context::true_nanos();
    }
}
