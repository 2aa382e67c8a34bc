//! What a campaign reached of what can be reached.

use std::collections::BTreeSet;

use reports::{Campaign, Coverage, Floor};

use super::Subject;
use crate::run::PROBES;
use crate::swarm;

/// From so many swarm runs on every kind of step is expected to have been carried out.
const RUNS_MIN: usize = 200;

/// Kinds of faults and other steps that these subjects have, and all rare states.
pub(super) fn of(subjects: &[&Subject], campaign: &Campaign) -> Vec<Coverage> {
    let faults = kinds(subjects).into_iter().map(|kind| ("fault", kind));
    let states = PROBES.into_iter().map(|probe| ("state", probe.to_owned()));
    faults
        .chain(states)
        .map(|(group, name)| {
            let (mut runs, mut times) = (0, 0);
            for run in campaign.runs() {
                let reached = if group == "fault" { &run.struck } else { &run.reached };
                let here = reached.get(&name).copied().unwrap_or(0);
                runs += u64::from(here > 0);
                times += here;
            }
            Coverage { group: group.to_owned(), name, runs, times }
        })
        .collect()
}

/// That no kind of step was left out of a swarm that is large enough to have them all.
pub(super) fn floor(subjects: &[&Subject], campaign: &Campaign) -> Option<Floor> {
    let is_swarm = |subject: &&Subject| matches!(subject, Subject::Swarm);
    let place = subjects.iter().position(is_swarm)?;
    let runs = &campaign.scenarios.get(place)?.runs;
    let kinds = swarm::kinds();
    let struck: BTreeSet<&String> = runs.iter().flat_map(|run| run.struck.keys()).collect();
    let reached = kinds.iter().filter(|kind| struck.contains(*kind)).count();
    let needed = if runs.len() < RUNS_MIN { 0 } else { kinds.len() };
    Some(Floor {
        name: "kinds of steps that were carried out".to_owned(),
        reached: reached as u64,
        needed: needed as u64,
    })
}

fn kinds(subjects: &[&Subject]) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for subject in subjects {
        match subject {
            Subject::Swarm => kinds.extend(swarm::kinds()),
            Subject::Script(plan) => {
                let classes = plan.steps.iter().filter(|step| step.action.is_class());
                kinds.extend(classes.map(|step| step.action.kind()));
            }
        }
    }
    kinds
}
