//! What the commands found, as text.

use serde::Serialize;

use crate::failure::Failure;
use crate::print::{render, size};

/// What is in a snapshot file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) hash: u32,
    pub(super) revision: i64,
    pub(super) total_key: usize,
    pub(super) total_size: u64,
    pub(super) version: String,
}

/// The hash of a key space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Hash {
    pub(super) hash: u32,
    #[serde(rename = "hashRevision")]
    pub(super) revision: i64,
    #[serde(rename = "compactRevision")]
    pub(super) compact_revision: i64,
}

/// How output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Simple,
    Fields,
    Json,
    Table,
}

impl Style {
    pub(super) fn new(name: &str) -> Result<Self, Failure> {
        match name {
            "simple" => Ok(Self::Simple),
            "fields" => Ok(Self::Fields),
            "json" => Ok(Self::Json),
            "table" => Ok(Self::Table),
            _ => Err(Failure::feature("unsupported output format")),
        }
    }

    pub(super) fn status(self, status: &Status) -> Result<Vec<u8>, Failure> {
        let cells = [
            format!("{:x}", status.hash),
            status.revision.to_string(),
            status.total_key.to_string(),
            size(i64::try_from(status.total_size).unwrap_or(i64::MAX)),
            status.version.clone(),
        ];
        self.text(
            status,
            &["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"],
            &cells,
            &[
                ("Hash", status.hash.to_string()),
                ("Revision", status.revision.to_string()),
                ("Keys", status.total_key.to_string()),
                ("Size", status.total_size.to_string()),
                ("Version", status.version.clone()),
            ],
        )
    }

    pub(super) fn hash(self, hash: &Hash) -> Result<Vec<u8>, Failure> {
        let cells =
            [hash.hash.to_string(), hash.revision.to_string(), hash.compact_revision.to_string()];
        self.text(
            hash,
            &["HASH", "HASH REVISION", "COMPACT REVISION"],
            &cells,
            &[
                ("Hash", cells[0].clone()),
                ("Hash revision", cells[1].clone()),
                ("Compact revision", cells[2].clone()),
            ],
        )
    }

    fn text(
        self,
        value: &impl Serialize,
        heads: &[&str],
        cells: &[String],
        fields: &[(&str, String)],
    ) -> Result<Vec<u8>, Failure> {
        let text = match self {
            Self::Simple => cells.join(", ") + "\n",
            Self::Table => render(heads, &[cells.to_vec()]),
            Self::Fields => {
                fields.iter().map(|(name, value)| format!("\"{name}\" : {value}\n")).collect()
            }
            Self::Json => {
                let json = serde_json::to_string(value);
                json.map_err(|error| Failure::error(error.to_string()))? + "\n"
            }
        };
        Ok(text.into_bytes())
    }
}
