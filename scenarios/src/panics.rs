//! Where a run panicked, caught without noise on the terminal.

use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

thread_local! {
    /// What the last panic of this thread said.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
    static SLOT: RefCell<Option<Slot>> = const { RefCell::new(None) };
}

static INSTALLED: Once = Once::new();

/// What finds a panic of a member.
pub const MEMBER_PANIC: &str = "member panic";

/// Where the code of members lies: their own, and openraft's, as published and as a copy that a mutant was built with.
const MEMBERS: [&str; 3] = ["store/", "/openraft-0.", "openraft/src/"];
/// Where the code of the harness lies.
const HARNESS: [&str; 5] = ["sim/", "scenarios/", "jepsen-like/", "reports/", "/madsim-0."];

/// What the standard library says of a panic at which it aborts.
const ABORTING: [&str; 2] =
    ["panic in a destructor during cleanup", "panic in a function that cannot unwind"];

/// Holds the first panic of the threads that entered it; clones are the same slot.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    /// The first panic: what it said, and where.
    first: Option<String>,
    judged: Option<Judged>,
}

/// What a run thought of a panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether it is a finding, and not the harness's own.
    pub is_finding: bool,
    /// Who panicked, when, with what words and where.
    pub message: String,
}

impl Slot {
    /// From now on, panics of this thread go into the slot instead of standard error, but for one that ends the
    /// process.
    pub fn enter(&self) {
        INSTALLED.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let slot = SLOT.try_with(|slot| slot.borrow().clone()).ok().flatten();
                match slot {
                    Some(slot) => slot.keep(info),
                    None => before(info),
                }
            }));
        });
        SLOT.with_borrow_mut(|slot| *slot = Some(self.clone()));
    }

    /// Lets panics of this thread out again.
    pub fn leave() {
        SLOT.with_borrow_mut(Option::take);
    }

    /// The first panic: what it said, and where.
    pub fn first(&self) -> Option<String> {
        self.lock().first.clone()
    }

    /// What the run thought of the panic that it ended with, although it may have had no end after that.
    pub fn judged(&self) -> Option<Judged> {
        self.lock().judged.clone()
    }

    /// Notes what a run thinks of a panic.
    pub fn judge(&self, judged: Judged) {
        self.lock().judged = Some(judged);
    }

    /// A slot in which this was the first panic.
    #[cfg(test)]
    pub(crate) fn with_first(self, panic: String) -> Self {
        self.lock().first = Some(panic);
        self
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, info: &PanicHookInfo<'_>) {
        let payload = info.payload();
        let said = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without words".to_owned());
        let place = info.location().map_or(String::new(), |place| format!(" ({place})"));
        if ABORTING.iter().any(|words| said == *words) {
            // The process ends here, and nobody will look into the slot any more.
            let before = self.told.try_lock().ok().and_then(|told| told.first.clone());
            let mut all: Vec<String> = before.into_iter().chain(last()).collect();
            all.dedup();
            eprintln!("a panic that cannot be caught ends the process: {}", all.join("; then "));
            return;
        }
        LAST.with_borrow_mut(|last| *last = Some(format!("{said}{place}")));
        // A slot that cannot be locked is being written by the same thread: the first panic stays.
        if let Ok(mut told) = self.told.try_lock() {
            told.first.get_or_insert(format!("{said}{place}"));
        }
    }
}

/// The last panic of this thread while it was in a slot: what it said, and where.
pub fn last() -> Option<String> {
    LAST.with_borrow(Clone::clone)
}

/// Whether a panic, as a slot tells it, is of a member's code.
pub fn is_of_member(panic: &str) -> bool {
    is_in(panic, &MEMBERS)
}

/// Whether a panic, as a slot tells it, is of the harness's code.
pub fn is_of_harness(panic: &str) -> bool {
    is_in(panic, &HARNESS)
}

fn is_in(panic: &str, folders: &[&str]) -> bool {
    let place = panic.rsplit_once(" (").map_or("", |(_, place)| place);
    // Places of other packages are whole paths.
    let lies_in = |folder: &&str| {
        if folder.starts_with('/') { place.contains(folder) } else { place.starts_with(folder) }
    };
    folders.iter().any(lies_in)
}

#[cfg(test)]
mod tests {
    use super::{is_of_harness, is_of_member};

    #[test]
    fn the_place_tells_whose_code_panicked() {
        let said = |place: &str| format!("no such entry, see store/ ({place})");
        let published = "/r/src/index.crates.io-1/openraft-0.10.0/src/core/x.rs:1:2";
        for place in ["store/node/src/wal/mod.rs:7:9", "openraft/src/engine/x.rs:1:2", published] {
            assert!(is_of_member(&said(place)) && !is_of_harness(&said(place)), "{place}");
        }
        for place in ["scenarios/src/run/core.rs:7:9", "/r/madsim-0.2.34/src/sim/rand.rs:1:1"] {
            assert!(!is_of_member(&said(place)) && is_of_harness(&said(place)), "{place}");
        }
        let place = "/r/redb-4.4.0/src/db.rs:1:1";
        assert!(!is_of_member(&said(place)) && !is_of_harness(&said(place)), "both use it");
    }
}
