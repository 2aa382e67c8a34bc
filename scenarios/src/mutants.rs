//! Known bugs, put into a copy of the tree one at a time, to see how soon they are found.
//!
//! A mutant is a patch file in `scenarios/mutants/`: the story of the real bug it stands for, then the
//! diff. A line `run: NAME` in the story names the scenario that is to find it; without one it is the
//! swarm. The product itself carries no trace of any of this.
//!
//! The tree is copied to a folder of its own outside the workspace, and only files that changed are
//! written again, so that building the next mutant compiles little.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reports::{Campaign, Verdict};

use crate::{campaign, swarm};

/// Seeds in one go; the first that finds the bug ends it.
const BATCH: u64 = 20;

/// What keeps mutants from being tried at all.
#[derive(Debug, thiserror::Error)]
pub enum MutantError {
    /// A file is in the way, or missing.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("cannot run `{program}`: {source}")]
    Program {
        /// Which program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// The tree is not under version control, so nobody knows what belongs to it.
    #[error("`git ls-files` failed: {0}")]
    Git(String),
    /// Nothing has that name.
    #[error("unknown mutant `{name}`: there is no such file in {folder}")]
    Unknown {
        /// The name.
        name: String,
        /// Where mutants are.
        folder: PathBuf,
    },
    /// The mutant's program left no records.
    #[error("the records of the mutant cannot be read: {0}")]
    Records(String),
}

/// A patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The file's name without its ending.
    pub name: String,
    /// The scenario that is to find it.
    pub scenario: String,
    path: PathBuf,
}

/// How soon a mutant was found, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Seeds that were needed.
    pub seeds: u64,
    /// Who found it.
    pub checker: String,
    /// Simulated microseconds until then.
    pub simulated_us: u64,
    /// Real microseconds of the runs until then, without building.
    pub wall_us: u64,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was found.
    Killed(Kill),
    /// It was not.
    Survived,
    /// The tree has moved on under the patch.
    DoesNotApply(String),
    /// The patched tree is not a program.
    DoesNotBuild(String),
}

/// Where mutants are made.
#[derive(Debug)]
pub struct Workshop {
    tree: PathBuf,
    copy: PathBuf,
    target: PathBuf,
}

type Result<T> = std::result::Result<T, MutantError>;

impl Workshop {
    /// The workshop of this workspace.
    pub fn open() -> Result<Self> {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tree = fs::canonicalize(&tree).map_err(|source| file(&tree, source))?;
        let mut hasher = DefaultHasher::new();
        tree.hash(&mut hasher);
        // The same path each time, or nothing that was built could be used again.
        let copy = std::env::temp_dir().join(format!("detcd-mutants-{:016x}", hasher.finish()));
        let target = tree.join("target").join("mutants");
        Ok(Self { tree, copy, target })
    }

