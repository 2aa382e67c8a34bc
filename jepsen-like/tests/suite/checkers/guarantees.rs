//! Every guarantee that a verdict can name is broken in a history in which one thing is told wrong, and by that alone.

use jepsen_like::checker::linearizability::{EtcdModel, check as search};
use jepsen_like::checker::{GUARANTEES, Options, Violation, check};
use jepsen_like::history::History;

use crate::checkers::support::story::{Story, done, found, get, kv, put};
use crate::checkers::{
    consensus, election, ends, lease, local_reads, lock, membership, strict_serializability,
    upkeep, watch,
};

/// A history that breaks one guarantee.
struct Falsified {
    checker: &'static str,
    guarantee: &'static str,
    history: History,
}

/// What is told wrong there others must see as well: what takes effect twice leaves a revision without a writer; two terms
/// of one index break what is committed, too; a lock is owned by what answers say; and watches are compared with each
/// other only where no order of all writes was found.
const SEEN_BY_OTHERS: &[&str] =
    &["DUPLICATE_APPLY", "LOG_MATCHING", "EXCLUSIVE", "FENCED", "AGREEMENT"];

fn falsified() -> Vec<Falsified> {
    let stories = |rows: Vec<(&'static str, Story)>| -> Vec<(&'static str, History)> {
        rows.into_iter().map(|(guarantee, story)| (guarantee, story.history)).collect()
    };
    let of = |checker, rows: Vec<(&'static str, History)>| {
        rows.into_iter().map(move |(guarantee, history)| Falsified { checker, guarantee, history })
    };
    let stale = found(2, vec![kv("k", "1", [2, 2, 1])]);
    let stale =
        Story::default().ok(put("k", "1"), done(2)).ok(put("k", "2"), done(3)).ok(get("k"), stale);
    let all = of("strict_serializability", stories(strict_serializability::falsified()))
        .chain(of("strict_serializability", vec![("LEASE_KEYS", lease::lease_keys())]))
        .chain(of("serializable_read", stories(local_reads::falsified())))
        .chain(of("watch", stories(watch::falsified())))
        .chain(of("durability", stories(vec![("LOST", ends::lost())])))
        .chain(of("convergence", stories(ends::diverged())))
        .chain(of("raft", stories(consensus::falsified())))
        .chain(of("raft", stories(membership::falsified())))
        .chain(of("lease", lease::falsified()))
        .chain(of("lock", lock::falsified()))
        .chain(of("election", election::falsified()))
        .chain(of("hashes", stories(vec![("SAME_HASH", upkeep::hashes())])))
        .chain(of("snapshots", stories(vec![("SAME_STATE", upkeep::snapshots())])))
        .chain(of("alarms", stories(upkeep::alarms())))
        .chain(of("access", upkeep::access()))
        .chain(of("linearizability", stories(vec![("LINEARIZABLE", stale)])));
    all.collect()
}

impl Falsified {
    fn violations(&self) -> Vec<Violation> {
        if self.checker == "linearizability" {
            let operations = self.history.operations();
            let verdict = search(&EtcdModel, &EtcdModel::calls(&operations), 100_000);
            return verdict.violation().cloned().into_iter().collect();
        }
        check(&self.history, &Options::default()).violations().cloned().collect()
    }
}

#[test]
fn no_guarantee_is_without_a_history_that_breaks_it() {
    let falsified = falsified();
    for (checker, guarantees) in GUARANTEES {
        for guarantee in *guarantees {
            let broken =
                falsified.iter().filter(|it| (it.checker, it.guarantee) == (*checker, *guarantee));
            assert_eq!(broken.count(), 1, "histories that break {guarantee} of {checker}");
        }
    }
}

#[test]
fn what_is_told_wrong_breaks_the_guarantee_that_it_is_meant_for_and_no_other() {
    for falsified in falsified() {
        let Falsified { checker, guarantee, .. } = falsified;
        let violations = falsified.violations();
        let meant = violations.iter().find(|it| (it.checker, it.guarantee) == (checker, guarantee));
        let meant =
            meant.unwrap_or_else(|| panic!("not {guarantee} of {checker}: {violations:#?}"));
        let is_alone = violations.len() == 1 && !meant.message.contains("more like it");
        assert_eq!(is_alone, !SEEN_BY_OTHERS.contains(&guarantee), "{checker}: {violations:#?}");
    }
}
