//! `txn` (C16).

use std::io::BufRead as _;

use detcd_api::etcdserverpb::TxnRequest;

use crate::cli::Txn;
use crate::failure::Failure;
use crate::txn_script;

/// What is asked for, part by part, of somebody who types.
const PROMPTS: [&str; 3] =
    ["compares:", "success requests (get, put, del):", "failure requests (get, put, del):"];

/// The transaction that stdin describes.
pub fn request_from_stdin(txn: &Txn, say: &mut impl FnMut(&[u8])) -> Result<TxnRequest, Failure> {
    let told = |error: std::io::Error| Failure::input(format!("reading stdin: {error}"));
    let mut lines = std::io::stdin().lock().lines();
    let mut script = Vec::new();
    for prompt in PROMPTS {
        if txn.interactive {
            say(format!("{prompt}\n").as_bytes());
        }
        for line in lines.by_ref() {
            let line = line.map_err(told)?;
            let is_end = line.trim().is_empty();
            script.push(line);
            if is_end {
                break;
            }
        }
    }
    txn_script::parse(script.iter().map(String::as_str))
}
