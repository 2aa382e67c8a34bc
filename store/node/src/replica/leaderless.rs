//! Tells whoever requires a leader that nobody has led for long (G52).
//!
//! One task looks for all of them: thousands of streams that each looked for themselves would keep a member
//! busy with nothing else.

use std::sync::{Mutex, PoisonError};

use openraft_rt::{AsyncRuntime, Instant};

use super::Replica;
use crate::runtime::Runtime;
use crate::stop::Stop;

/// Election timeouts without a leader after which whoever requires one is turned away.
const PATIENCE: u32 = 3;

/// Looks for a leader within one election timeout.
const LOOKS: u32 = 4;

/// The signal for those that wait now. Once a leader is found, whoever comes next waits anew.
#[derive(Debug, Default)]
pub(super) struct Leaderless {
    told: Mutex<Stop>,
}

impl Leaderless {
    fn signal(&self) -> Stop {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renew(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Stop::default();
    }
}

impl<R: Runtime> Replica<R> {
    /// Ends once nobody has led for three election timeouts.
    pub(crate) async fn wait_until_leaderless(&self) {
        self.inner.leaderless.signal().stopped().await;
    }

    /// Looks from time to time whether anybody leads.
    pub(crate) async fn watch_leadership(&self) {
        let timeout = self.inner.config.election_timeout();
        let mut led_at = <R as AsyncRuntime>::Instant::now();
        loop {
            R::sleep(timeout / LOOKS).await;
            let signal = self.inner.leaderless.signal();
            if self.present_leader().is_some() {
                led_at = Instant::now();
                if signal.is_stopped() {
                    self.inner.leaderless.renew();
                }
            } else if led_at.elapsed() >= PATIENCE * timeout {
                signal.stop();
            }
        }
    }
}
