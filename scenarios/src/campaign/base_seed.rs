//! Seeds from a name, such as that of a commit.

/// The first seed of a campaign that is called `name`: the number itself, if it is one, otherwise a hash
/// of the name.
///
/// Other commits then run other seeds, and the same commit the same ones on every machine.
pub fn base_seed(name: &str) -> u64 {
    if let Ok(number) = name.parse() {
        return number;
    }
    // FNV-1a: known, small, and the same for ever, which the standard library's hash is not.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Short enough to be read out, with room for the seeds that follow.
    (hash ^ (hash >> 32)) & 0xff_ffff_ffff
}

#[cfg(test)]
mod tests {
    use super::base_seed;

    #[test]
    fn a_name_has_its_seeds_for_ever() {
        assert_eq!(base_seed("12"), 12);
        assert_eq!(base_seed(""), 0xe4_4fd0_bfc1);
        assert_ne!(base_seed("9f1783e"), base_seed("9f1783f"));
        assert!(base_seed("9f1783e") < 1 << 40);
    }
}
