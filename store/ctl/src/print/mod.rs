//! Answers as text. Nothing here asks anybody anything.

mod base64;
mod fields;
mod json;
mod report;
mod simple;
mod table;

use std::time::Duration;

use detcd_api::etcdserverpb::{
    DeleteRangeResponse, MemberListResponse, PutResponse, RangeResponse, StatusResponse,
    TxnResponse, WatchResponse,
};

pub use self::report::Report;

pub(crate) use self::base64::encode as encode_base64;
pub(crate) use self::fields::{header_fields, member_fields, quoted};
pub(crate) use self::json::{Header, Member as MemberJson, header};
pub(crate) use self::table::{render, size};
use crate::cli::Global;
use crate::failure::Failure;

/// How output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Simple,
    /// One name and value per line (C8).
    Fields,
    /// For programs (C6).
    Json,
    /// For people with wide terminals (C9).
    Table,
}

/// Format and spelling of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// Whether keys and values are hexadecimal (C11).
    pub hex: bool,
}

/// What there is to print.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Of `put`.
    Put(PutResponse),
    /// Of `get`.
    Range(RangeResponse),
    /// Of `get` when only values are wanted.
    Values(RangeResponse),
    /// Of `del`.
    Del(DeleteRangeResponse),
    /// Of `txn`.
    Txn(TxnResponse),
    /// One response of `watch`.
    Watch(WatchResponse),
    /// Of `member list`.
    Members(MemberListResponse),
    /// Of `endpoint health`.
    Health(Vec<Health>),
    /// Of `endpoint status`, with the endpoints.
    Status(Vec<(String, StatusResponse)>),
    /// Of a command that knows its formats itself.
    Report(Report),
}

/// Whether an endpoint serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Which one.
    pub endpoint: String,
    /// How long it took to find out.
    pub took: Duration,
    /// Why not.
    pub error: Option<String>,
}

impl Style {
    /// What the flags ask for; a format that does not exist is refused.
    pub fn new(global: &Global) -> Result<Self, Failure> {
        let format = match global.write_out.as_str() {
            "simple" => Format::Simple,
            "fields" => Format::Fields,
            "json" => Format::Json,
            "table" => Format::Table,
            _ => return Err(Failure::feature("unsupported output format")),
        };
        Ok(Self { format, hex: global.hex })
    }

    /// The text of an answer.
    pub fn print(&self, answer: &Answer) -> Result<Vec<u8>, Failure> {
        if let Answer::Report(report) = answer {
            return report.print(self);
        }
        match (self.format, answer) {
            (Format::Json, Answer::Members(list)) if self.hex => json::members_in_hex(list),
            (Format::Simple, _) => Ok(simple::print(answer, self.hex)),
            (Format::Json, _) => json::print(answer),
            (Format::Fields, _) => fields::print(answer)
                .ok_or_else(|| Failure::feature("fields not supported as output format")),
            (Format::Table, _) => table::print(answer)
                .ok_or_else(|| Failure::feature("table not supported as output format")),
        }
    }
}

/// A key or a value, as it is or as `\x66\x6f\x6f`.
fn bytes(bytes: &[u8], hex: bool) -> Vec<u8> {
    if hex {
        bytes.iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes()).collect()
    } else {
        bytes.to_vec()
    }
}
