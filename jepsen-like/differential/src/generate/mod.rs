//! Programs from a seed.

mod auth;
mod draw;
mod key;
mod kv;
mod lease;
mod maintenance;
mod txn;
mod watch;

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::draw::Draw;
use crate::request::Request;

/// Requests in a program.
pub const PROGRAM_LENGTH: usize = 40;

/// Requests in a program before its watch stream, which takes its time.
const WRITES_BEFORE_WATCH: usize = 10;

/// What programs ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Area {
    /// Keys.
    Kv,
    /// Keys, then a watch stream.
    Watch,
    /// Keys and leases.
    Lease,
    /// Keys, upkeep and membership.
    Maintenance,
    /// Users, and what they do with keys and leases.
    Auth,
}

/// The `number`th program of a seed, always the same.
pub fn program(seed: u64, number: u64, area: Area) -> Vec<Request> {
    // Spread, so that neighbours have nothing in common.
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
    let mut draw = Draw::new(StdRng::seed_from_u64(mixed));
    if area == Area::Watch {
        let mut requests: Vec<Request> =
            (0..WRITES_BEFORE_WATCH).map(|_| about_keys(&mut draw)).collect();
        requests.push(Request::Watch(watch::session(&mut draw)));
        return requests;
    }
    if area == Area::Maintenance {
        // Without space, puts within a transaction's transactions count since 3.6.14 only (G72).
        draw.depth_max = 0;
    }
    if area == Area::Auth {
        return auth::program(&mut draw, PROGRAM_LENGTH);
    }
    (0..PROGRAM_LENGTH).map(|_| request(&mut draw, area)).collect()
}

fn request(draw: &mut Draw, area: Area) -> Request {
    match area {
        Area::Lease if draw.chance(35) => lease::lease(draw),
        Area::Maintenance if draw.chance(35) => maintenance::maintenance(draw),
        _ => about_keys(draw),
    }
}

fn about_keys(draw: &mut Draw) -> Request {
    match draw.below(100) {
        0..30 => Request::Range(kv::range(draw)),
        30..58 => Request::Put(kv::put(draw)),
        58..66 => Request::DeleteRange(kv::delete_range(draw)),
        66..96 => Request::Txn(txn::txn(draw)),
        _ => Request::Compact(kv::compact(draw)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_follows_from_its_seed_and_number() {
        let program = |seed, number| program(seed, number, Area::Kv);
        assert_eq!(program(1, 2), program(1, 2));
        assert_ne!(program(1, 2), program(1, 3));
        assert_ne!(program(1, 2), program(2, 2));
    }
}
