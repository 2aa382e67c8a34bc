//! What a seed means must not change by accident: a seed that was noted down would lose its story.
//!
//! Where the change is meant, `INSTA_UPDATE=always cargo test -p scenarios --test plans` accepts it.

use scenarios::swarm;

#[test]
fn swarm_seeds_keep_their_plans() {
    for seed in [0, 4, 87] {
        insta::assert_snapshot!(format!("swarm-{seed}"), swarm::plan(seed).to_string());
    }
}
