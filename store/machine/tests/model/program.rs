//! Random programs: few keys, so that they meet; every option; revisions around the boundaries.

use bytes::Bytes;
use detcd_machine::{
    Command, Compact, Compare, CompareResult, CompareTarget, DeleteRange, LeaseCheckpoint,
    LeaseCommand, LeaseGrant, MemberAttributes, Put, Range, SortOrder, SortTarget, Txn, TxnOp,
};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use crate::naive::Model;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// A command is applied.
    Apply(Command),
    /// A bounded step of compaction.
    CompactStep { keys_max: usize },
    /// A range is read at once, in steps.
    Read { range: Range, keys_max: usize },
    /// A reader is opened, and stays open.
    Open { range: Range },
    /// An open reader goes on.
    Advance { reader: usize, keys_max: usize },
    /// The machine is made again from what was kept.
    Restart,
}

/// Revisions from here on are relative to the current one, and from [`COMPACTED`] on to the
/// compacted one.
const CURRENT: i64 = 1 << 40;
const COMPACTED: i64 = 1 << 41;

/// Turns a generated revision into the one it stands for.
pub(crate) fn resolve(revision: i64, model: &Model) -> i64 {
    if revision >= COMPACTED - 100 {
        model.compacted + (revision - COMPACTED)
    } else if revision >= CURRENT - 100 {
        model.revision() + (revision - CURRENT)
    } else {
        revision
    }
}

pub(crate) fn resolve_range(range: &Range, model: &Model) -> Range {
    Range {
        revision: resolve(range.revision, model),
        min_mod_revision: resolve(range.min_mod_revision, model),
        max_mod_revision: resolve(range.max_mod_revision, model),
        min_create_revision: resolve(range.min_create_revision, model),
        max_create_revision: resolve(range.max_create_revision, model),
        ..range.clone()
    }
}

pub(crate) fn resolve_command(command: &Command, model: &Model) -> Command {
    match command {
        Command::Txn(txn) => Command::Txn(resolve_txn(txn, model)),
        Command::Compact(compact) => {
            Command::Compact(Compact { revision: resolve(compact.revision, model) })
        }
        Command::Put(_)
        | Command::DeleteRange(_)
        | Command::SetMember(_)
        | Command::Auth(_)
        | Command::Alarm(_)
        | Command::Lease(_)
        | Command::Cluster(_) => command.clone(),
    }
}

fn resolve_txn(txn: &Txn, model: &Model) -> Txn {
    let resolve_op = |op: &TxnOp| match op {
        TxnOp::Range(range) => TxnOp::Range(resolve_range(range, model)),
        TxnOp::Txn(nested) => TxnOp::Txn(resolve_txn(nested, model)),
        TxnOp::Put(_) | TxnOp::DeleteRange(_) => op.clone(),
    };
    let resolve_compare = |compare: &Compare| {
        let target = match &compare.target {
            CompareTarget::CreateRevision(at) => CompareTarget::CreateRevision(resolve(*at, model)),
            CompareTarget::ModRevision(at) => CompareTarget::ModRevision(resolve(*at, model)),
            other => other.clone(),
        };
        Compare { target, ..compare.clone() }
    };
    Txn {
        compare: txn.compare.iter().map(resolve_compare).collect(),
        success: txn.success.iter().map(resolve_op).collect(),
        failure: txn.failure.iter().map(resolve_op).collect(),
    }
}

const KEYS: &[&[u8]] =
    &[b"\0", b"a", b"a\0", b"a\xff", b"ab", b"b", b"b\0", b"b\xff", b"c", b"\xff", b"\xff\xff"];

fn key() -> impl Strategy<Value = Bytes> {
    select(KEYS).prop_map(Bytes::from_static)
}

fn range_end() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => Just(Bytes::new()),
        4 => Just(Bytes::from_static(b"\0")),
        4 => key(),
        // Ends of prefixes.
        2 => select(&[b"b" as &[u8], b"c", b"d"]).prop_map(Bytes::from_static),
    ]
}

fn value() -> impl Strategy<Value = Bytes> {
    select(&[b"" as &[u8], b"1", b"2", b"10", b"\xff"]).prop_map(Bytes::from_static)
}

fn revision() -> impl Strategy<Value = i64> {
    prop_oneof![
        10 => Just(0i64),
        1 => -2i64..3,
        6 => (-4i64..2).prop_map(|distance| CURRENT + distance),
        4 => (-1i64..3).prop_map(|distance| COMPACTED + distance),
    ]
}

fn bound() -> impl Strategy<Value = i64> {
    weighted(0.15, revision()).prop_map(Option::unwrap_or_default)
}

prop_compose! {
    pub(crate) fn range()(
        key in key(),
        range_end in range_end(),
        limit in prop_oneof![
            6 => Just(0i64), 6 => 1i64..5, 1 => Just(-1), 1 => Just(i64::MAX), 1 => Just(i64::MIN)
        ],
        revision in revision(),
        sort_order in select(vec![SortOrder::None, SortOrder::Ascend, SortOrder::Descend]),
        sort_target in prop_oneof![
            5 => Just(SortTarget::Key),
            1 => Just(SortTarget::Version),
            1 => Just(SortTarget::Create),
            1 => Just(SortTarget::Mod),
            1 => Just(SortTarget::Value),
        ],
        keys_only in prop::bool::weighted(0.25),
        count_only in prop::bool::weighted(0.15),
        min_mod_revision in bound(),
        max_mod_revision in bound(),
        min_create_revision in bound(),
        max_create_revision in bound(),
    ) -> Range {
        Range {
            key, range_end, limit, revision, sort_order, sort_target, keys_only, count_only,
            min_mod_revision, max_mod_revision, min_create_revision, max_create_revision,
        }
    }
}

