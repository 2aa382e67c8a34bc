//! The second phase: a random core of members that holds a quorum is healed, and the others are out of its reach, or
//! half so, for ever as far as the core can tell. It must serve all the same.
//!
//! TigerBeetle's simulator does so (docs/internals/vopr.md): a cluster that recovers only when everything is healed
//! has a liveness bug that healing everything hides. When the core does not come back, it is shown first that it
//! could have: that it is a quorum of members which run, reach each other, and have between them all that was
//! committed.

use std::collections::BTreeSet;
use std::time::Duration;

use detcd_node::observer::Observation;
use sim::random::Stream;

use super::faults::add_finding;
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

impl Members {
    /// A quorum of the members or more, not always all of them; nothing where there is no choice, or where it is
    /// not known who has a vote.
    pub(super) fn choose_core(&self, dice: &mut Dice) -> Option<BTreeSet<usize>> {
        let mut candidates = self.serving();
        let quorum = self.count() / 2 + 1;
        if self.count() < 3 || candidates.len() < quorum || self.changes() > 0 {
            return None;
        }
        let size = quorum + dice.index(candidates.len() - quorum + 1);
        while candidates.len() > size {
            candidates.swap_remove(dice.index(candidates.len()));
        }
        Some(candidates.into_iter().collect())
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

    /// Why the core could have come back; or why it could not.
    fn could_recover(&self, core: &BTreeSet<usize>) -> Result<String, String> {
        let quorum = self.count() / 2 + 1;
        if core.len() < quorum {
            return Err(format!("{core:?} are fewer than {quorum} members"));
        }
        if let Some(down) = core.iter().find(|member| !self.is_up(**member)) {
            return Err(format!("member {down} does not run"));
        }
        let known = |record: &sim::cluster::Record| match record.observation {
            Observation::Applied { index, .. } | Observation::SnapshotInstalled { index, .. } => {
                Some(index)
            }
            _ => None,
        };
        let committed = self.records().iter().filter_map(known).max().unwrap_or(0);
        let ends = core.iter().map(|member| {
            let status = self.status(*member);
            (status.durable.max(status.applied), *member, status.term)
        });
        let ends: Vec<_> = ends.collect();
        let Some((end, holder, _)) = ends.iter().max().filter(|(end, ..)| *end >= committed) else {
            return Err(format!("index {committed} is committed, and nobody of {core:?} has it"));
        };
        let words: Vec<String> = ends
            .iter()
            .map(|(end, member, term)| format!("{member} (term {term}, log to {end})"))
            .collect();
        Ok(format!(
            "all of them run and reach each other, {} of {} are a quorum, and member {holder} has \
             everything to index {end}, where {committed} is the last that is committed: {}",
            core.len(),
            self.count(),
            words.join(", ")
        ))
    }
}

impl Liveness {
    /// Whether the core serves, each of its members alike, and agrees.
    pub(super) async fn core(&mut self, core: &BTreeSet<usize>) -> Option<()> {
        let deadline = self.world.true_time() + self.limit;
        let back = self.core_is_back(core, deadline).await;
        if back.is_none() {
            let message = match self.members.could_recover(core) {
                Ok(why) => format!("the core {core:?} should have come back: {why}"),
                Err(why) => format!("the core {core:?} could not come back: {why}"),
            };
            add_finding(&self.findings, "liveness: core", message);
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
        self.converge(&core, deadline).await
    }
}

/// The stream that chooses it.
pub(super) fn dice(world: &sim::World) -> Dice {
    Dice::new(world.streams().source(Stream::Fault, "core"))
}
