//! What is replicated, and what comes back.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use detcd_machine::{Command, Requester};

use super::codec;
use crate::state::Answer;

/// A command and who asks for it in their encoded form, decoded at most once on each member.
///
/// The bytes go to the log and to the peers as they are; only `apply` needs the command.
#[derive(Clone)]
pub struct Proposal {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Bytes,
    decoded: OnceLock<(Requester, Command)>,
}

impl Proposal {
    /// Encodes a command and who asks for it.
    pub fn new(by: Requester, command: Command) -> Self {
        let bytes = codec::encode_command(&by, &command);
        let inner = Inner { bytes, decoded: OnceLock::from((by, command)) };
        Self { inner: Arc::new(inner) }
    }

    /// Takes an encoded command, from the log or from a peer.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { inner: Arc::new(Inner { bytes, decoded: OnceLock::new() }) }
    }

    /// The encoded form.
    pub fn bytes(&self) -> &Bytes {
        &self.inner.bytes
    }

    /// Who asks, and the command; an error when the bytes are none.
    pub fn decoded(&self) -> Result<&(Requester, Command), codec::DecodeError> {
        if let Some(decoded) = self.inner.decoded.get() {
            return Ok(decoded);
        }
        let decoded = codec::decode_command(self.inner.bytes.clone())?;
        Ok(self.inner.decoded.get_or_init(|| decoded))
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
