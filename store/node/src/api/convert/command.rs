//! A command as bytes, in the log and between members.

use bytes::Bytes;
use detcd_api::etcdserverpb as rpc;
use detcd_api::peer;
use detcd_api::peer::command::Command as Sent;
use detcd_machine::{Command, LeaseCommand, MemberAttributes, Requester};
use prost::Message;

use super::{alarm, auth, cluster, lease, request};

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a message.
    #[error("malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A message that says nothing, or nothing that this version knows.
    #[error("empty, or of a newer version")]
    Empty,
    /// A refusal that this version does not know.
    #[error("unknown rejection {0}")]
    Rejection(i32),
    /// A change of alarms that this version does not know.
    #[error("unknown alarm")]
    Alarm,
}

/// The bytes of a command, with who asks for it.
pub(crate) fn encode_command(by: &Requester, command: &Command) -> Bytes {
    let sent = match command {
        Command::Put(put) => Sent::Put(request::put_request(put)),
        Command::DeleteRange(delete) => Sent::DeleteRange(request::delete_range_request(delete)),
        Command::Txn(txn) => Sent::Txn(request::txn_request(txn)),
        Command::Compact(compact) => {
            Sent::Compaction(rpc::CompactionRequest { revision: compact.revision, physical: false })
        }
        Command::SetMember(member) => Sent::MemberAttributes(peer::MemberAttributes {
            id: member.id,
            name: member.name.clone(),
            client_urls: member.client_urls.clone(),
        }),
        Command::Auth(command) => Sent::Auth(auth::auth_command_to_peer(command)),
        Command::Alarm(command) => Sent::Alarm(alarm::alarm_request(*command)),
        Command::Lease(command) => lease::command_to_peer(command),
        Command::Cluster(command) => Sent::Cluster(cluster::cluster_command_to_peer(*command)),
    };
    peer::Command { command: Some(sent), requester: auth::requester_to_peer(by) }
        .encode_to_vec()
        .into()
}

/// The command that the bytes say, and who asks for it.
pub(crate) fn decode_command(bytes: Bytes) -> Result<(Requester, Command), DecodeError> {
    let sent = peer::Command::decode(bytes)?;
    let by = auth::requester_from_peer(sent.requester)?;
    let command = match sent.command.ok_or(DecodeError::Empty)? {
        Sent::Put(put) => Command::Put(request::put(put)),
        Sent::DeleteRange(delete) => Command::DeleteRange(request::delete_range(delete)),
        Sent::Txn(txn) => Command::Txn(request::txn(txn)),
        Sent::Compaction(compaction) => Command::Compact(request::compact(&compaction)),
        Sent::MemberAttributes(member) => Command::SetMember(MemberAttributes {
            id: member.id,
            name: member.name,
            client_urls: member.client_urls,
        }),
        Sent::Auth(command) => Command::Auth(auth::auth_command_from_peer(command)?),
        Sent::Alarm(request) => {
            Command::Alarm(alarm::alarm_command(&request).ok_or(DecodeError::Alarm)?)
        }
        Sent::LeaseGrant(grant) => Command::Lease(LeaseCommand::Grant(lease::grant(grant))),
        Sent::LeaseRevoke(id) => Command::Lease(LeaseCommand::Revoke { id }),
        Sent::LeaseCheckpoint(checkpoint) => Command::Lease(lease::checkpoints(&checkpoint)),
        Sent::Cluster(command) => Command::Cluster(cluster::cluster_command(command)?),
    };
    Ok((by, command))
}

