//! Histories on disk: JSON, one event per line, written as they happen.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use super::{Event, History};

/// A history file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk's fault.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// The writer's fault.
    #[error("line {line} is not an event: {reason}")]
    Malformed {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
}

/// Reads a history; empty lines are skipped.
pub fn read(input: impl BufRead) -> Result<History, ReadError> {
    let mut history = History::default();
    for (number, line) in input.split(b'\n').enumerate() {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let event = serde_json::from_slice(&line)
            .map_err(|reason| ReadError::Malformed { line: number + 1, reason })?;
        history.push(event);
    }
    Ok(history)
}

/// Reads a history from a file.
pub fn read_file(path: impl AsRef<Path>) -> Result<History, ReadError> {
    read(BufReader::new(File::open(path)?))
}

/// Writes events as they happen, one per line. The caller brings the buffering.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// Writes to `output`.
    pub fn new(output: W) -> Self {
        Self { output }
    }

    /// Writes one event.
    pub fn write(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.output, event)?;
        self.output.write_all(b"\n")
    }

    /// Writes all events of a history.
    pub fn write_all(&mut self, history: &History) -> io::Result<()> {
        history.events.iter().try_for_each(|event| self.write(event))
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}
