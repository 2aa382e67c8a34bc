//! `txn` (C16).

use std::io::Read as _;

use detcd_api::etcdserverpb::TxnRequest;

use crate::failure::Failure;
use crate::txn_script;

/// The transaction that stdin describes.
pub fn request_from_stdin() -> Result<TxnRequest, Failure> {
    let mut script = String::new();
    std::io::stdin()
        .read_to_string(&mut script)
        .map_err(|error| Failure::input(format!("reading stdin: {error}")))?;
    txn_script::parse(script.lines())
}
