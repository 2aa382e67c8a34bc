//! Who a client is, by what it sends along with a request, and which methods ask for that alone.

use detcd_api::Error;
use detcd_machine::Requester;
use tonic::metadata::MetadataMap;

use super::status;
use crate::auth;
use crate::replica::Replica;
use crate::runtime::Runtime;

/// Who sends these metadata (G80).
pub(super) async fn requester<R: Runtime>(
    replica: &Replica<R>,
    metadata: &MetadataMap,
) -> Result<Requester, Error> {
    replica.identify(auth::token(metadata)).await.map_err(|_| Error::InvalidAuthToken)
}

/// Methods that only root may call.
const FOR_ROOT: [&str; 10] = [
    "/etcdserverpb.Cluster/MemberAdd",
    "/etcdserverpb.Cluster/MemberRemove",
    "/etcdserverpb.Cluster/MemberUpdate",
    "/etcdserverpb.Cluster/MemberPromote",
    "/etcdserverpb.Maintenance/Defragment",
    "/etcdserverpb.Maintenance/Hash",
    "/etcdserverpb.Maintenance/HashKV",
    "/etcdserverpb.Maintenance/Snapshot",
    "/etcdserverpb.Maintenance/MoveLeader",
    "/etcdserverpb.Maintenance/Downgrade",
];

/// Methods that anybody may call who is known; what they do may need more.
const FOR_USERS: [&str; 8] = [
    "/etcdserverpb.Cluster/MemberList",
    "/etcdserverpb.Maintenance/Status",
    "/etcdserverpb.Maintenance/Alarm",
    "/etcdserverpb.Lease/LeaseGrant",
    "/etcdserverpb.Lease/LeaseRevoke",
    "/etcdserverpb.Lease/LeaseKeepAlive",
    "/etcdserverpb.Lease/LeaseTimeToLive",
    "/etcdserverpb.Lease/LeaseLeases",
];

/// Refuses a method to whom it is not for (G85). Like etcd, by the state of this member alone: what has
/// to be the same everywhere is looked at again where it is applied.
pub(super) async fn admit<R: Runtime>(
    replica: &Replica<R>,
    path: &str,
    metadata: &MetadataMap,
) -> Result<(), Error> {
    let (for_root, for_users) = (FOR_ROOT.contains(&path), FOR_USERS.contains(&path));
    if !(for_root || for_users) || !replica.with_auth(detcd_machine::Auth::is_enabled) {
        return Ok(());
    }
    let by = requester(replica, metadata).await?;
    let checked = replica.with_auth(|auth| match for_root {
        true => auth.check_admin(&by),
        false => auth.check_known(&by),
    });
    checked.map_err(status::auth)
}
