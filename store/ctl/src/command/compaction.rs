//! `compaction` (C17).

use detcd_api::etcdserverpb::CompactionRequest;

use crate::cli::Compaction;
use crate::failure::Failure;

/// The request.
pub fn request(compaction: &Compaction) -> Result<CompactionRequest, Failure> {
    let [revision] = compaction.arguments.as_slice() else {
        return Err(Failure::arguments("compaction command needs 1 argument"));
    };
    let revision = revision.parse().map_err(|_| {
        Failure::error(format!("strconv.ParseInt: parsing \"{revision}\": invalid syntax"))
    })?;
    Ok(CompactionRequest { revision, physical: compaction.physical })
}
