//! Names and numbers on the wire, for the messages that everybody uses and for those that are easiest
//! to get wrong.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod descriptors;

use protox::prost_reflect::{DescriptorPool, Kind};

const PROTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");

/// Message, then its fields as `name=number:type`, in the order of the numbers.
const MESSAGES: &str = "
etcdserverpb.ResponseHeader cluster_id=1:uint64 member_id=2:uint64 revision=3:int64 raft_term=4:uint64
etcdserverpb.RangeRequest key=1:bytes range_end=2:bytes limit=3:int64 revision=4:int64 sort_order=5:enum sort_target=6:enum serializable=7:bool keys_only=8:bool count_only=9:bool min_mod_revision=10:int64 max_mod_revision=11:int64 min_create_revision=12:int64 max_create_revision=13:int64
etcdserverpb.RangeResponse header=1:message kvs=2:message more=3:bool count=4:int64
etcdserverpb.PutRequest key=1:bytes value=2:bytes lease=3:int64 prev_kv=4:bool ignore_value=5:bool ignore_lease=6:bool
etcdserverpb.DeleteRangeResponse header=1:message deleted=2:int64 prev_kvs=3:message
etcdserverpb.Compare result=1:enum target=2:enum key=3:bytes version=4:int64 create_revision=5:int64 mod_revision=6:int64 value=7:bytes lease=8:int64 range_end=64:bytes
etcdserverpb.TxnRequest compare=1:message success=2:message failure=3:message
etcdserverpb.RequestOp request_range=1:message request_put=2:message request_delete_range=3:message request_txn=4:message
etcdserverpb.WatchCreateRequest key=1:bytes range_end=2:bytes start_revision=3:int64 progress_notify=4:bool filters=5:enum prev_kv=6:bool watch_id=7:int64 fragment=8:bool
etcdserverpb.WatchResponse header=1:message watch_id=2:int64 created=3:bool canceled=4:bool compact_revision=5:int64 cancel_reason=6:string fragment=7:bool events=11:message
etcdserverpb.LeaseTimeToLiveResponse header=1:message ID=2:int64 TTL=3:int64 grantedTTL=4:int64 keys=5:bytes
etcdserverpb.Member ID=1:uint64 name=2:string peerURLs=3:string clientURLs=4:string isLearner=5:bool
etcdserverpb.StatusResponse header=1:message version=2:string dbSize=3:int64 leader=4:uint64 raftIndex=5:uint64 raftTerm=6:uint64 raftAppliedIndex=7:uint64 errors=8:string dbSizeInUse=9:int64 isLearner=10:bool storageVersion=11:string dbSizeQuota=12:int64 downgradeInfo=13:message
etcdserverpb.HashKVResponse header=1:message hash=2:uint32 compact_revision=3:int64 hash_revision=4:int64
mvccpb.KeyValue key=1:bytes create_revision=2:int64 mod_revision=3:int64 version=4:int64 value=5:bytes lease=6:int64
mvccpb.Event type=1:enum kv=2:message prev_kv=3:message
authpb.Permission permType=1:enum key=2:bytes range_end=3:bytes
v3electionpb.LeaderKey name=1:bytes key=2:bytes rev=3:int64 lease=4:int64
";

/// Enum, then its values.
const ENUMS: &str = "
etcdserverpb.RangeRequest.SortOrder NONE=0 ASCEND=1 DESCEND=2
etcdserverpb.RangeRequest.SortTarget KEY=0 VERSION=1 CREATE=2 MOD=3 VALUE=4
etcdserverpb.Compare.CompareResult EQUAL=0 GREATER=1 LESS=2 NOT_EQUAL=3
etcdserverpb.Compare.CompareTarget VERSION=0 CREATE=1 MOD=2 VALUE=3 LEASE=4
etcdserverpb.WatchCreateRequest.FilterType NOPUT=0 NODELETE=1
etcdserverpb.AlarmType NONE=0 NOSPACE=1 CORRUPT=2
mvccpb.Event.EventType PUT=0 DELETE=1
authpb.Permission.Type READ=0 WRITE=1 READWRITE=2
grpc.health.v1.HealthCheckResponse.ServingStatus UNKNOWN=0 SERVING=1 NOT_SERVING=2 SERVICE_UNKNOWN=3
";

/// Service, then how many methods it has (R1 to R51).
const SERVICES: &str = "
etcdserverpb.KV 6
etcdserverpb.Watch 1
etcdserverpb.Lease 5
etcdserverpb.Cluster 5
etcdserverpb.Maintenance 8
etcdserverpb.Auth 17
v3lockpb.Lock 2
v3electionpb.Election 5
grpc.health.v1.Health 2
";

fn pool() -> DescriptorPool {
    DescriptorPool::from_file_descriptor_set(descriptors::compile(PROTOS)).unwrap()
}

fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table.trim().lines().map(|line| line.split_once(' ').unwrap())
}

#[test]
fn fields_have_their_names_numbers_and_types() {
    let pool = pool();
    for (name, expected) in rows(MESSAGES) {
        let message = pool.get_message_by_name(name).unwrap();
        let fields = message.fields().map(|field| {
            let kind = match field.kind() {
                Kind::Message(_) => "message".to_owned(),
                Kind::Enum(_) => "enum".to_owned(),
                scalar => format!("{scalar:?}"),
            };
            format!("{}={}:{kind}", field.name(), field.number())
        });
        assert_eq!(fields.collect::<Vec<_>>().join(" "), expected, "{name}");
    }
}

#[test]
fn enum_values_have_their_names_and_numbers() {
    let pool = pool();
    for (name, expected) in rows(ENUMS) {
        let values = pool.get_enum_by_name(name).unwrap();
        let values = values.values().map(|value| format!("{}={}", value.name(), value.number()));
        assert_eq!(values.collect::<Vec<_>>().join(" "), expected, "{name}");
    }
}

#[test]
fn every_service_has_all_its_methods() {
    let pool = pool();
    for (name, expected) in rows(SERVICES) {
        let service = pool.services().find(|service| service.full_name() == name).unwrap();
        assert_eq!(service.methods().count().to_string(), expected, "{name}");
    }
}

#[test]
fn unions_have_their_names() {
    let pool = pool();
    for (message, union) in [
        ("etcdserverpb.RequestOp", "request"),
        ("etcdserverpb.ResponseOp", "response"),
        ("etcdserverpb.Compare", "target_union"),
        ("etcdserverpb.WatchRequest", "request_union"),
    ] {
        let message = pool.get_message_by_name(message).unwrap();
        let unions: Vec<_> = message.oneofs().map(|oneof| oneof.name().to_owned()).collect();
        assert_eq!(unions, [union]);
    }
}
