//! The disk as its machine and the checkers see it.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::nanos;
use crate::context;
use crate::disk::astray::Astray;
use crate::disk::fault::Faults;
use crate::disk::mount::Mount;
use crate::disk::state::{Counters, State};
use crate::disk::timing::Timing;
use crate::random::Streams;
use crate::trace::Trace;

/// The disk of one machine; clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) name: String,
    pub(super) trace: Trace,
    /// What else happens when power is lost in the middle of an operation.
    power_switch: Mutex<Option<PowerSwitch>>,
}

type PowerSwitch = Arc<dyn Fn() + Send + Sync>;

impl fmt::Debug for Shared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Shared").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power is lost in the middle of an operation: of the whole machine, if the disk is in one.
    pub(super) fn switch_off(&self) {
        let switch = self.power_switch.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match switch {
            Some(switch) => switch(),
            None => self.power_loss(),
        }
    }

    fn power_loss(&self) {
        self.state().power_loss();
        self.trace.event("power loss", &[("disk", self.name.as_str().into())]);
    }
}

impl SimDisk {
    /// An empty disk; its name sets its randomness apart from that of others.
    pub fn new(name: &str, streams: Streams, trace: Trace) -> Self {
        Self::with_timing(name, streams, trace, Timing::default())
    }

    /// An empty disk of a given speed.
    pub fn with_timing(name: &str, streams: Streams, trace: Trace, timing: Timing) -> Self {
        let state = Mutex::new(State::new(streams, name, timing));
        let power_switch = Mutex::new(None);
        Self { shared: Arc::new(Shared { state, name: name.to_owned(), trace, power_switch }) }
    }

    /// The disk for the process that runs now; it fails once that process is killed or loses power.
    pub fn mount(&self) -> Mount {
        let generation = self.shared.state().generation;
        Mount::new(Arc::clone(&self.shared), generation)
    }

    /// The process is killed: its mounts fail from now on, its writes are kept.
    pub fn kill(&self) {
        self.shared.state().kill();
    }

    /// Power is lost: mounts fail from now on, and of what was not synced some survives.
    pub fn power_loss(&self) {
        self.shared.power_loss();
    }

    /// Power will be lost at the `operation`-th call from now, the next one being the first.
    pub fn power_loss_at(&self, operation: u64) {
        let mut state = self.shared.state();
        state.power_until = Some(state.counters.operations + operation.max(1));
    }

    /// What is to be done instead of [`Self::power_loss`] when power is lost in an operation.
    pub(crate) fn set_power_switch(&self, switch: impl Fn() + Send + Sync + 'static) {
        let mut slot = self.shared.power_switch.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::new(switch));
    }

    /// What is wrong with the disk now.
    pub fn faults(&self) -> Faults {
        self.shared.state().faults.clone()
    }

    /// Changes what is wrong with the disk.
    pub fn set_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.shared.state().faults);
    }

    /// Changes what is wrong with the disk, with stalls and slowness that end after `lasting`: an
    /// operation that is under way then is not held up beyond it, and several in one piece not several
    /// times. The other faults stay until they are changed again.
    pub fn set_faults_for(&self, lasting: Duration, change: impl FnOnce(&mut Faults)) {
        let end = context::true_nanos() + nanos(lasting);
        self.set_faults(|faults| {
            change(faults);
            faults.slow_until = faults.slow_until.max(Some(end));
        });
    }

    /// Flips one bit of a file, on the platter and in what is read.
    pub fn flip_bit(&self, name: &str, bit: u64) -> io::Result<()> {
        let mut state = self.shared.state();
        let file = state.directory.get(name).ok_or(io::ErrorKind::NotFound)?;
        state.stored(file).image.flip_bit(bit);
        state.is_damaged = true;
        Ok(())
    }

    /// Makes a sector of a file unreadable until it is written again.
    pub fn break_sector(&self, name: &str, sector: u64) -> io::Result<()> {
        let mut state = self.shared.state();
        let file = state.directory.get(name).ok_or(io::ErrorKind::NotFound)?;
        state.stored(file).unreadable.insert(sector);
        state.is_damaged = true;
        Ok(())
    }

    /// Puts what lies in one sector of a file over another, as a write does that goes astray.
    pub fn misplace_sector(&self, name: &str, from: u64, to: u64) -> io::Result<()> {
        let sector = |at: u64| usize::try_from(at).map_err(|_| io::ErrorKind::InvalidInput);
        let (from, to) = (sector(from)?, sector(to)?);
        let mut state = self.shared.state();
        let file = state.directory.get(name).ok_or(io::ErrorKind::NotFound)?;
        let stored = state.stored(file);
        stored.image.misplace(from, to);
        // Whatever is written to a sector mends it.
        stored.unreadable.remove(&(to as u64));
        state.is_damaged = true;
        Ok(())
    }

    /// The disk is replaced by an empty one with which nothing is wrong; to be called while no process runs.
    pub fn lose_everything(&self) {
        let mut state = self.shared.state();
        state.directory.clear();
        state.faults = Faults::default();
        state.is_damaged = false;
        state.strays.clear();
        state.be_idle();
        state.kill();
    }

    /// What a file would contain if power were lost now and nothing that is pending survived; nothing
    /// if its name would not survive.
    pub fn durable_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let mut state = self.shared.state();
        let file = state.directory.get_durable(name)?;
        Some(state.stored(file).image.durable())
    }

    /// What a loss of power might take of a file's first `bytes`: from which byte on, or from the first if its name
    /// might go. Nothing, if they are safe.
    pub fn at_risk(&self, name: &str, bytes: u64) -> Option<u64> {
        let state = self.shared.state();
        let file = state.directory.get(name);
        if file.is_none() || file != state.directory.get_durable(name) {
            return Some(0);
        }
        let stored = file.and_then(|file| state.files.get(&file))?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        stored.image.at_risk(bytes).map(|byte| byte as u64)
    }

    /// Whether somebody has changed what the platter holds, or made some of it unreadable, since the disk was new.
    pub fn is_damaged(&self) -> bool {
        self.shared.state().is_damaged
    }

    /// The writes that went astray since the disk was new, in their order.
    pub fn astray(&self) -> Vec<Astray> {
        self.shared.state().astray()
    }

    /// What a file contains for its readers.
    pub fn current_bytes(&self, name: &str) -> Option<Vec<u8>> {
        let mut state = self.shared.state();
        let file = state.directory.get(name)?;
        Some(state.stored(file).image.current().to_vec())
    }

    /// How many sectors of a file have been written since its last sync.
    pub fn pending_sectors(&self, name: &str) -> usize {
        let mut state = self.shared.state();
        match state.directory.get(name) {
            Some(file) => state.stored(file).image.pending_count(),
            None => 0,
        }
    }

    /// The names that processes see.
    pub fn names(&self) -> Vec<String> {
        self.shared.state().directory.names()
    }

    /// The names that are certain to survive a loss of power.
    pub fn durable_names(&self) -> Vec<String> {
        self.shared.state().directory.durable_names()
    }

    /// What has been asked of the disk so far.
    pub fn counters(&self) -> Counters {
        self.shared.state().counters
    }
}
