//! Configurations: they are entries of the log, so all members see the same ones in the same order; and "it
//! must not be possible for two leaders to be elected in the same term" on the way from one to the next,
//! so there may be no quorum of the one that does not meet every quorum of the other (dissertation, 4.1 and
//! 4.3). That holds when both have a set of voters in common, or differ by one voter.
//! Who was removed stays removed, as etcd promises: an id is never used again.

use std::collections::{BTreeMap, BTreeSet};

use super::known::{Configuration, Known};
use super::{Property, Report};
use crate::history::MemberId;
use crate::observation::{Fact, Observation};

#[derive(Debug, Default)]
pub(super) struct Configurations {
    /// By index, with whoever told first that it is committed.
    committed: BTreeMap<u64, (Configuration, MemberId)>,
    removed: BTreeSet<MemberId>,
}

impl Property for Configurations {
    fn look(&mut self, seen: &Observation, known: &Known, report: &mut Report<'_>) {
        let Fact::Committed { last } = &seen.fact else { return };
        for configuration in &known.of(seen.member).configurations {
            if configuration.index <= last.index && !configuration.voters.is_empty() {
                self.commit(configuration, seen.member, report);
            }
        }
    }
}

impl Configurations {
    fn commit(&mut self, configuration: &Configuration, by: MemberId, report: &mut Report<'_>) {
        let index = configuration.index;
        if let Some((known, first)) = self.committed.get(&index) {
            if known != configuration {
                let text = format!(
                    "the configuration at index {index} is {}, but {} to member {first}",
                    words(configuration),
                    words(known)
                );
                report("CONFIGURATION_MATCHING", text);
            }
            return;
        }
        let before = self.committed.last_key_value().filter(|(known, _)| **known < index);
        if let Some((_, (before, _))) = before {
            if !meet(before, configuration) {
                let text = format!(
                    "{} at index {} became {} at index {index}, and quorums of both need not meet",
                    words(before),
                    before.index,
                    words(configuration)
                );
                report("ONE_CHANGE", text);
            }
            let now: BTreeSet<MemberId> = configuration.members().collect();
            if let Some(back) = now.intersection(&self.removed).next() {
                let text = format!("member {back} was removed and is back at index {index}");
                report("NEVER_RETURNS", text);
            }
            self.removed.extend(before.members().filter(|member| !now.contains(member)));
        }
        self.committed.insert(index, (configuration.clone(), by));
    }
}

/// Whether every quorum of the one has a voter in common with every quorum of the other.
fn meet(one: &Configuration, other: &Configuration) -> bool {
    let sets = |configuration: &Configuration| -> Vec<BTreeSet<MemberId>> {
        configuration.voters.iter().map(|set| set.iter().copied().collect()).collect()
    };
    let (ones, others) = (sets(one), sets(other));
    ones.iter().any(|one| others.iter().any(|other| one.symmetric_difference(other).count() <= 1))
}

fn words(configuration: &Configuration) -> String {
    let set = |set: &Vec<MemberId>| {
        let words: Vec<String> = set.iter().map(u64::to_string).collect();
        format!("{{{}}}", words.join(" "))
    };
    let voters: Vec<String> = configuration.voters.iter().map(set).collect();
    match configuration.learners.is_empty() {
        true => voters.join(" and "),
        false => format!("{} with learners {}", voters.join(" and "), set(&configuration.learners)),
    }
}
