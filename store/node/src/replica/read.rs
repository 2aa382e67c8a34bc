//! Reading.

use std::time::Duration;

use detcd_machine::{AuthRejection, Machine, Range, Rejection, Requester, Txn};

use super::{Answer, RangeAnswer, Replica, Unavailable};
use crate::raft::local::LocalError;
use crate::raft::readers::Unserved;
use crate::runtime::Runtime;
use crate::state::ReadError;

/// Pause before a read index is asked for again.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Why a range was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The revision is compacted or not there yet.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Whoever asks may not read that.
    #[error(transparent)]
    NotPermitted(#[from] AuthRejection),
    /// The member cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<ReadError> for RangeError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Rejected(rejection) => Self::Rejected(rejection),
            ReadError::Storage(_) => Self::Unavailable(Unavailable::Stopped),
            ReadError::Replaced => Self::Unavailable(Unavailable::LeaderChanged),
        }
    }
}

impl<R: Runtime> Replica<R> {
    /// Makes later reads of the local state linearizable: everything that was acknowledged anywhere
    /// before the call is applied here when it returns (G17).
    pub async fn read_barrier(&self) -> Result<(), Unavailable> {
        self.bounded(async {
            let index = self.read_index().await?;
            self.applied(index).await
        })
        .await
    }

    async fn read_index(&self) -> Result<u64, Unavailable> {
        loop {
            let leader = self.await_leader().await?;
            if leader == self.inner.member_id {
                match self.inner.local.read_index().await {
                    Ok(index) => return Ok(index),
                    Err(LocalError::Stopped) => return Err(Unavailable::Stopped),
                    Err(LocalError::TooManyRequests) => return Err(Unavailable::TooManyRequests),
                    Err(_) => {}
                }
            } else {
                match self.inner.readers.join().await {
                    Ok(Some(index)) => return Ok(index),
                    Ok(None) => {}
                    Err(Unserved::TooMany) => return Err(Unavailable::TooManyRequests),
                    Err(Unserved::Closed) => return Err(Unavailable::Stopped),
                }
            }
            R::sleep(RETRY_INTERVAL).await;
        }
    }

    /// Reads the local state as it is now (G11, G17 `serializable`).
    pub async fn range(&self, by: &Requester, range: Range) -> Result<RangeAnswer, RangeError> {
        let check = |machine: &Machine| machine.check_range_permitted(by, &range);
        let read = async { Ok(self.inner.state.range(&range).await?) };
        self.checked(by, check, read).await
    }

    /// Carries out a transaction that only reads, on the local state as it is now (G35).
    pub async fn read_txn(&self, by: &Requester, txn: Txn) -> Result<Answer, RangeError> {
        let check = |machine: &Machine| machine.check_txn_permitted(by, &txn);
        let read = async { Ok(self.inner.state.read_txn(&txn).await?) };
        self.checked(by, check, read).await
    }
}
