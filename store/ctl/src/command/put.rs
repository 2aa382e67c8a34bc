//! `put` (C14).

use std::io::Read as _;

use detcd_api::etcdserverpb::PutRequest;

use crate::cli::Put;
use crate::failure::Failure;

const COUNT: &str = "put command needs 1 argument and input from stdin or 2 arguments";

/// The value from stdin, where the arguments have none and one is needed.
pub fn value_from_stdin(put: &Put) -> Result<Option<String>, Failure> {
    if put.arguments.len() != 1 || put.ignore_value {
        return Ok(None);
    }
    let mut value = String::new();
    match std::io::stdin().read_to_string(&mut value) {
        Ok(bytes) if bytes > 0 => Ok(Some(value)),
        Ok(_) | Err(_) => Err(Failure::arguments(COUNT)),
    }
}

/// The request.
pub fn request(put: &Put, stdin: Option<String>) -> Result<PutRequest, Failure> {
    let (key, value) = match (put.arguments.as_slice(), stdin) {
        ([key], _) if put.ignore_value => (key, String::new()),
        ([key], Some(value)) => (key, value),
        // etcdctl passes over further arguments.
        ([key, value, ..], _) if !put.ignore_value => (key, value.clone()),
        _ => return Err(Failure::arguments(COUNT)),
    };
    let lease = i64::from_str_radix(&put.lease, 16).map_err(|_| {
        let invalid = format!("strconv.ParseInt: parsing \"{}\": invalid syntax", put.lease);
        Failure::arguments(format!("bad lease ID ({invalid}), expecting ID in Hex"))
    })?;
    Ok(PutRequest {
        key: key.clone().into_bytes().into(),
        value: value.into_bytes().into(),
        lease,
        prev_kv: put.prev_kv,
        ignore_value: put.ignore_value,
        ignore_lease: put.ignore_lease,
    })
}
