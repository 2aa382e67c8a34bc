//! The second phase: a random core of members that holds a quorum is healed, and the others are out of its reach, or
//! half so, for ever as far as the core can tell. It must serve all the same.
//!
//! TigerBeetle's simulator does so (docs/internals/vopr.md): a cluster that recovers only when everything is healed
//! has a liveness bug that healing everything hides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use detcd_node::observer::Observation;
use sim::random::Stream;

use super::liveness::Liveness;
use super::members::{Members, Place};
use crate::dice::Dice;

/// What goes on with a member outside the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// Its process is down.
    Down,
    /// Nothing passes between it and the core.
    Cut,
    /// It hears nothing of the core, and is heard: it will want to be elected.
    Deaf,
    /// It hears the core, and is not heard.
    Mute,
}

const OUTSIDE: [Outside; 4] = [Outside::Down, Outside::Cut, Outside::Deaf, Outside::Mute];

/// A membership as one of the members has it.
#[derive(Debug)]
pub(super) struct Told {
    index: u64,
    /// One set of voters, or two of which both must agree.
    pub(super) voters: Vec<BTreeSet<usize>>,
    learners: BTreeSet<usize>,
}

impl Told {
    fn everybody(&self) -> impl Iterator<Item = usize> {
        self.voters.iter().flatten().chain(&self.learners).copied()
    }

    /// Whether these are a quorum, and stay one even if every learner among the others is given its vote meanwhile.
    pub(super) fn is_held_by(&self, core: &BTreeSet<usize>) -> bool {
        let to_come = self.learners.difference(core).count();
        let is_quorum =
            |set: &BTreeSet<usize>| set.intersection(core).count() * 2 > set.len() + to_come;
        !self.voters.is_empty() && self.voters.iter().all(is_quorum)
    }
}

/// A quorum of all that was told among who can serve, smaller or larger as the dice fall; nothing if they are none.
fn choose(
    told: &[Told],
    serving: &[usize],
    dice: &mut impl FnMut(usize) -> usize,
) -> Option<BTreeSet<usize>> {
    let newest = told.iter().max_by_key(|told| told.index)?;
    let holds = |core: &BTreeSet<usize>| told.iter().all(|told| told.is_held_by(core));
    let mut core: BTreeSet<usize> =
        newest.everybody().filter(|member| serving.contains(member)).collect();
    if !holds(&core) {
        return None;
    }
    let mut order: Vec<usize> = core.iter().copied().collect();
    let (mut least, mut outsiders) = (core.clone(), Vec::new());
    while !order.is_empty() {
        let member = order.swap_remove(dice(order.len()));
        least.remove(&member);
        if holds(&least) {
            outsiders.push(member);
        } else {
            least.insert(member);
        }
    }
    for member in outsiders.iter().take(dice(outsiders.len() + 1)) {
        core.remove(member);
    }
    Some(core)
}

impl Members {
    /// Members that are a quorum of every membership that may be in force, and often more; nothing where none can be,
    /// or where that is everybody.
    pub(super) fn choose_core(&self, dice: &mut Dice) -> Option<BTreeSet<usize>> {
        let core = choose(&self.told_memberships(), &self.serving(), &mut |of| dice.index(of))?;
        (core.len() < self.count()).then_some(core)
    }

    /// The membership by which each member counts quorums, or did when it was last heard of. What ends the log of one
    /// that is down may be lost, and then the membership before is in force: both count.
    pub(super) fn told_memberships(&self) -> Vec<Told> {
        let serving = self.serving();
        let mut told: BTreeMap<usize, Vec<Told>> = BTreeMap::new();
        for record in self.records() {
            if let Observation::Membership { index, voters, learners } = &record.observation
                && serving.contains(&record.member)
            {
                let one = self.named(*index, voters, learners);
                told.entry(record.member).or_default().push(one);
            }
        }
        let may_be_in_force = |(member, mut told): (usize, Vec<Told>)| {
            let kept = if self.is_up(member) { 1 } else { 2 };
            told.split_off(told.len().saturating_sub(kept))
        };
        told.into_iter().flat_map(may_be_in_force).collect()
    }

    /// With the numbers of the members; without voters if somebody has none, as nobody is a quorum of that.
    fn named(&self, index: u64, voters: &[Vec<u64>], learners: &[u64]) -> Told {
        let set = |ids: &[u64]| ids.iter().map(|id| self.number(*id)).collect();
        let all = (voters.iter().map(|ids| set(ids)).collect(), set(learners));
        let (voters, learners) = match all {
            (Some(voters), Some(learners)) => (voters, learners),
            _ => (Vec::new(), BTreeSet::new()),
        };
        Told { index, voters, learners }
    }

