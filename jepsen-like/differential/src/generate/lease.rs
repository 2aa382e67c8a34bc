//! Leases.

use detcd_api::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest, LeaseTimeToLiveRequest,
};

use super::draw::Draw;
use crate::request::Request;
use crate::symbol::Symbol;

/// Anything about leases.
pub(super) fn lease(draw: &mut Draw) -> Request {
    match draw.below(10) {
        0..4 => Request::LeaseGrant(grant(draw)),
        4 | 5 => Request::LeaseRevoke(LeaseRevokeRequest { id: id(draw) }),
        6 | 7 => {
            let keys = draw.chance(50);
            Request::LeaseTimeToLive(LeaseTimeToLiveRequest { id: id(draw), keys })
        }
        8 => Request::LeaseKeepAlive(LeaseKeepAliveRequest { id: id(draw) }),
        _ => Request::LeaseLeases,
    }
}

/// With an id that the client chooses: what the server chooses cannot be compared.
fn grant(draw: &mut Draw) -> LeaseGrantRequest {
    let ttl = draw.one(&[100, 1000, 9_000_000_000, 9_000_000_001, i64::MAX, 0, -1, 1]);
    LeaseGrantRequest { ttl, id: draw.one(&[1, 2, 3, 77, 1000, 1001, -5, i64::MAX, i64::MIN]) }
}

fn id(draw: &mut Draw) -> i64 {
    if draw.chance(60) {
        Symbol::Lease(draw.below(3) as i64).number()
    } else {
        draw.one(&[0, 1, 2, 3, -5, 77, i64::MAX, i64::MIN])
    }
}
