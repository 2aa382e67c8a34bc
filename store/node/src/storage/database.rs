//! The tables of a state, in one redb database in one file.
//!
//! - `history`: revision → row.
//! - `meta`: name → value, both the machine's.
//! - `about`: what the storage knows about the state: format, identity, mark, stored bytes.
//!
//! A commit is durable, holds rows, named values, removals and the mark together, and has two phases: its pages are
//! synced before the header names them. It does not record which pages are in use: with that a commit of a few rows
//! costs several times as much, the more the larger the file. Only closing does; who opens a file that was not closed
//! walks it, and compares all of its checksums on the way, as bbolt does without a synced freelist. A page that is not
//! what the last commit wrote is an error then: with two phases there is no older state to fall back to.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use detcd_machine::{MetaKey, Revision, Row};
use redb::{
    ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction,
};

use super::codec;
use super::error::Error;
use super::file::RedbFile;
use super::guard::guarded;
use super::mark::{Identity, Mark};
use super::sum::Sum;
use super::view::View;
use crate::runtime::{Disk, File};

pub(super) const HISTORY: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("history");
pub(super) const META: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("meta");
pub(super) const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

pub(super) const FORMAT: &str = "format";
pub(super) const IDENTITY: &str = "identity";
pub(super) const MARK: &str = "mark";
/// The last index of the snapshot that the state was received as.
pub(super) const RECEIVED: &str = "received";
pub(super) const STORED: &str = "stored";
/// What all rows and named values come to.
pub(super) const SUM: &str = "sum";

/// The newest format this version reads, and the one it writes. Files of the first have no sum.
pub(super) const FORMAT_VERSION: u32 = 2;

/// An open database file.
#[derive(Debug)]
pub(super) struct Database {
    /// `None` while being dropped.
    redb: Option<redb::Database>,
    /// Set once nothing may be written any more.
    doomed: AtomicBool,
    file: Arc<dyn File>,
    name: String,
}

/// What one commit changes: of several changes to the same thing only the last is left.
#[derive(Debug, Default)]
pub(super) struct Delta {
    /// Rows put, or removed where `None`.
    pub(super) rows: BTreeMap<Revision, Option<Row>>,
    /// Named values set, or removed where `None`.
    pub(super) meta: BTreeMap<MetaKey, Option<Bytes>>,
}

/// How large a database is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Bytes of the file.
    pub(super) total: u64,
    /// Bytes of keys and values in it.
    pub(super) stored: u64,
}

impl Database {
    /// Opens `name`, which must be there.
    pub(super) fn open(disk: &dyn Disk, name: &str, cache_bytes: usize) -> Result<Self, Error> {
        let file = disk.open(name, false).map_err(io_error(name, "open the file"))?;
        if file.len().map_err(io_error(name, "read the length"))? == 0 {
            // redb would take an empty file for an invitation to start afresh.
            return Err(damaged(name, "the file is empty"));
        }
        Self::with_file(file, name, cache_bytes)
    }

    /// Creates `name`, emptying a file of that name.
    pub(super) fn create(disk: &dyn Disk, name: &str, cache_bytes: usize) -> Result<Self, Error> {
        let file = disk.open(name, true).map_err(io_error(name, "create the file"))?;
        file.set_len(0).map_err(io_error(name, "empty the file"))?;
        Self::with_file(file, name, cache_bytes)
    }

