#![expect(clippy::disallowed_types, reason = "the tool reads a file of the user's")]
//! A snapshot file: the database, and mostly its hash behind it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use detcd_bolt::ReadAt;
use detcd_node::etcd_format::ImportError;
use sha2::{Digest, Sha256};

use crate::failure::Failure;

const HASH_BYTES: u64 = 32;
/// No database has a length that is not a multiple of this.
const SECTOR_BYTES: u64 = 512;
const CHUNK_BYTES: usize = 1 << 20;

/// An open file. What is read of it ends in front of the hash.
#[derive(Debug)]
pub(super) struct SnapshotPath {
    file: File,
    database_bytes: u64,
    has_hash: bool,
}

/// A file that makes no sense.
pub(super) fn damaged(error: ImportError) -> Failure {
    Failure::error(error.to_string())
}

impl SnapshotPath {
    /// Opens the file at `path`.
    pub(super) fn open(path: &str) -> Result<Self, Failure> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                Failure::error(format!("stat {path}: no such file or directory"))
            }
            _ => Failure::error(format!("{path}: {error}")),
        };
        let file = File::open(path).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let has_hash = len % SECTOR_BYTES == HASH_BYTES;
        let database_bytes = if has_hash { len - HASH_BYTES } else { len };
        Ok(Self { file, database_bytes, has_hash })
    }

    /// Compares the bytes with the hash behind them.
    pub(super) fn check_hash(&self) -> Result<(), Failure> {
        if !self.has_hash {
            return Err(Failure::error("snapshot missing hash but --skip-hash-check=false"));
        }
        let failed = |error: io::Error| Failure::error(error.to_string());
        let mut hash = Sha256::new();
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        while offset < self.database_bytes {
            let left = usize::try_from(self.database_bytes - offset).unwrap_or(CHUNK_BYTES);
            let chunk = &mut buffer[..left.min(CHUNK_BYTES)];
            self.file.read_exact_at(chunk, offset).map_err(failed)?;
            hash.update(&*chunk);
            offset += chunk.len() as u64;
        }
        let mut expected = [0; HASH_BYTES as usize];
        self.file.read_exact_at(&mut expected, self.database_bytes).map_err(failed)?;
        let found: [u8; HASH_BYTES as usize] = hash.finalize().into();
        if found != expected {
            let text = |bytes: &[u8]| format!("{bytes:?}").replace(',', "");
            return Err(Failure::error(format!(
                "expected sha256 {}, got {}",
                text(&expected),
                text(&found)
            )));
        }
        Ok(())
    }
}

impl ReadAt for SnapshotPath {
    fn size(&self) -> io::Result<u64> {
        Ok(self.database_bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.database_bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(buffer, offset)
    }
}
