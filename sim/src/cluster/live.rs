//! The members that run, to be looked into.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use detcd_node::window::{View, Window};

use crate::runtime::SimRuntime;

/// By member, with the number of the process that opened each.
#[derive(Default)]
struct Windows {
    open: BTreeMap<usize, (u64, Window<SimRuntime>)>,
    processes: u64,
}

/// Windows into members; clones are the same.
#[derive(Clone, Default)]
pub(super) struct Live {
    windows: Arc<Mutex<Windows>>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_set().entries(self.lock().open.keys()).finish()
    }
}

/// Held by the process of a member; when it ends, in whatever way, nobody looks into it any more.
pub(super) struct Lit {
    live: Live,
    member: usize,
    process: u64,
}

impl Drop for Lit {
    fn drop(&mut self) {
        let mut windows = self.live.lock();
        // A process that was killed is dropped when the next may run already.
        let is_own = windows.open.get(&self.member).is_some_and(|(own, _)| *own == self.process);
        let window = if is_own { windows.open.remove(&self.member) } else { None };
        drop(windows);
        // Outside the lock: with the window the last of a member may go.
        drop(window);
    }
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the member can be looked into.
    pub(super) fn shine(&self, member: usize, window: Window<SimRuntime>) -> Lit {
        let mut windows = self.lock();
        windows.processes += 1;
        let process = windows.processes;
        let before = windows.open.insert(member, (process, window));
        drop(windows);
        drop(before);
        Lit { live: self.clone(), member, process }
    }

    pub(super) fn look(&self, member: usize, keys_max: usize) -> Option<View> {
        let window = self.lock().open.get(&member).map(|(_, window)| window.clone());
        window.map(|window| window.look(keys_max))
    }
}
