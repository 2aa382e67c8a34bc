//! Giving back the space that the database does not use any more, while everybody goes on.
//!
//! A copy of the state is made in a file of its own, in bounded chunks, each read from the newest commit:
//! so no old page is kept for the copy's sake. History grows at its end only, so a chunk goes on where the
//! last one ended; rows that were removed behind that place since are taken note of, and removed from the
//! copy as well. Once little is missing, the writer of the database waits for its turn while the rest is
//! copied and the copy gets the name of the state. Staging and reading never wait.
//!
//! A crash at any step leaves the old file or the new one, whole and equal in content. A disk without room
//! for two files keeps the old one.

use std::sync::Arc;

use super::copy::{Copy, Left, Ticket};
use super::error::Error;
use super::handle::Storage;
use super::open;
use super::shared::Shared;
use crate::runtime::Runtime;

/// Rounds of catching up after which the writer has to wait for the rest, however much it writes.
const CATCH_UP_ROUNDS_MAX: usize = 10;

impl<R: Runtime> Storage<R> {
    /// Copies the state into a file that has no unused pages, and puts it into the place of the present
    /// one. Calls at the same time wait for each other, and one that waited while another was made from
    /// its beginning to its end has nothing left to do.
    ///
    /// [`Error::Full`] means that nothing has changed because the disk has no room for the copy.
    pub async fn defragment(&self) -> Result<(), Error> {
        let asked_at = self.shared.state().defragments.begun;
        let turn = Arc::clone(&self.shared.copying).lock_owned().await;
        self.shared.check()?;
        if self.shared.state().defragments.done > asked_at || self.durable().is_none() {
            return Ok(());
        }
        match self.copy(Ticket::new(Arc::clone(&self.shared), turn)).await {
            // What came in its place has no unused pages either.
            Err(Error::Replaced) => self.remove_unfinished().await,
            Err(error @ Error::Full { .. }) => {
                self.remove_unfinished().await?;
                Err(error)
            }
            result => result,
        }
    }

    async fn copy(&self, ticket: Ticket<R>) -> Result<(), Error> {
        let mut copy = self.work(move |_| Copy::create(ticket)).await?;
        for _ in 0..CATCH_UP_ROUNDS_MAX {
            let mut chunks = 0u64;
            let mut left = Left::More;
            while left == Left::More {
                (copy, left) = self
                    .work(move |_| {
                        let left = copy.advance()?;
                        Ok((copy, left))
                    })
                    .await?;
                chunks += 1;
            }
            copy = self
                .work(move |_| {
                    copy.sync()?;
                    Ok(copy)
                })
                .await?;
            if chunks == 1 {
                break;
            }
        }
        self.change_over(copy).await
    }

    /// Copies what is still missing while nobody writes, and puts the copy into the place of the state.
    /// There is no point to be cancelled at.
    async fn change_over(&self, copy: Copy<R>) -> Result<(), Error> {
        let turn = Arc::clone(&self.shared.turn).lock_owned().await;
        self.shared.check()?;
        self.work(move |shared| {
            let _turn = turn;
            let (ticket, mark) = copy.finish()?;
            let disk = &*shared.disk;
            open::publish(disk, ticket.name())?;
            let cache = shared.options.redb_cache_bytes;
            let (database, size, found) = open::open_existing(disk, shared.identity, cache)?;
            assert_eq!(
                found.as_ref(),
                Some(&mark),
                "the mark that was copied is the mark that is read"
            );
            // The old database is closed by its last reader, or here.
            drop(shared.exchange(database, size, ticket.number()));
            Ok(())
        })
        .await
    }

    async fn remove_unfinished(&self) -> Result<(), Error> {
        self.work(|shared| {
            let installing = shared.state().installing.clone();
            open::remove_unfinished(&*shared.disk, |name| installing.contains(name)).map(drop)
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared<R>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        R::blocking(move || shared.guard(|| work(&shared))).await
    }
}
