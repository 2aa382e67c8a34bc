//! Watch streams.

use detcd_api::etcdserverpb::WatchCreateRequest;

use super::draw::Draw;
use super::{kv, txn};
use crate::request::Request;
use crate::symbol::Symbol;
use crate::watch::Step;

/// Some watchers, and writes between them.
pub(super) fn session(draw: &mut Draw) -> Vec<Step> {
    let mut steps = vec![Step::Create(create(draw))];
    for _ in 0..draw.below(14) {
        steps.push(match draw.below(10) {
            4 => Step::Cancel(draw.one(&[0, 0, 1, 2, 7, -1, i64::MAX])),
            0..4 => Step::Create(create(draw)),
            5 | 6 => Step::Write(Box::new(Request::Txn(txn::writing(draw)))),
            7 => Step::Write(Box::new(Request::DeleteRange(kv::delete_range(draw)))),
            _ => Step::Write(Box::new(Request::Put(kv::put(draw)))),
        });
    }
    steps
}

fn create(draw: &mut Draw) -> WatchCreateRequest {
    let (key, mut range_end) = kv::keys(draw);
    if draw.forward && *range_end == [0] {
        // Versions before 3.6.14 take that for the key alone when they look for permission (G44).
        range_end.clear();
    }
    let start_revision = match draw.below(10) {
        0..5 => 0,
        5..8 => Symbol::Current(1 - (draw.below(25) as i64)).number(),
        8 => Symbol::Compacted(draw.one(&[1, -1])).number(),
        _ => Symbol::Current(draw.one(&[1, 2, 5])).number(),
    };
    let filters = if draw.chance(20) {
        draw.one(&[vec![0], vec![1], vec![0, 1], vec![0, 0]])
    } else {
        vec![]
    };
    WatchCreateRequest {
        key,
        range_end,
        start_revision,
        progress_notify: draw.chance(10),
        filters,
        prev_kv: draw.chance(40),
        watch_id: if draw.chance(20) { draw.one(&[1, 2, 7, 7, i64::MAX]) } else { 0 },
        fragment: draw.chance(10),
    }
}
