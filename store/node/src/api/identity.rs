//! Who a client is, by what it sends along with a request.

use detcd_api::Error;
use detcd_machine::Requester;
use tonic::metadata::MetadataMap;

use crate::replica::Replica;
use crate::runtime::Runtime;

/// Who sends these metadata. Nobody has a token as long as none is given out.
#[expect(clippy::unused_async, reason = "a token may have to be waited for")]
pub(super) async fn requester<R: Runtime>(
    _: &Replica<R>,
    _: &MetadataMap,
) -> Result<Requester, Error> {
    Ok(Requester::Anonymous)
}
