//! A lease that is kept alive while something is held by it, and what may interrupt that.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use detcd_api::etcdserverpb::{LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest};
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::{AsyncRuntime, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;
use crate::session::Session;

/// Shortest pause between two renewals.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Tenure<'a> {
    session: &'a Session,
    /// The lease.
    pub(super) lease: i64,
    ttl: Duration,
    /// When the last renewal that came through was asked for, or the lease itself.
    renewed: Mutex<Moment>,
}

type Moment = <TokioRuntime as AsyncRuntime>::Instant;

impl<'a> Tenure<'a> {
    /// Grants the lease.
    pub(super) async fn begin(session: &'a Session, ttl: i64) -> Result<Self, Failure> {
        let asked = Moment::now();
        let request = LeaseGrantRequest { ttl, id: 0 };
        let granted = session.answer(session.client.lease().lease_grant(request)).await?;
        let ttl = Duration::from_secs(u64::try_from(granted.ttl).unwrap_or(1));
        Ok(Self { session, lease: granted.id, ttl, renewed: Mutex::new(asked) })
    }

    /// Renews the lease three times as often as needed; returns once it is gone, or must be for all that
    /// is known. To be waited for again goes on with the same time.
    pub(super) async fn expired(&self) {
        loop {
            let left = self.left();
            if left.is_zero() {
                return;
            }
            TokioRuntime::sleep((self.ttl / 3).max(PAUSE_MIN).min(left)).await;
            let asked = Moment::now();
            match TokioRuntime::timeout(self.left(), self.renew()).await {
                Ok(Ok(0)) => return,
                Ok(Ok(_)) => *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = asked,
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }

    /// How long the lease is sure to live.
    fn left(&self) -> Duration {
        let renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        self.ttl.saturating_sub(renewed.elapsed())
    }

    /// Seconds that it lives again; 0 if it is gone.
    async fn renew(&self) -> Result<i64, Failure> {
        let request = tokio_stream::once(LeaseKeepAliveRequest { id: self.lease });
        let mut lease = self.session.client.lease();
        let mut answers = self.session.answer(lease.lease_keep_alive(request)).await?;
        Ok(answers.message().await?.map_or(0, |answer| answer.ttl.max(0)))
    }

    /// Ends the lease, and with it what was held by it.
    pub(super) async fn end(self) {
        let request = LeaseRevokeRequest { id: self.lease };
        // Where this fails, the lease ends by itself.
        let _ = self.session.answer(self.session.client.lease().lease_revoke(request)).await;
    }
}

/// What asks a program to end.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    /// From now on they are noticed, and end the program no more by themselves.
    pub(super) fn noticed() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::error(error.to_string()));
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
