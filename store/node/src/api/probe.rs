//! The checks behind `/livez` and `/readyz`.

use std::fmt::Write;

use detcd_machine::{Alarm, AlarmKind};

use super::http::read;
use crate::replica::Replica;
use crate::runtime::Runtime;

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// No alarm says that members differ.
    DataCorruption,
    /// This member can read its own state.
    SerializableRead,
    /// The cluster can confirm a read.
    LinearizableRead,
    /// This member votes.
    NonLearner,
}

impl Check {
    /// What a process must pass not to be restarted.
    pub(super) const LIVE: &[Self] = &[Self::SerializableRead];

    /// What a member must pass to be sent requests; all there are.
    pub(super) const READY: &[Self] =
        &[Self::DataCorruption, Self::SerializableRead, Self::LinearizableRead, Self::NonLearner];

    /// Its name in paths and reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DataCorruption => "data_corruption",
            Self::SerializableRead => "serializable_read",
            Self::LinearizableRead => "linearizable_read",
            Self::NonLearner => "non_learner",
        }
    }

    async fn run<R: Runtime>(self, replica: &Replica<R>) -> Result<(), String> {
        match self {
            Self::DataCorruption => {
                let is_corrupt = |alarm: &Alarm| alarm.kind == AlarmKind::Corrupt;
                if replica.alarms().iter().any(is_corrupt) {
                    return Err("alarm activated: CORRUPT".to_owned());
                }
                Ok(())
            }
            Self::SerializableRead => read(replica, true).await.map_err(|error| error.to_string()),
            Self::LinearizableRead => read(replica, false).await.map_err(|error| error.to_string()),
            Self::NonLearner if replica.status().is_learner => Err("not a voter yet".to_owned()),
            Self::NonLearner => Ok(()),
        }
    }
}

/// What the checks said.
#[derive(Debug)]
pub(super) struct Report {
    /// Whether all passed.
    pub(super) passed: bool,
    /// A line for each.
    pub(super) lines: String,
}

/// Runs the checks one after the other.
pub(super) async fn run<R: Runtime>(
    replica: &Replica<R>,
    checks: impl Iterator<Item = &Check>,
) -> Report {
    let mut report = Report { passed: true, lines: String::new() };
    for check in checks {
        let line = match check.run(replica).await {
            Ok(()) => writeln!(report.lines, "[+]{} ok", check.name()),
            Err(error) => {
                report.passed = false;
                writeln!(report.lines, "[-]{} failed: {error}", check.name())
            }
        };
        line.expect("writing to a string cannot fail");
    }
    report
}
