//! The generated clients, bundled over one channel.

use bytes::Bytes;
use http::Uri;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::StdError;

use crate::etcdserverpb::auth_client::AuthClient;
use crate::etcdserverpb::cluster_client::ClusterClient;
use crate::etcdserverpb::kv_client::KvClient;
use crate::etcdserverpb::lease_client::LeaseClient;
use crate::etcdserverpb::maintenance_client::MaintenanceClient;
use crate::etcdserverpb::watch_client::WatchClient;
use crate::health::health_client::HealthClient;
use crate::v3electionpb::election_client::ElectionClient;
use crate::v3lockpb::lock_client::LockClient;

/// Largest message that the client takes: as etcd's own, all that a 32-bit length can say.
pub const MESSAGE_BYTES_MAX: usize = (1 << 31) - 1;

/// A client of one member, over a channel that knows how to reach it.
///
/// Making a service's client is cheap: do it for each call, or keep it.
#[derive(Debug, Clone)]
pub struct Client<T> {
    channel: T,
    origin: Uri,
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident: $client:ident;)*) => {
        impl<T> Client<T>
        where
            T: GrpcService<Body> + Clone,
            T::Error: Into<StdError>,
            T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
            <T::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
        {
            $(
                $(#[$doc])*
                pub fn $name(&self) -> $client<T> {
                    $client::with_origin(self.channel.clone(), self.origin.clone())
                        .max_decoding_message_size(MESSAGE_BYTES_MAX)
                        .max_encoding_message_size(MESSAGE_BYTES_MAX)
                }
            )*
        }
    };
}

services! {
    /// Keys and values.
    kv: KvClient;
    /// Changes of keys as they happen.
    watch: WatchClient;
    /// Leases.
    lease: LeaseClient;
    /// Membership.
    cluster: ClusterClient;
    /// Upkeep of the member.
    maintenance: MaintenanceClient;
    /// Users, roles and permissions.
    auth: AuthClient;
    /// Locks kept by the server.
    lock: LockClient;
    /// Elections kept by the server.
    election: ElectionClient;
    /// Whether the member can be used.
    health: HealthClient;
}

impl<T> Client<T> {
    /// A client over `channel`; `origin` (scheme and authority) is put into every request.
    pub fn new(channel: T, origin: Uri) -> Self {
        Self { channel, origin }
    }
}
