//! Results of one process, written as they come: a line of JSON each, so that a process that is killed
//! loses what it was running and nothing else.
//!
//! The first line says what was asked for, the last that all of it was done. Files of several shards are
//! put together by [`merge`](crate::merge()).

use std::borrow::Cow;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::record::Run;
use crate::shard::Shard;

/// What the file calls itself; another version is refused.
const FORMAT: &str = "detcd-sim-results/1";

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    format: String,
    /// What kind of campaign.
    pub title: String,
    /// The command that repeats it.
    pub command: String,
    /// The commit of the folder in which it is tested, where it is known.
    pub commit: Option<String>,
    /// What tells the program that runs from every other; nothing where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Which part of it this is.
    pub shard: Shard,
    /// Runs at a time.
    pub jobs: usize,
    /// Each scenario's name, and what it shows.
    pub scenarios: Vec<(String, String)>,
}

impl Origin {
    /// The first line of a new file.
    pub fn new(title: &str, command: &str, shard: Shard, jobs: usize) -> Self {
        Self {
            format: FORMAT.to_owned(),
            title: title.to_owned(),
            command: command.to_owned(),
            commit: None,
            program: None,
            shard,
            jobs,
            scenarios: Vec::new(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Line<'a> {
    Origin(Origin),
    Run { scenario: Cow<'a, str>, run: Cow<'a, Run> },
    End { wall_us: u64 },
}

/// Writes a file of results.
#[derive(Debug)]
pub struct ResultsWriter {
    file: fs::File,
    set_aside: Option<PathBuf>,
}

impl ResultsWriter {
    /// A new file in place of an old one. What a process left that did not come to its end is set aside.
    pub fn create(path: &Path, origin: &Origin) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let set_aside = set_aside(path)?;
        // What an earlier process may still write goes to the file that it has open, not to this one.
        let mut writer = Self { file: fs::File::create(path)?, set_aside };
        writer.line(&Line::Origin(origin.clone()))?;
        Ok(writer)
    }

    /// Where the unfinished results are that were here before.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// Adds a run.
    pub fn run(&mut self, scenario: &str, run: &Run) -> io::Result<()> {
        self.line(&Line::Run { scenario: Cow::Borrowed(scenario), run: Cow::Borrowed(run) })
    }

    /// Says that everything asked for was done, in that many real microseconds.
    pub fn end(&mut self, wall_us: u64) -> io::Result<()> {
        self.line(&Line::End { wall_us })
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
        text.push(b'\n');
        // In one piece and unbuffered: whatever ends this process, what was written stays.
        self.file.write_all(&text)
    }
}

/// Renames a file that has runs and does not say that all were done, as nobody may have looked at them yet.
fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    if !is_unfinished(path)? {
        return Ok(None);
    }
    let free = (1..).map(|number| path.with_extension(format!("unfinished-{number}.jsonl")));
    let aside = free.into_iter().find(|aside| !aside.exists()).expect("there is always a number");
    fs::rename(path, &aside)?;
    Ok(Some(aside))
}

/// Whether there are runs in a file and no end. It may have another version, and is not understood for this.
fn is_unfinished(path: &Path) -> io::Result<bool> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut reader = BufReader::new(file);
    let (mut has_runs, mut has_end) = (false, false);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        has_runs |= line.starts_with(b"{\"run\"") && line.ends_with(b"\n");
        has_end |= line.starts_with(b"{\"end\"");
        line.clear();
    }
    Ok(has_runs && !has_end)
}

/// A file of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// What was asked for.
    pub origin: Origin,
    /// Each run and the name of its scenario, in the order in which they ended.
    pub runs: Vec<(String, Run)>,
    /// Real microseconds from start to end; nothing when the process did not get there.
    pub wall_us: Option<u64>,
}

/// Why a file is not understood.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is something else.
    #[error("{path}:{line}: {reason}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Results {
    /// Reads a file. A last line without its end is what a killed process leaves, and is left out.
    pub fn read(path: &Path) -> Result<Self, ResultsError> {
        let file = |source| ResultsError::File { path: path.to_owned(), source };
        let wrong =
            |line, reason: String| ResultsError::Line { path: path.to_owned(), line, reason };
        let mut reader = BufReader::new(fs::File::open(path).map_err(file)?);
        let mut results: Option<Self> = None;
        let mut text = String::new();
        for number in 1.. {
            text.clear();
            reader.read_line(&mut text).map_err(file)?;
            if !text.ends_with('\n') {
                break;
            }
            let line = serde_json::from_str(&text)
                .map_err(|error| wrong(number, format!("not a line of results: {error}")))?;
            match (line, &mut results) {
                (Line::Origin(origin), results @ None) => {
                    if origin.format != FORMAT {
                        let reason = format!("the format is {}, not {FORMAT}", origin.format);
                        return Err(wrong(number, reason));
                    }
                    *results = Some(Self { origin, runs: Vec::new(), wall_us: None });
                }
                (Line::Run { scenario, run }, Some(Self { runs, wall_us: None, .. })) => {
                    runs.push((scenario.into_owned(), run.into_owned()));
                }
                (Line::End { wall_us }, Some(results @ Self { wall_us: None, .. })) => {
                    results.wall_us = Some(wall_us);
                }
                _ => return Err(wrong(number, "not where such a line belongs".to_owned())),
            }
        }
        results.ok_or_else(|| wrong(1, "the file is empty".to_owned()))
    }
}
