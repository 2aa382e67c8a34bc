//! One campaign from the results of its shards.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::record::{Campaign, Floor, Run, Scenario, Verdict};
use crate::results::{Origin, Results};

/// Why files do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("no file of results is named")]
    Nothing,
    /// They are parts of different campaigns.
    #[error("{path} has another {what} than {first}: {theirs} instead of {ours}")]
    Mixed {
        /// Which file.
        path: PathBuf,
        /// Whose campaign was taken as the right one.
        first: PathBuf,
        /// In what they differ.
        what: &'static str,
        /// The right one's.
        ours: String,
        /// The other one's.
        theirs: String,
    },
    /// A seed has gone two ways.
    #[error(
        "{scenario} seed {seed} has the event hash {one} in one file and {other} in {path}: it is not deterministic"
    )]
    Differs {
        /// Which scenario.
        scenario: String,
        /// Which seed.
        seed: u64,
        /// The hash in an earlier file.
        one: String,
        /// The hash in this one.
        other: String,
        /// This file.
        path: PathBuf,
    },
}

/// Puts files together. The verdict and the floors beyond the number of shards are for the caller to add.
///
/// A seed that is in several files counts once. Shards that are missing or did not come to their end show
/// as a floor that is missed.
pub fn merge(files: &[(PathBuf, Results)]) -> Result<Campaign, MergeError> {
    let (first, ours) = files.first().ok_or(MergeError::Nothing)?;
    let mut scenarios = Vec::new();
    let mut ended = vec![false; ours.origin.shard.of as usize];
    for (path, results) in files {
        same_campaign((first, ours), (path, results))?;
        for (name, about) in &results.origin.scenarios {
            runs_of(&mut scenarios, name).0.about.clone_from(about);
        }
        for (name, run) in &results.runs {
            let (_, runs) = runs_of(&mut scenarios, name);
            let before = runs.insert(run.seed, run);
            // What a second run of it showed is not lost, least of all that it was another.
            let tells_more = |before: &&Run| run.repeats.is_none() || before.repeats == Some(false);
            if let Some(before) = before.filter(tells_more) {
                runs.insert(run.seed, before);
            }
            if let Some(before) = before.filter(|before| before.digest != run.digest) {
                return Err(MergeError::Differs {
                    scenario: name.clone(),
                    seed: run.seed,
                    one: before.digest.clone(),
                    other: run.digest.clone(),
                    path: path.clone(),
                });
            }
        }
        ended[results.origin.shard.index as usize] |= results.wall_us.is_some();
    }
    let floor = Floor {
        name: "shards that ended".to_owned(),
        reached: ended.iter().filter(|ended| **ended).count() as u64,
        needed: ended.len() as u64,
    };
    let put = |(scenario, runs): Gathered<'_>| Scenario {
        runs: runs.into_values().map(trimmed).collect(),
        ..scenario
    };
    Ok(Campaign {
        coverage: Vec::new(),
        title: ours.origin.title.clone(),
        command: whole(&ours.origin.command),
        commit: ours.origin.commit.clone().filter(|commit| {
            files.iter().all(|(_, results)| results.origin.commit.as_ref() == Some(commit))
        }),
        program: ours.origin.program.clone(),
        verdict: Verdict::Inconclusive,
        // The shards ran beside each other.
        wall_us: files.iter().filter_map(|(_, results)| results.wall_us).max().unwrap_or(0),
        jobs: files.iter().map(|(_, results)| results.origin.jobs).sum(),
        floors: vec![floor],
        scenarios: scenarios.into_iter().map(put).collect(),
    })
}

/// The command that does what all shards do together: without the words that are one shard's own.
fn whole(command: &str) -> String {
    let mut words = Vec::new();
    let mut all = command.split(' ');
    while let Some(word) = all.next() {
        let option = ["--shard", "--report-dir"].into_iter().find(|option| {
            word.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        });
        match option {
            // Its value is the next word.
            Some(option) if option == word => drop(all.next()),
            Some(_) => {}
            None => words.push(word),
        }
    }
    words.join(" ")
}

/// A run with its story in bounds, which programs of before did not keep.
fn trimmed(run: &Run) -> Run {
    let mut run = run.clone();
    if let Some(story) = &mut run.story {
        story.trim();
    }
    run
}

/// A scenario, and its runs by their seeds.
type Gathered<'a> = (Scenario, BTreeMap<u64, &'a Run>);

fn runs_of<'a, 'b>(scenarios: &'b mut Vec<Gathered<'a>>, name: &str) -> &'b mut Gathered<'a> {
    let at = scenarios.iter().position(|(scenario, _)| scenario.name == name);
    let at = at.unwrap_or_else(|| {
        let name = name.to_owned();
        let scenario = Scenario { name, about: String::new(), runs: Vec::new() };
        scenarios.push((scenario, BTreeMap::new()));
        scenarios.len() - 1
    });
    &mut scenarios[at]
}

fn same_campaign(
    (first, ours): (&PathBuf, &Results),
    (path, theirs): (&PathBuf, &Results),
) -> Result<(), MergeError> {
    let (one, other) = (&ours.origin, &theirs.origin);
    let known = |word: &Option<String>| word.clone().unwrap_or_else(|| "none".to_owned());
    // The program decides where it is known: its folder may be at any commit, or at none.
    let is_same_program = one.program.is_some() && one.program == other.program;
    let commit_of = |origin: &Origin| origin.commit.clone().filter(|_| !is_same_program);
    for (what, ours, theirs) in [
        ("title", one.title.clone(), other.title.clone()),
        ("commit", known(&commit_of(one)), known(&commit_of(other))),
        ("program", known(&one.program), known(&other.program)),
        ("number of shards", one.shard.of.to_string(), other.shard.of.to_string()),
    ] {
        if ours != theirs {
            let (path, first) = (path.clone(), first.clone());
            return Err(MergeError::Mixed { path, first, what, ours, theirs });
        }
    }
    Ok(())
}
