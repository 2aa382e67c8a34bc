//! Upkeep and membership.

use detcd_api::etcdserverpb::{AlarmRequest, HashKvRequest, MemberListRequest};

use super::draw::Draw;
use crate::request::Request;

/// The id of the only member, which both have from the same URLs.
const MEMBER: u64 = 0x8e9e_05c5_2164_694d;

/// Anything that reads, or that a program can undo.
pub(super) fn maintenance(draw: &mut Draw) -> Request {
    match draw.below(12) {
        0..4 => Request::HashKv(HashKvRequest { revision: draw.revision() }),
        4 => Request::MemberList(MemberListRequest { linearizable: draw.chance(50) }),
        5 => Request::Status,
        _ => Request::Alarm(AlarmRequest {
            action: draw.one(&[0, 0, 1, 2, 2]),
            member_id: draw.one(&[0, 1, MEMBER, MEMBER]),
            alarm: draw.one(&[0, draw.alarm, draw.alarm]),
        }),
    }
}