#[cfg(test)]
mod tests {
    use detcd_machine::{
        Alarm, AlarmCommand, AlarmKind, AuthCommand, ClusterCommand, Compact, Compare,
        CompareResult, CompareTarget, DeleteRange, Permission, PermissionKind, Put, Range,
        SortOrder, SortTarget, Txn, TxnOp, Version,
    };
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Bytes::from)
    }

    fn put() -> impl Strategy<Value = Put> {
        (bytes(), bytes(), any::<i64>(), any::<[bool; 3]>()).prop_map(
            |(key, value, lease, [prev_kv, ignore_value, ignore_lease])| Put {
                key,
                value,
                lease,
                prev_kv,
                ignore_value,
                ignore_lease,
            },
        )
    }

    fn delete_range() -> impl Strategy<Value = DeleteRange> {
        (bytes(), bytes(), any::<bool>()).prop_map(|(key, range_end, prev_kv)| DeleteRange {
            key,
            range_end,
            prev_kv,
        })
    }

    fn range() -> impl Strategy<Value = Range> {
        let order =
            prop::sample::select(vec![SortOrder::None, SortOrder::Ascend, SortOrder::Descend]);
        let target = prop::sample::select(vec![
            SortTarget::Key,
            SortTarget::Version,
            SortTarget::Create,
            SortTarget::Mod,
            SortTarget::Value,
        ]);
        (bytes(), bytes(), any::<[i64; 6]>(), order, target, any::<[bool; 2]>()).prop_map(
            |(key, range_end, numbers, sort_order, sort_target, [keys_only, count_only])| Range {
                key,
                range_end,
                limit: numbers[0],
                revision: numbers[1],
                sort_order,
                sort_target,
                keys_only,
                count_only,
                min_mod_revision: numbers[2],
                max_mod_revision: numbers[3],
                min_create_revision: numbers[4],
                max_create_revision: numbers[5],
            },
        )
    }

    fn compare() -> impl Strategy<Value = Compare> {
        let result = prop::sample::select(vec![
            CompareResult::Equal,
            CompareResult::Greater,
            CompareResult::Less,
            CompareResult::NotEqual,
        ]);
        let target = prop_oneof![
            any::<i64>().prop_map(CompareTarget::Version),
            any::<i64>().prop_map(CompareTarget::CreateRevision),
            any::<i64>().prop_map(CompareTarget::ModRevision),
            bytes().prop_map(CompareTarget::Value),
            any::<i64>().prop_map(CompareTarget::Lease),
        ];
        (bytes(), bytes(), result, target).prop_map(|(key, range_end, result, target)| Compare {
            key,
            range_end,
            result,
            target,
        })
    }

    fn txn() -> impl Strategy<Value = Txn> {
        let op = prop_oneof![
            put().prop_map(TxnOp::Put),
            delete_range().prop_map(TxnOp::DeleteRange),
            range().prop_map(TxnOp::Range),
        ];
        let flat = txn_of(op);
        flat.prop_recursive(2, 8, 2, |inner| txn_of(inner.prop_map(TxnOp::Txn)))
    }

    fn txn_of(op: impl Strategy<Value = TxnOp> + 'static) -> impl Strategy<Value = Txn> {
        let op = op.boxed();
        let compares = prop::collection::vec(compare(), 0..3);
        (compares, prop::collection::vec(op.clone(), 0..3), prop::collection::vec(op, 0..3))
            .prop_map(|(compare, success, failure)| Txn { compare, success, failure })
    }

    fn requester() -> impl Strategy<Value = Requester> {
        prop_oneof![
            Just(Requester::Anonymous),
            Just(Requester::Member),
            ("[a-z]{0,4}", any::<u64>())
                .prop_map(|(name, auth_revision)| Requester::User { name, auth_revision }),
        ]
    }

    fn auth_command() -> impl Strategy<Value = AuthCommand> {
        let kinds = vec![PermissionKind::Read, PermissionKind::Write, PermissionKind::ReadWrite];
        let permission = (prop::sample::select(kinds), bytes(), bytes())
            .prop_map(|(kind, key, range_end)| Permission { kind, key, range_end });
        let names = ("[a-z]{0,4}", "[a-z]{0,4}");
        let names = (names, bytes(), bytes(), any::<(bool, u64)>(), prop::option::of(permission));
        (0..12, names).prop_map(|(kind, names)| {
            let ((user, role), key, range_end, (no_password, auth_revision), permission) = names;
            let password = key.clone();
            match kind {
                0 => AuthCommand::Enable,
                1 => AuthCommand::Disable,
                2 => AuthCommand::Authenticate { user, auth_revision, token: role },
                3 => AuthCommand::UserAdd { user, password, no_password },
                4 => AuthCommand::UserDelete { user },
                5 => AuthCommand::UserChangePassword { user, password },
                6 => AuthCommand::UserGrantRole { user, role },
                7 => AuthCommand::UserRevokeRole { user, role },
                8 => AuthCommand::RoleAdd { role },
                9 => AuthCommand::RoleDelete { role },
                10 => AuthCommand::RoleGrantPermission { role, permission },
                _ => AuthCommand::RoleRevokePermission { role, key, range_end },
            }
        })
    }

    fn cluster_command() -> impl Strategy<Value = ClusterCommand> {
        let version = || any::<(u32, u32)>().prop_map(|(major, minor)| Version { major, minor });
        prop_oneof![
            version().prop_map(ClusterCommand::SetVersion),
            version().prop_map(ClusterCommand::EnableDowngrade),
            Just(ClusterCommand::CancelDowngrade),
        ]
    }

    fn command() -> impl Strategy<Value = Command> {
        let member = (any::<u64>(), "[a-z]{0,4}", prop::collection::vec("[a-z]{0,4}", 0..3));
        prop_oneof![
            put().prop_map(Command::Put),
            delete_range().prop_map(Command::DeleteRange),
            txn().prop_map(Command::Txn),
            any::<i64>().prop_map(|revision| Command::Compact(Compact { revision })),
            lease::tests::command().prop_map(Command::Lease),
            member.prop_map(|(id, name, client_urls)| Command::SetMember(MemberAttributes {
                id,
                name,
                client_urls
            })),
            auth_command().prop_map(Command::Auth),
            (any::<[bool; 2]>(), any::<u64>()).prop_map(|([is_raised, is_corrupt], member)| {
                let kind = if is_corrupt { AlarmKind::Corrupt } else { AlarmKind::NoSpace };
                let alarm = Alarm { kind, member };
                Command::Alarm(if is_raised {
                    AlarmCommand::Activate(alarm)
                } else {
                    AlarmCommand::Deactivate(alarm)
                })
            }),
            cluster_command().prop_map(Command::Cluster),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_command_survives_its_bytes(by in requester(), command in command()) {
            prop_assert_eq!(decode_command(encode_command(&by, &command)), Ok((by, command)));
        }
    }

    #[test]
    fn bytes_that_are_no_command_are_refused() {
        assert_eq!(decode_command(Bytes::new()), Err(DecodeError::Empty));
        let put = Command::Put(Put { key: "key".into(), ..Default::default() });
        let torn = encode_command(&Requester::Anonymous, &put);
        let torn = torn.slice(..torn.len() - 1);
        assert!(matches!(decode_command(torn), Err(DecodeError::Malformed(_))));
    }
}
