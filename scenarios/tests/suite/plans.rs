//! What a seed means must not change by accident: a seed that was noted down would lose its story.
//!
//! Where the change is meant, `INSTA_UPDATE=always cargo test -p scenarios plans` accepts it.

use scenarios::run::{Options, simulate};
use scenarios::script::{parse, with_seed};
use scenarios::swarm;

#[test]
fn swarm_seeds_keep_their_plans() {
    for seed in [0, 4, 87] {
        insta::assert_snapshot!(format!("swarm-{seed}"), swarm::plan(seed).to_string());
    }
}

#[test]
fn a_plan_that_was_shown_replays_its_seed() {
    let seed = 11;
    let plan = swarm::plan(seed);
    let shown = with_seed(&plan, seed);
    assert!(shown.contains("\n# Shown for seed 11.\n"), "{shown}");
    let again = parse("shown.txt", &shown).expect("what is shown is a script");
    assert_eq!(again.about, plan.about);
    let digest = |plan| simulate(plan, seed, &Options::default()).digest;
    assert_eq!(digest(&again), digest(&plan));
}