    /// Disks, clocks and links are well; between the core and each of the others something is wrong for good.
    pub(super) fn heal_core(&self, core: &BTreeSet<usize>, dice: &mut Dice) {
        self.heal_links();
        self.cure();
        for member in core {
            self.resume(*member);
            self.restart(*member);
        }
        for outsider in self.all().filter(|member| !core.contains(member)) {
            let outside = *dice.pick(&OUTSIDE);
            let (hears, is_heard) = match outside {
                Outside::Down => {
                    self.kill(outsider);
                    continue;
                }
                Outside::Cut => (false, false),
                Outside::Deaf => (false, true),
                Outside::Mute => (true, false),
            };
            for member in core {
                if !hears {
                    self.cut(*member, outsider);
                }
                if !is_heard {
                    self.cut(outsider, *member);
                }
            }
            let text = format!("{outsider} outside the core: {outside:?}");
            self.begin(Place::Network, None, text);
        }
    }
}

impl Liveness {
    /// Whether the core serves, each of its members alike, and agrees.
    pub(super) async fn core(&mut self, core: &BTreeSet<usize>) -> Option<()> {
        let deadline = self.ask();
        let back = self.core_is_back(core, deadline).await;
        if back.is_none() {
            let message = match self.members.could_recover(core) {
                Ok(why) => format!("the core {core:?} should have come back: {why}"),
                Err(why) => {
                    format!("the core {core:?} did not come back, and may be unable to: {why}")
                }
            };
            self.findings.add_since(self.asked_from, "liveness: core", message);
        }
        back
    }

    async fn core_is_back(&mut self, core: &BTreeSet<usize>, deadline: Duration) -> Option<()> {
        let core: Vec<usize> = core.iter().copied().collect();
        self.healed = core.clone();
        self.leader(&core, deadline).await?;
        for member in &core {
            self.serves(*member, deadline).await?;
        }
        self.converge(|| core.clone(), deadline).await
    }
}

/// The stream that chooses it.
pub(super) fn dice(world: &sim::World) -> Dice {
    Dice::new(world.streams().source(Stream::Fault, "core"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(voters: &[&[usize]], learners: &[usize]) -> Told {
        let set = |set: &[usize]| set.iter().copied().collect();
        Told {
            index: 1,
            voters: voters.iter().map(|it| set(it)).collect(),
            learners: set(learners),
        }
    }

    fn holds(core: &[usize], told: &Told) -> bool {
        told.is_held_by(&core.iter().copied().collect())
    }

    #[test]
    fn a_core_is_a_quorum_of_every_set_of_voters() {
        assert!(holds(&[1, 2], &told(&[&[1, 2, 3]], &[])));
        assert!(!holds(&[1, 4], &told(&[&[1, 2, 3]], &[])));
        assert!(!holds(&[1, 2], &told(&[&[1, 2, 3], &[1, 4, 5]], &[])));
        assert!(holds(&[1, 2, 4], &told(&[&[1, 2, 3], &[1, 4, 5]], &[])));
        assert!(!holds(&[1], &told(&[], &[])), "nobody knows who has a vote");
    }

    #[test]
    fn a_learner_that_is_left_out_may_be_given_its_vote_meanwhile() {
        assert!(!holds(&[1, 2], &told(&[&[1, 2, 3]], &[4])));
        assert!(holds(&[1, 2, 4], &told(&[&[1, 2, 3]], &[4])));
        assert!(holds(&[1, 2, 3], &told(&[&[1, 2, 3]], &[4])));
    }

    #[test]
    fn every_core_is_a_quorum_and_all_sizes_come() {
        let told = [told(&[&[1, 2, 3, 4, 5]], &[]), told(&[&[1, 2, 3, 4, 5], &[2, 3, 4]], &[6])];
        let mut sizes = BTreeSet::new();
        for seed in 0..200_usize {
            let mut state = seed;
            let mut dice = |of: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) % of
            };
            let core = choose(&told, &[1, 2, 3, 4, 6], &mut dice).expect("four of five serve");
            assert!(told.iter().all(|told| told.is_held_by(&core)), "{core:?}");
            assert!(!core.contains(&5), "it does not serve");
            sizes.insert(core.len());
        }
        assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [4, 5]);
        assert_eq!(choose(&told, &[1, 2], &mut |_| 0), None);
        assert_eq!(choose(&[], &[1, 2, 3], &mut |_| 0), None, "nobody knows who has a vote");
    }
}
