//! An answer that is written in every format at once: for commands whose formats have little in common.

use serde::Serialize;

use super::{Format, Style};
use crate::failure::Failure;

/// A text for each format; what is missing is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    simple: String,
    fields: Option<String>,
    json: Option<String>,
    table: Option<String>,
}

impl Report {
    /// Lines for people.
    pub(crate) fn of_lines(lines: impl IntoIterator<Item = String>) -> Self {
        Self { simple: text(lines), ..Self::default() }
    }

    /// Adds lines of names and values.
    #[must_use]
    pub(crate) fn fields(self, lines: impl IntoIterator<Item = String>) -> Self {
        Self { fields: Some(text(lines)), ..self }
    }

    /// Adds a line for programs.
    #[must_use]
    pub(crate) fn json(self, value: &impl Serialize) -> Self {
        // The types that are printed have no maps, so this cannot fail.
        let json = serde_json::to_string(value).ok().map(|line| line + "\n");
        Self { json, ..self }
    }

    /// Adds a table.
    #[must_use]
    pub(crate) fn table(self, heads: &[&str], rows: &[Vec<String>]) -> Self {
        Self { table: Some(super::table::render(heads, rows)), ..self }
    }

    /// The text in a style.
    pub(crate) fn print(&self, style: &Style) -> Result<Vec<u8>, Failure> {
        let (text, name) = match style.format {
            Format::Simple => (Some(&self.simple), "simple"),
            Format::Fields => (self.fields.as_ref(), "fields"),
            Format::Json => (self.json.as_ref(), "json"),
            Format::Table => (self.table.as_ref(), "table"),
        };
        let refusal = || Failure::feature(format!("{name} not supported as output format"));
        Ok(text.ok_or_else(refusal)?.clone().into_bytes())
    }
}

fn text(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}