    fn with_file(file: Arc<dyn File>, name: &str, cache_bytes: usize) -> Result<Self, Error> {
        let redb = redb::Builder::new()
            .set_cache_size(cache_bytes)
            .create_with_backend(RedbFile(Arc::clone(&file)))
            .map_err(|error| open_error(name, error))?;
        Ok(Self { redb: Some(redb), doomed: AtomicBool::new(false), file, name: name.to_owned() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Makes the tables and names their owner. Not durable before the next commit.
    pub(super) fn initialize(&self, identity: Identity) -> Result<(), Error> {
        let write = self.begin_write(redb::Durability::None)?;
        self.fill_about(&write, identity).map_err(self.error("initialize"))?;
        write.commit().map_err(self.error("initialize"))
    }

    fn fill_about(&self, write: &WriteTransaction, identity: Identity) -> Result<(), redb::Error> {
        write.open_table(HISTORY)?;
        write.open_table(META)?;
        let mut about = write.open_table(ABOUT)?;
        let format = FORMAT_VERSION.to_le_bytes();
        about.insert(FORMAT, &*codec::seal(FORMAT.as_bytes(), &format))?;
        about.insert(IDENTITY, &*codec::seal(IDENTITY.as_bytes(), &identity.encode()))?;
        Content::default().write(&mut about, true)?;
        Ok(())
    }

    /// A consistent view of the last commit.
    pub(super) fn view(self: &Arc<Self>) -> Result<View, Error> {
        View::open(self)
    }

    pub(super) fn begin_read(&self) -> Result<redb::ReadTransaction, Error> {
        self.redb().begin_read().map_err(self.error("begin a read"))
    }

    /// Writes `delta` without making it durable: it becomes durable with the next [`Self::commit`].
    pub(super) fn write(&self, delta: &Delta) -> Result<(), Error> {
        let write = self.begin_write(redb::Durability::None)?;
        self.apply(&write, delta, None).map_err(self.error("write"))?;
        write.commit().map_err(self.error("write"))
    }

    /// Writes `delta` and `mark`, durable when it returns.
    pub(super) fn commit(&self, delta: &Delta, mark: &Mark) -> Result<Size, Error> {
        let mut write = self.begin_write(redb::Durability::Immediate)?;
        write.set_two_phase_commit(true);
        let stored = self.apply(&write, delta, Some(mark)).map_err(self.error("commit"))?;
        write.commit().map_err(self.error("commit"))?;
        Ok(Size { total: self.len()?, stored })
    }

    /// Notes that the state is a snapshot received up to `index`, durable with the next [`Self::commit`].
    pub(super) fn note_received(&self, index: u64) -> Result<(), Error> {
        let write = self.begin_write(redb::Durability::None)?;
        let sealed = codec::seal(RECEIVED.as_bytes(), &index.to_le_bytes());
        write
            .open_table(ABOUT)
            .map_err(redb::Error::from)
            .and_then(|mut about| Ok(about.insert(RECEIVED, &*sealed).map(drop)?))
            .map_err(self.error("write"))?;
        write.commit().map_err(self.error("write"))
    }

    /// Makes everything written so far durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        let mut write = self.begin_write(redb::Durability::Immediate)?;
        write.set_two_phase_commit(true);
        write.commit().map_err(self.error("commit"))
    }

    /// Rows in the history.
    pub(super) fn count_rows(&self) -> Result<u64, Error> {
        let read = self.begin_read()?;
        let history = read.open_table(HISTORY).map_err(self.error("count rows"))?;
        history.len().map_err(self.error("count rows"))
    }

    /// What its rows and named values come to.
    pub(super) fn sum(&self) -> Result<Sum, Error> {
        let read = self.begin_read()?;
        let about = read.open_table(ABOUT).map_err(self.error("read the sum"))?;
        let sum = about.get(SUM).map_err(self.error("read the sum"))?;
        let bytes = sum.and_then(|sum| codec::unseal(SUM.as_bytes(), sum.value())?.try_into().ok());
        bytes.map(Sum::from_bytes).ok_or_else(|| damaged(&self.name, "it has no sum"))
    }

    /// Length of the file.
    pub(super) fn len(&self) -> Result<u64, Error> {
        self.file.len().map_err(io_error(&self.name, "read the length"))
    }

    /// Closes the database, and makes sure that what closing writes is durable.
    pub(super) fn close(mut self) -> Result<(), Error> {
        drop(self.redb.take());
        self.file.sync().map_err(io_error(&self.name, "sync"))
    }

    /// From now on nothing is written any more, not even when the database is dropped.
    pub(super) fn doom(&self) {
        self.doomed.store(true, Ordering::Relaxed);
    }

    fn redb(&self) -> &redb::Database {
        self.redb.as_ref().expect("the database is open until it is dropped")
    }

    fn begin_write(&self, durability: redb::Durability) -> Result<WriteTransaction, Error> {
        let mut write = self.redb().begin_write().map_err(self.error("begin a commit"))?;
        write.set_durability(durability).map_err(self.error("begin a commit"))?;
        Ok(write)
    }

    /// Puts `delta` and `mark` into a transaction; the bytes stored afterwards.
    fn apply(
        &self,
        write: &WriteTransaction,
        delta: &Delta,
        mark: Option<&Mark>,
    ) -> Result<u64, redb::Error> {
        let mut about = write.open_table(ABOUT)?;
        let (mut content, has_sum) = Content::read(&about)?;
        apply_rows(write, &delta.rows, &mut content)?;
        apply_meta(write, &delta.meta, &mut content)?;
        content.write(&mut about, has_sum)?;
        if let Some(mark) = mark {
            about.insert(MARK, &*codec::seal(MARK.as_bytes(), &mark.encode()))?;
        }
        Ok(content.stored)
    }

    /// Wraps what redb says; its errors are many types that all become `redb::Error`.
    pub(super) fn error<E: Into<redb::Error>>(
        &self,
        operation: &'static str,
    ) -> impl Fn(E) -> Error + '_ {
        move |error| Error::Database {
            file: self.name.clone(),
            operation,
            source: Box::new(error.into()),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some(redb) = self.redb.take() else { return };
        if self.doomed.load(Ordering::Relaxed) {
            // Closing writes, to a file that is damaged or a disk that failed. The member ends anyway.
            std::mem::forget(redb);
        } else if let Err(error) = guarded(move || {
            drop(redb);
            Ok(())
        }) {
            tracing::error!(%error, "the database closed badly");
        }
    }
}

/// Removes, then appends: history grows at its end only, where redb can append without a search.
fn apply_rows(
    write: &WriteTransaction,
    rows: &BTreeMap<Revision, Option<Row>>,
    content: &mut Content,
) -> Result<(), redb::Error> {
    let mut history = write.open_table(HISTORY)?;
    for (revision, _) in rows.iter().filter(|(_, row)| row.is_none()) {
        let key = revision.to_bytes();
        if let Some(old) = history.remove(&key)? {
            content.remove(&key, old.value());
        }
    }
    let mut end = history.upper_bound_mut(Bound::<&[u8; 16]>::Unbounded)?;
    for (revision, row) in rows {
        let Some(row) = row else { continue };
        let key = revision.to_bytes();
        let value = codec::seal(&key, &row.encode());
        end.insert_before(&key, &*value)?;
        content.add(&key, &value);
    }
    end.close()?;
    Ok(())
}

fn apply_meta(
    write: &WriteTransaction,
    meta: &BTreeMap<MetaKey, Option<Bytes>>,
    content: &mut Content,
) -> Result<(), redb::Error> {
    let mut table = write.open_table(META)?;
    for (key, value) in meta {
        let key = key.encode();
        let Some(value) = value else {
            if let Some(old) = table.remove(&*key)? {
                content.remove(&key, old.value());
            }
            continue;
        };
        let value = codec::seal(&key, value);
        if let Some(old) = table.insert(&*key, &*value)? {
            content.remove(&key, old.value());
        }
        content.add(&key, &value);
    }
    Ok(())
}

/// What the rows and named values of a state come to.
#[derive(Debug, Clone, Copy, Default)]
struct Content {
    /// Bytes of keys and values.
    stored: u64,
    sum: Sum,
}

impl Content {
    /// As of the last commit, and whether the file has a sum.
    fn read(about: &redb::Table<'_, &str, &[u8]>) -> Result<(Self, bool), redb::Error> {
        let number = |name: &str| -> Result<Option<[u8; 8]>, redb::Error> {
            let Some(value) = about.get(name)? else { return Ok(None) };
            let bytes = codec::unseal(name.as_bytes(), value.value());
            let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
            bytes
                .map(Some)
                .ok_or_else(|| redb::Error::Corrupted(format!("the {name} is no number")))
        };
        let stored = number(STORED)?.map(u64::from_le_bytes);
        let stored =
            stored.ok_or_else(|| redb::Error::Corrupted("no count of stored bytes".to_owned()))?;
        let sum = number(SUM)?.map(Sum::from_bytes);
        Ok((Self { stored, sum: sum.unwrap_or_default() }, sum.is_some()))
    }

    fn write(
        self,
        about: &mut redb::Table<'_, &str, &[u8]>,
        has_sum: bool,
    ) -> Result<(), redb::Error> {
        about.insert(STORED, &*codec::seal(STORED.as_bytes(), &self.stored.to_le_bytes()))?;
        if has_sum {
            about.insert(SUM, &*codec::seal(SUM.as_bytes(), &self.sum.to_bytes()))?;
        }
        Ok(())
    }

    fn add(&mut self, key: &[u8], sealed: &[u8]) {
        self.stored += (key.len() + sealed.len()) as u64;
        self.sum.add(Sum::of(sealed));
    }

    fn remove(&mut self, key: &[u8], sealed: &[u8]) {
        self.stored = self.stored.saturating_sub((key.len() + sealed.len()) as u64);
        self.sum.remove(Sum::of(sealed));
    }
}

pub(super) fn io_error<'a>(
    name: &'a str,
    operation: &'static str,
) -> impl Fn(std::io::Error) -> Error + 'a {
    move |source| Error::Io { file: name.to_owned(), operation, source }
}

pub(super) fn damaged(name: &str, reason: &str) -> Error {
    Error::Damaged { file: name.to_owned(), reason: reason.to_owned() }
}

fn open_error(name: &str, error: redb::DatabaseError) -> Error {
    match redb::Error::from(error) {
        redb::Error::Io(source) if !is_damage(source.kind()) => {
            Error::Io { file: name.to_owned(), operation: "open the database", source }
        }
        redb::Error::Corrupted(reason) => damaged(name, &reason),
        error => damaged(name, &error.to_string()),
    }
}

/// Whether the disk did its part, and what it holds is the problem.
fn is_damage(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}
