//! What a campaign must reach, so that an empty one cannot pass.

use reports::{Campaign, Floor};

use super::Subject;
use crate::plan::Counter;

/// Counters that every campaign states.
const STATED: [Counter; 8] = [
    Counter::Acks,
    Counter::Crashes,
    Counter::Elections,
    Counter::ResumedWatches,
    Counter::Snapshots,
    Counter::Changes,
    Counter::ExpiredLeases,
    Counter::Locks,
];

/// What a hundred swarm runs must reach together; one run alone may have none of it.
fn per_hundred(counter: Counter) -> u64 {
    match counter {
        Counter::Acks => 5_000,
        Counter::Crashes => 50,
        Counter::Elections => 100,
        Counter::ResumedWatches => 50,
        Counter::Snapshots => 2,
        Counter::Faults => 100,
        Counter::Changes => 5,
        Counter::ExpiredLeases => 20,
        Counter::Locks => 5,
        Counter::Upkeep => 50,
        Counter::NoSpace | Counter::Stops => 0,
    }
}

/// The floors of a campaign and how far it came.
pub(super) fn of(subjects: &[&Subject], campaign: &Campaign) -> Vec<Floor> {
    let counts = campaign.counts();
    STATED
        .into_iter()
        .map(|counter| Floor {
            name: counter.title().to_owned(),
            reached: counter.of(&counts),
            needed: needed(counter, subjects, campaign),
        })
        .collect()
}

fn needed(counter: Counter, subjects: &[&Subject], campaign: &Campaign) -> u64 {
    let of_scenario = |(subject, scenario): (&&Subject, &reports::Scenario)| {
        let runs = scenario.runs.len() as u64;
        match subject {
            Subject::Swarm => runs * per_hundred(counter) / 100,
            Subject::Script(plan) => {
                let floors = plan.floors.iter().filter(|floor| floor.counter == counter);
                runs * floors.map(|floor| floor.at_least).max().unwrap_or(0)
            }
        }
    };
    subjects.iter().zip(&campaign.scenarios).map(of_scenario).sum()
}
