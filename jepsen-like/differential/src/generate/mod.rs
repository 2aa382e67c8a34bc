//! Programs from a seed.

mod draw;
mod key;
mod kv;
mod txn;

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::draw::Draw;
use crate::request::Request;

/// Requests in a program.
pub const PROGRAM_LENGTH: usize = 40;

/// The `number`th program of a seed, always the same.
pub fn program(seed: u64, number: u64) -> Vec<Request> {
    // Spread, so that neighbours have nothing in common.
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number);
    let mut draw = Draw::new(StdRng::seed_from_u64(mixed));
    (0..PROGRAM_LENGTH).map(|_| request(&mut draw)).collect()
}

fn request(draw: &mut Draw) -> Request {
    match draw.below(100) {
        0..30 => Request::Range(kv::strange_range(draw)),
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
        assert_eq!(program(1, 2), program(1, 2));
        assert_ne!(program(1, 2), program(1, 3));
        assert_ne!(program(1, 2), program(2, 2));
    }
}
