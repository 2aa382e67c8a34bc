//! `del` (C15).

use std::time::Duration;

use detcd_api::etcdserverpb::DeleteRangeRequest;
use detcd_node::runtime::tokio::TokioRuntime;
use openraft_rt::AsyncRuntime;

use crate::cli::Del;
use crate::failure::Failure;
use crate::key_range::KeyRange;

/// Time to think better of it.
const DELAY: Duration = Duration::from_secs(2);

/// The request.
pub fn request(del: &Del) -> Result<DeleteRangeRequest, Failure> {
    if del.prefix && del.from_key {
        let text = "`--prefix` and `--from-key` cannot be set at the same time, choose one";
        return Err(Failure::arguments(text));
    }
    let KeyRange { key, end } = match del.arguments.as_slice() {
        [key] if del.prefix => KeyRange::prefix(key),
        [key] if del.from_key => KeyRange::from_key(key),
        [key] => KeyRange::one(key),
        [key, end] if !del.prefix && !del.from_key => KeyRange::between(key, end),
        [_, _] => {
            let text = "too many arguments, only accept one argument when `--prefix` or \
                        `--from-key` is set";
            return Err(Failure::arguments(text));
        }
        _ => {
            let text =
                "del command needs one argument as key and an optional argument as range_end";
            return Err(Failure::arguments(text));
        }
    };
    Ok(DeleteRangeRequest { key: key.into(), range_end: end.into(), prev_kv: del.prev_kv })
}

/// Two keys may be meant where a range is what they are; so there is a warning, and time to stop.
pub async fn warn_of_range(del: &Del) {
    if let ([key, end], false) = (del.arguments.as_slice(), del.range) {
        eprintln!("Warning: deletes all keys from {key} to {end}; --range says that this is meant");
        TokioRuntime::sleep(DELAY).await;
    }
}
