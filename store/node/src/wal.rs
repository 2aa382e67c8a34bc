//! throw-away stand-in: in memory only
#![allow(missing_docs, unused)]
use std::{collections::BTreeMap, io, ops::Range, sync::{Arc, Mutex}};
use bytes::Bytes;
use crate::runtime::{Disk, Runtime};
use openraft_rt::{Watch, WatchSender};
pub use crate::storage::Position;
#[derive(Debug, Clone)]
pub struct Entry { pub position: Position, pub payload: Bytes }
#[derive(Debug, Clone, Copy)]
pub struct Options { pub segment_bytes_max: u64 }
impl Default for Options { fn default() -> Self { Self { segment_bytes_max: 0 } } }
pub struct Identity { pub cluster_id: u64, pub member_id: u64 }
pub struct Recovered { pub vote: Option<Bytes>, pub committed: Option<Position>, pub purged: Option<Position>, pub last: Option<Position>, pub torn_tail_bytes: u64 }
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct Error;
struct In<R: Runtime> { e: BTreeMap<u64, Entry>, purged: Option<Position>, tx: <R::Watch as Watch>::Sender<u64> }
pub struct Log<R: Runtime>(Arc<Mutex<In<R>>>);
impl<R: Runtime> Clone for Log<R> { fn clone(&self) -> Self { Self(self.0.clone()) } }
impl<R: Runtime> Log<R> {
  pub async fn open(disk: Arc<dyn Disk>, identity: Identity, options: Options) -> Result<(Self, Recovered), Error> {
    let (tx, _) = <R::Watch as Watch>::channel(0);
    Ok((Self(Arc::new(Mutex::new(In { e: BTreeMap::new(), purged: None, tx }))), Recovered { vote: None, committed: None, purged: None, last: None, torn_tail_bytes: 0 }))
  }
  pub fn append(&self, entries: Vec<Entry>, done: impl FnOnce(io::Result<()>) + Send + 'static) {
    { let mut s = self.0.lock().unwrap(); for e in entries { let i = e.position.index; s.e.insert(i, e); s.tx.send_if_modified(|x| { *x = i; true }); } }
    done(Ok(()));
  }
  pub async fn save_vote(&self, vote: Bytes) -> Result<(), Error> { Ok(()) }
  pub fn save_committed(&self, position: Option<Position>) {}
  pub async fn truncate_after(&self, last: Option<Position>) -> Result<(), Error> { let from = last.map_or(0, |l| l.index + 1); self.0.lock().unwrap().e.split_off(&from); Ok(()) }
  pub async fn purge(&self, upto: Position) -> Result<(), Error> { let mut s = self.0.lock().unwrap(); s.e = s.e.split_off(&(upto.index + 1)); s.purged = Some(upto); Ok(()) }
  pub async fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, Error> { Ok(self.0.lock().unwrap().e.range(range).map(|x| x.1.clone()).collect()) }
  pub async fn install(&self, upto: Position) -> Result<(), Error> { let mut s = self.0.lock().unwrap(); s.e.clear(); s.purged = Some(upto); s.tx.send_if_modified(|x| { *x = upto.index; true }); Ok(()) }
  pub fn last(&self) -> Option<Position> { let s = self.0.lock().unwrap(); s.e.values().next_back().map(|e| e.position).or(s.purged) }
  pub fn purged(&self) -> Option<Position> { self.0.lock().unwrap().purged }
  pub fn watch_durable(&self) -> <R::Watch as Watch>::Receiver<u64> { self.0.lock().unwrap().tx.subscribe() }
  pub async fn stop(&self) {}
}