prop_compose! {
    /// A page of everything, where an earlier operation is most likely to change what is on it.
    fn first_of_all()(
        limit in 1i64..4, range in range(), is_filtered in prop::bool::weighted(0.2),
    ) -> Range {
        let mut range = range;
        if !is_filtered {
            range.min_mod_revision = 0;
            range.max_mod_revision = 0;
            range.min_create_revision = 0;
            range.max_create_revision = 0;
        }
        let zero = Bytes::from_static(b"\0");
        Range { key: zero.clone(), range_end: zero, revision: 0, limit, ..range }
    }
}

prop_compose! {
    fn put()(
        key in key(),
        value in value(),
        lease in prop_oneof![20 => Just(0i64), 20 => lease_id()],
        prev_kv in any::<bool>(),
        ignore_value in prop::bool::weighted(0.1),
        ignore_lease in prop::bool::weighted(0.1),
    ) -> Put {
        Put { key, value, lease, prev_kv, ignore_value, ignore_lease }
    }
}

prop_compose! {
    fn delete_range()(
        key in key(), range_end in range_end(), prev_kv in any::<bool>(),
    ) -> DeleteRange {
        DeleteRange { key, range_end, prev_kv }
    }
}

fn compare() -> impl Strategy<Value = Compare> {
    let target = prop_oneof![
        (0i64..3).prop_map(CompareTarget::Version),
        revision().prop_map(CompareTarget::CreateRevision),
        revision().prop_map(CompareTarget::ModRevision),
        value().prop_map(CompareTarget::Value),
        prop_oneof![Just(0i64), lease_id()].prop_map(CompareTarget::Lease),
    ];
    let result = select(vec![
        CompareResult::Equal,
        CompareResult::Greater,
        CompareResult::Less,
        CompareResult::NotEqual,
    ]);
    (key(), range_end(), result, target).prop_map(|(key, range_end, result, target)| Compare {
        key,
        range_end,
        result,
        target,
    })
}

/// Also what validation would refuse (a key put twice, or put and deleted): the machine does not
/// rely on it.
fn txn() -> impl Strategy<Value = Txn> {
    let leaf = prop_oneof![
        2 => range().prop_map(TxnOp::Range),
        2 => first_of_all().prop_map(TxnOp::Range),
        4 => put().prop_map(TxnOp::Put),
        2 => delete_range().prop_map(TxnOp::DeleteRange),
    ];
    let op = leaf.prop_recursive(2, 12, 4, |op| txn_of(op).prop_map(TxnOp::Txn));
    txn_of(op)
}

/// Few operations, so that few rows are needed and none by chance.
fn write_then_read() -> impl Strategy<Value = Txn> {
    let write = prop_oneof![
        2 => put().prop_map(TxnOp::Put),
        1 => delete_range().prop_map(TxnOp::DeleteRange),
    ];
    (write, first_of_all()).prop_map(|(write, range)| Txn {
        success: vec![write, TxnOp::Range(range)],
        ..Txn::default()
    })
}

fn txn_of(op: impl Strategy<Value = TxnOp> + Clone) -> impl Strategy<Value = Txn> {
    let ops = || prop::collection::vec(op.clone(), 0..4);
    (prop::collection::vec(compare(), 0..2), ops(), ops())
        .prop_map(|(compare, success, failure)| Txn { compare, success, failure })
}

/// Few, so that the same lease is granted, attached and revoked.
fn lease_id() -> impl Strategy<Value = i64> {
    select(vec![1i64, 2, 7, -1])
}

fn lease() -> impl Strategy<Value = LeaseCommand> {
    let checkpoint =
        (lease_id(), 0i64..3).prop_map(|(id, remaining_ttl)| LeaseCheckpoint { id, remaining_ttl });
    prop_oneof![
        4 => (lease_id(), 2i64..5).prop_map(|(id, ttl)| LeaseCommand::Grant(LeaseGrant { id, ttl })),
        2 => lease_id().prop_map(|id| LeaseCommand::Revoke { id }),
        1 => prop::collection::vec(checkpoint, 0..4).prop_map(LeaseCommand::Checkpoint),
    ]
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        10 => put().prop_map(Command::Put),
        5 => delete_range().prop_map(Command::DeleteRange),
        8 => txn().prop_map(Command::Txn),
        2 => write_then_read().prop_map(Command::Txn),
        7 => lease().prop_map(Command::Lease),
        3 => revision().prop_map(|revision| Command::Compact(Compact { revision })),
        1 => (0u64..3, "[a-b]{1}").prop_map(|(id, name)| Command::SetMember(MemberAttributes {
            id, client_urls: vec![format!("http://{name}:2379")], name,
        })),
    ]
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    let keys_max = || prop_oneof![3 => 1usize..4, 1 => Just(usize::MAX)];
    prop_oneof![
        20 => command().prop_map(Action::Apply),
        8 => (1usize..5).prop_map(|keys_max| Action::CompactStep { keys_max }),
        8 => (range(), keys_max()).prop_map(|(range, keys_max)| Action::Read { range, keys_max }),
        4 => range().prop_map(|range| Action::Open { range }),
        8 => (any::<usize>(), keys_max())
            .prop_map(|(reader, keys_max)| Action::Advance { reader, keys_max }),
        2 => Just(Action::Restart),
    ]
}
