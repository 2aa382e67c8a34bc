//! Requests about keys, without transactions.

use detcd_api::etcdserverpb::{CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest};

use super::draw::Draw;
use crate::symbol::Symbol;

/// A read. Its order exists: older versions carry out any order, and a target that does not exist ends
/// an etcd 3.5.1. Newer ones refuse both, which is left to the store's tests (G7).
pub(super) fn range(draw: &mut Draw) -> RangeRequest {
    let (key, range_end) = keys(draw);
    let mut request = RangeRequest { key, range_end, ..Default::default() };
    if draw.chance(40) {
        request.limit = draw.one(&[0, 1, 2, 3, 5, -1, i64::MAX, i64::MIN, 1 << 40]);
    }
    if draw.chance(50) {
        request.revision = draw.revision();
    }
    if draw.chance(35) {
        request.sort_order = draw.one(&[0, 1, 2, 1, 2]);
        request.sort_target = draw.one(&[0, 1, 2, 3, 4]);
    }
    request.serializable = draw.chance(30);
    request.keys_only = draw.chance(15);
    request.count_only = draw.chance(15);
    if draw.chance(20) {
        request.min_mod_revision = draw.revision();
    }
    if draw.chance(20) {
        request.max_mod_revision = draw.revision();
    }
    if draw.chance(15) {
        request.min_create_revision = draw.revision();
    }
    if draw.chance(15) {
        request.max_create_revision = draw.revision();
    }
    request
}

/// A key, and where the range that begins with it ends.
pub(super) fn keys(draw: &mut Draw) -> (bytes::Bytes, bytes::Bytes) {
    let key = draw.key();
    let range_end = draw.range_end(&key);
    (key, range_end)
}

/// A write.
pub(super) fn put(draw: &mut Draw) -> PutRequest {
    let mut request = PutRequest {
        key: draw.key(),
        value: draw.value(),
        lease: draw.lease(),
        prev_kv: draw.chance(30),
        ..Default::default()
    };
    if draw.chance(12) {
        request.ignore_value = true;
        if draw.chance(80) {
            request.value.clear();
        }
    }
    if draw.chance(12) {
        request.ignore_lease = true;
        if draw.chance(80) {
            request.lease = 0;
        }
    }
    request
}

/// A deletion.
pub(super) fn delete_range(draw: &mut Draw) -> DeleteRangeRequest {
    let (key, range_end) = keys(draw);
    DeleteRangeRequest { key, range_end, prev_kv: draw.chance(40) }
}

/// A compaction.
pub(super) fn compact(draw: &mut Draw) -> CompactionRequest {
    let revision = match draw.below(8) {
        0..4 => Symbol::Current(-(draw.below(25) as i64)).number(),
        4 => Symbol::Current(draw.one(&[0, 1, 5])).number(),
        5 => Symbol::Compacted(draw.one(&[-1, 0, 1])).number(),
        _ => draw.one(&[0, -1, 1, i64::MIN, i64::MAX]),
    };
    CompactionRequest { revision, physical: draw.chance(30) }
}
