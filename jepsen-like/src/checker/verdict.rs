//! What a checker says.

use std::fmt::{Display, Formatter, Result};

use serde::Serialize;

use super::guarantees;
use crate::history::{Micros, OpId};

/// What a checker says about a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The property holds.
    Pass,
    /// The property is broken.
    Violation(Violation),
    /// The history does not say enough.
    Inconclusive {
        /// What is missing.
        reason: String,
    },
}

/// A broken property, with what a person needs to see it in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The checker that found it.
    pub checker: &'static str,
    /// The broken guarantee.
    pub guarantee: &'static str,
    /// One sentence with the values.
    pub message: String,
    /// The operations that show it.
    pub operations: Vec<OpId>,
    /// When it shows.
    pub times: Vec<Micros>,
}

impl Violation {
    /// A violation without witnesses yet, of one of the [`GUARANTEES`](super::GUARANTEES). In a release a name that is
    /// not in the list hides no violation.
    pub fn new(checker: &'static str, guarantee: &'static str, message: String) -> Self {
        debug_assert!(guarantees::has(checker, guarantee), "{checker} does not list {guarantee}");
        Self { checker, guarantee, message, operations: Vec::new(), times: Vec::new() }
    }

    /// Adds a witness.
    #[must_use]
    pub fn at(mut self, op: impl Into<Option<OpId>>, time: Micros) -> Self {
        self.operations.extend(op.into());
        self.times.push(time);
        self
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} ({}): {}", self.guarantee, self.checker, self.message)
    }
}

impl Verdict {
    /// Inconclusive for a reason.
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self::Inconclusive { reason: reason.into() }
    }

    /// The violation, if there is one.
    pub fn violation(&self) -> Option<&Violation> {
        match self {
            Self::Violation(violation) => Some(violation),
            Self::Pass | Self::Inconclusive { .. } => None,
        }
    }
}

/// Violations as a checker meets them; only the first is kept, the others are counted.
#[derive(Debug, Default)]
pub struct Findings {
    first: Option<Violation>,
    others: usize,
}

impl Findings {
    /// Notes one.
    pub fn add(&mut self, violation: Violation) {
        if self.first.is_none() {
            self.first = Some(violation);
        } else {
            self.others += 1;
        }
    }

    /// The first one, so far.
    pub fn first(&self) -> Option<&Violation> {
        self.first.as_ref()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The first violation, or else `otherwise`.
    pub fn verdict_or(self, otherwise: Verdict) -> Verdict {
        let Some(mut violation) = self.first else { return otherwise };
        if self.others > 0 {
            violation.message += &format!(" ({} more like it or caused by it)", self.others);
        }
        Verdict::Violation(violation)
    }

    /// The first violation, or a pass.
    pub fn verdict(self) -> Verdict {
        self.verdict_or(Verdict::Pass)
    }
}
