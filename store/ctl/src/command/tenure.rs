//! A lease that is kept alive while something is held by it, and what may interrupt that.

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
}

impl<'a> Tenure<'a> {
    /// Grants the lease.
    pub(super) async fn begin(session: &'a Session, ttl: i64) -> Result<Self, Failure> {
        let request = LeaseGrantRequest { ttl, id: 0 };
        let granted = session.answer(session.client.lease().lease_grant(request)).await?;
        let ttl = Duration::from_secs(u64::try_from(granted.ttl).unwrap_or(1));
        Ok(Self { session, lease: granted.id, ttl })
    }

    /// Renews the lease three times as often as needed; returns once it is gone, or must be for all that
    /// is known.
    pub(super) async fn expired(&self) {
        let now = <TokioRuntime as AsyncRuntime>::Instant::now;
        let mut renewed = now();
        loop {
            TokioRuntime::sleep((self.ttl / 3).max(PAUSE_MIN)).await;
            let asked = now();
            match TokioRuntime::timeout(self.ttl, self.renew()).await {
                Ok(Ok(0)) => return,
                Ok(Ok(_)) => renewed = asked,
                Ok(Err(_)) | Err(_) => {}
            }
            if renewed.elapsed() >= self.ttl {
                return;
            }
        }
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