    /// The mutant of that name, or all of them in the order of their names.
    pub fn mutants(&self, name: Option<&str>) -> Result<Vec<Mutant>> {
        let folder = self.tree.join("scenarios").join("mutants");
        let mut mutants = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|source| file(&folder, source))? {
            let path = entry.map_err(|source| file(&folder, source))?.path();
            if path.extension().is_some_and(|extension| extension == "patch") {
                mutants.push(Mutant::read(path)?);
            }
        }
        mutants.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(name) = name {
            mutants.retain(|mutant| mutant.name == name);
            if mutants.is_empty() {
                return Err(MutantError::Unknown { name: name.to_owned(), folder });
            }
        }
        Ok(mutants)
    }

    /// Why a mutant cannot be made of the tree, if so. Nothing is built for this.
    pub fn obstacle(&self, mutant: &Mutant) -> Result<Option<String>> {
        // The tree itself will do, as nothing is written; the copy may be in use.
        let patch = mutant.path.to_string_lossy();
        let applied = self.run_in(&self.tree, "git", &["apply", "--check", patch.as_ref()])?;
        if !applied.status.success() {
            return Ok(Some(first_line(&applied)));
        }
        Ok(campaign::find(&mutant.scenario).err().map(|error| error.to_string()))
    }

    /// Builds a mutant and runs it until it is found or the seeds are used up.
    pub fn try_out(&self, mutant: &Mutant, seeds: u64) -> Result<Fate> {
        self.copy_tree()?;
        let patch = mutant.path.to_string_lossy();
        let applied = self.run("git", &["apply", "--whitespace=nowarn", patch.as_ref()])?;
        if !applied.status.success() {
            return Ok(Fate::DoesNotApply(first_line(&applied)));
        }
        let built = self.run("cargo", &["build", "-q", "-p", "scenarios", "--bin", "scenarios"])?;
        if !built.status.success() {
            return Ok(Fate::DoesNotBuild(first_line(&built)));
        }
        self.hunt(mutant, seeds)
    }

    fn hunt(&self, mutant: &Mutant, seeds: u64) -> Result<Fate> {
        let mut spent = Kill { seeds: 0, checker: String::new(), simulated_us: 0, wall_us: 0 };
        while spent.seeds < seeds {
            let end = (spent.seeds + BATCH).min(seeds);
            let campaign = self.batch(mutant, spent.seeds, end)?;
            for run in campaign.runs() {
                // What comes after the first find does not count, though it ran as well.
                spent.simulated_us += run.simulated_us;
                spent.wall_us += run.wall_us;
                spent.seeds += 1;
                if let Some(checker) = finder(run) {
                    return Ok(Fate::Killed(Kill { checker, ..spent }));
                }
            }
            spent.seeds = end;
        }
        Ok(Fate::Survived)
    }

    /// Runs a few seeds of the mutant's program.
    fn batch(&self, mutant: &Mutant, from: u64, to: u64) -> Result<Campaign> {
        let program = self.target.join("debug").join("scenarios");
        let folder = self.target.join("report");
        let records = folder.join("campaign.json");
        drop(fs::remove_file(&records));
        let seeds = format!("{from}..{to}");
        let folder = folder.to_string_lossy().into_owned();
        let mut arguments = vec!["--report-dir", folder.as_str()];
        if mutant.scenario == swarm::NAME {
            arguments.extend(["swarm", "--stop-at-first", "--seeds", &seeds]);
        } else {
            arguments.extend(["scripted", "--seeds", &seeds, &mutant.scenario]);
        }
        self.run(&program.to_string_lossy(), &arguments)?;
        let json = fs::read(&records).map_err(|source| file(&records, source))?;
        serde_json::from_slice(&json).map_err(|error| MutantError::Records(error.to_string()))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        self.run_in(&self.copy, program, arguments)
    }

    fn run_in(&self, folder: &Path, program: &str, arguments: &[&str]) -> Result<Output> {
        Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env("CARGO_TARGET_DIR", &self.target)
            // `git apply` must not take the copy for a part of some repository around it.
            .env("GIT_CEILING_DIRECTORIES", std::env::temp_dir())
            .output()
            .map_err(|source| MutantError::Program { program: program.to_owned(), source })
    }

    /// Makes the copy like the tree, and leaves alone what is like it already.
    fn copy_tree(&self) -> Result<()> {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&self.tree)
            .output()
            .map_err(|source| MutantError::Program { program: "git".to_owned(), source })?;
        if !listing.status.success() {
            return Err(MutantError::Git(first_line(&listing)));
        }
        let names = String::from_utf8_lossy(&listing.stdout).into_owned();
        let wanted: BTreeSet<PathBuf> = names
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(PathBuf::from)
            .filter(|name| self.tree.join(name).is_file())
            .collect();
        for name in &wanted {
            copy_if_different(&self.tree.join(name), &self.copy.join(name))?;
        }
        remove_others(&self.copy, &self.copy, &wanted)
    }
}

impl Mutant {
    fn read(path: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&path).map_err(|source| file(&path, source))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, scenario: scenario(&text).to_owned(), path })
    }
}

/// The scenario that the story before the diff names.
fn scenario(text: &str) -> &str {
    let story =
        text.lines().take_while(|line| !line.starts_with("diff ") && !line.starts_with("--- "));
    let mut named = story.filter_map(|line| line.trim().strip_prefix("run:"));
    named.next().map_or(swarm::NAME, str::trim)
}

/// Who found the bug in a run: a checker, or an assertion of the store itself.
fn finder(run: &reports::Run) -> Option<String> {
    let first = run.findings.first()?;
    // That a cluster came to a standstill says less than what is wrong with its answers or its state.
    let telling = run.findings.iter().find(|finding| !finding.checker.starts_with("liveness"));
    match run.verdict {
        Verdict::Violation => Some(telling.unwrap_or(first).checker.clone()),
        Verdict::HarnessError if first.message.contains("store/") => Some("assertion".to_owned()),
        _ => None,
    }
}

fn copy_if_different(from: &Path, to: &Path) -> Result<()> {
    let wanted = fs::read(from).map_err(|source| file(from, source))?;
    if fs::read(to).is_ok_and(|present| present == wanted) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|source| file(folder, source))?;
    }
    fs::write(to, wanted).map_err(|source| file(to, source))
}

/// Removes files of the copy that the tree does not have.
fn remove_others(root: &Path, folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|source| file(folder, source))? {
        let path = entry.map_err(|source| file(folder, source))?.path();
        if path.is_dir() {
            remove_others(root, &path, wanted)?;
        } else if path.strip_prefix(root).is_ok_and(|name| !wanted.contains(name)) {
            fs::remove_file(&path).map_err(|source| file(&path, source))?;
        }
    }
    Ok(())
}

fn file(path: &Path, source: io::Error) -> MutantError {
    MutantError::File { path: path.to_owned(), source }
}

/// The first line that a program said about its trouble.
fn first_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .find(|line| line.contains("error"))
        .or(text.lines().next())
        .unwrap_or("")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::scenario;

    #[test]
    fn the_story_names_the_scenario() {
        let patch =
            "etcd #14370: a reply before fsync.\nrun: single-member\n\ndiff --git a/x b/x\n";
        assert_eq!(scenario(patch), "single-member");
        assert_eq!(scenario("A story.\n--- a/x\nrun: not-this\n"), "swarm");
    }
}
