//! What is replicated, and what comes back.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use detcd_machine::Command;

use super::codec;
use crate::state::Answer;

/// A command in its encoded form, decoded at most once on each member.
///
/// The bytes go to the log and to the peers as they are; only `apply` needs the command.
#[derive(Clone)]
pub struct Proposal {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Bytes,
    command: OnceLock<Command>,
}

impl Proposal {
    /// Encodes a command.
    pub fn new(command: Command) -> Self {
        let bytes = codec::encode_command(&command);
        let inner = Inner { bytes, command: OnceLock::from(command) };
        Self { inner: Arc::new(inner) }
    }

    /// Takes an encoded command, from the log or from a peer.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { inner: Arc::new(Inner { bytes, command: OnceLock::new() }) }
    }

    /// The encoded form.
    pub fn bytes(&self) -> &Bytes {
        &self.inner.bytes
    }

    /// The command; an error when the bytes are none.
    pub fn command(&self) -> Result<&Command, codec::DecodeError> {
        if let Some(command) = self.inner.command.get() {
            return Ok(command);
        }
        let command = codec::decode_command(self.inner.bytes.clone())?;
        Ok(self.inner.command.get_or_init(|| command))
    }
}

impl PartialEq for Proposal {
    fn eq(&self, other: &Self) -> bool {
        self.inner.bytes == other.inner.bytes
    }
}

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proposal({} bytes)", self.inner.bytes.len())
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What the proposer of an entry is told once it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The entry's index.
    pub index: u64,
    /// What its command did; `None` for entries that carry none.
    pub answer: Option<Answer>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reply of index {}", self.index)
    }
}
