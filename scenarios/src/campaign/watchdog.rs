//! Notices a run that does not end.
//!
//! A member that spins without ever giving way stops simulated time, and with it every deadline of the run: a campaign
//! of hours would stand there in silence. A thread cannot be ended from outside, so there is nothing left but to say
//! which run it is, and to end the process; what was found before is written already.
//!
//! Must never know: what a run is.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is done about a run that takes too long.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest real time of a run.
    pub limit: Duration,
    /// Hears which run it is, and ends the process.
    pub lost: fn(&str, Duration),
}

#[derive(Debug, Default)]
struct Watched {
    /// Who began when.
    running: BTreeMap<u64, (Instant, String)>,
    count: u64,
    is_over: bool,
}

#[derive(Debug, Default)]
struct Shared {
    watched: Mutex<Watched>,
    changed: Condvar,
}

/// Watches until it is dropped.
#[derive(Debug)]
pub(super) struct Watchdog {
    shared: Arc<Shared>,
}

/// One run that is watched, until this is dropped.
#[derive(Debug)]
pub(super) struct Leash {
    shared: Arc<Shared>,
    number: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watchdog {
    pub(super) fn new(patience: Patience) -> Self {
        let shared = Arc::<Shared>::default();
        let watching = Arc::clone(&shared);
        thread::spawn(move || watch(&watching, patience));
        Self { shared }
    }

    /// A run begins.
    pub(super) fn begin(&self, name: String) -> Leash {
        let mut watched = self.shared.lock();
        watched.count += 1;
        let number = watched.count;
        watched.running.insert(number, (Instant::now(), name));
        self.shared.changed.notify_one();
        Leash { shared: Arc::clone(&self.shared), number }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_one();
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        self.shared.lock().running.remove(&self.number);
    }
}

fn watch(shared: &Shared, patience: Patience) {
    let mut watched = shared.lock();
    while !watched.is_over {
        let now = Instant::now();
        let oldest = watched.running.values().min_by_key(|(begin, _)| *begin);
        let (wait, lost) = match oldest {
            None => (patience.limit, None),
            Some((begin, name)) => {
                let age = now.saturating_duration_since(*begin);
                let lost = (age >= patience.limit).then(|| (name.clone(), age));
                (patience.limit.saturating_sub(age), lost)
            }
        };
        if let Some((name, age)) = lost {
            drop(watched);
            (patience.lost)(&name, age);
            return;
        }
        let waited = shared.changed.wait_timeout(watched, wait);
        watched = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    static LOST: Mutex<Option<mpsc::Sender<String>>> = Mutex::new(None);

    fn lost(name: &str, _age: Duration) {
        let sender = LOST.lock().unwrap();
        sender.as_ref().expect("the test listens").send(name.to_owned()).unwrap();
    }

    #[test]
    fn a_run_that_does_not_end_is_named_and_others_are_not() {
        let (sender, receiver) = mpsc::channel();
        *LOST.lock().unwrap() = Some(sender);
        let watchdog = Watchdog::new(Patience { limit: Duration::from_millis(1), lost });
        // Nothing here waits for less than it has to: the limit only decides when it is told.
        let _leash = watchdog.begin("swarm seed 7".to_owned());
        assert_eq!(receiver.recv().expect("it is told"), "swarm seed 7");
    }
}
