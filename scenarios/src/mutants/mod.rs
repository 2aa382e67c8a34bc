//! Known bugs, put into a copy of the tree one at a time, to see how soon they are found.
//!
//! A mutant is a patch file in `scenarios/mutants/`: the story of the real bug it stands for, then the
//! diff. A line `run: NAME` in the story names the scenario that is to find it; without one it is the
//! swarm. The product itself carries no trace of any of this.
//!
//! A bug that sits inside openraft is a patch of its published source, with paths that begin with
//! `openraft/`; a copy of that source is then built into the program.
//!
//! The tree is copied to a folder of its own outside the workspace, and only files that changed are
//! written again, so that building the next mutant compiles little.

mod copy;
mod together;
mod upstream;

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reports::{Campaign, Verdict};

pub use self::together::Misfit;
use crate::{campaign, swarm};

/// Seeds between the campaigns of a mutant.
const CAMPAIGN_SEEDS: u64 = 1 << 20;

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
    /// The source of openraft is not to be had.
    #[error("the source of openraft cannot be found: {0}")]
    Upstream(String),
    /// Two would patch one copy.
    #[error("another `mutants` of this tree is at work; it has {lock}")]
    Busy {
        /// The file that it has locked.
        lock: PathBuf,
    },
    /// The program, with the mutant or without, left no records.
    #[error("a campaign of the mutant left no records that can be read: {0}")]
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
    /// Whether it is a patch of openraft's source.
    is_upstream: bool,
}

/// Which seeds a mutant is tried with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The first seed of the first campaign.
    pub first: u64,
    /// Most seeds of a campaign.
    pub seeds: u64,
    /// How many campaigns there are, each with seeds of its own.
    pub campaigns: u64,
}

/// How soon a campaign found a mutant, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// Seeds that were needed.
    pub seeds: u64,
    /// The seed that found it.
    pub seed: u64,
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
    /// Every campaign found it.
    Killed(Vec<Kill>),
    /// One did not; those before it did.
    Survived(Vec<Kill>),
    /// What found it fails on this seed without it, too.
    TreeFails(u64),
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
    /// Locked as long as it is open.
    _lock: fs::File,
}

type Result<T> = std::result::Result<T, MutantError>;

impl Workshop {
    /// The workshop of this workspace. There is one at a time.
    pub fn open() -> Result<Self> {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tree = fs::canonicalize(&tree).map_err(|source| file(&tree, source))?;
        let mut hasher = DefaultHasher::new();
        tree.hash(&mut hasher);
        // The same path each time, or nothing that was built could be used again.
        let copy = env::temp_dir().join(format!("detcd-mutants-{:016x}", hasher.finish()));
        let target = tree.join("target").join("mutants");
        let path = copy.with_extension("lock");
        let lock = fs::File::create(&path).map_err(|source| file(&path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { tree, copy, target, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(MutantError::Busy { lock: path }),
            Err(fs::TryLockError::Error(source)) => Err(file(&path, source)),
        }
    }

    /// The mutants of these names, or all of them, in the order of their names.
    pub fn mutants(&self, names: &[String]) -> Result<Vec<Mutant>> {
        let folder = self.tree.join("scenarios").join("mutants");
        let mut mutants = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|source| file(&folder, source))? {
            let path = entry.map_err(|source| file(&folder, source))?.path();
            if path.extension().is_some_and(|extension| extension == "patch") {
                mutants.push(Mutant::read(path)?);
            }
        }
        mutants.sort_by(|one, other| one.name.cmp(&other.name));
        // The row alone is enough: `r01` for `r01-leader-acknowledges-before-sync`.
        let is = |mutant: &Mutant, name: &String| {
            mutant.name == *name || mutant.name.split('-').next() == Some(name)
        };
        for name in names {
            if !mutants.iter().any(|mutant| is(mutant, name)) {
                return Err(MutantError::Unknown { name: name.clone(), folder });
            }
        }
        mutants.retain(|mutant| names.is_empty() || names.iter().any(|name| is(mutant, name)));
        Ok(mutants)
    }

    /// Why a patch cannot be applied to the tree, if so. Nothing is built for this.
    pub fn obstacle(&self, mutant: &Mutant) -> Result<Option<String>> {
        // The tree itself will do, as nothing is written.
        let patch = mutant.path.to_string_lossy();
        let folder = if mutant.is_upstream { self.upstream_alone()? } else { self.tree.clone() };
        let applied = self.run_in(&folder, "git", &["apply", "--check", patch.as_ref()])?;
        if !applied.status.success() {
            return Ok(Some(first_line(&applied)));
        }
        Ok(campaign::find(&mutant.scenario).err().map(|error| error.to_string()))
    }

    /// Builds a mutant and runs it until every campaign has found it, or one has used up its seeds.
    pub fn try_out(&self, mutant: &Mutant, trial: &Trial) -> Result<Fate> {
        self.fresh(mutant.is_upstream)?;
        if let Some(why) = self.apply(mutant)? {
            return Ok(Fate::DoesNotApply(why));
        }
        if let Some(why) = self.cargo("build")? {
            return Ok(Fate::DoesNotBuild(why));
        }
        let mut kills = Vec::new();
        for campaign in 0..trial.campaigns {
            let first = trial.first.saturating_add(campaign * CAMPAIGN_SEEDS);
            let Some(kill) = self.hunt(mutant, first, trial.seeds)? else {
                return Ok(Fate::Survived(kills));
            };
            if !self.tree_passes(mutant, kill.seed)? {
                return Ok(Fate::TreeFails(kill.seed));
            }
            kills.push(kill);
        }
        Ok(Fate::Killed(kills))
    }

    /// Makes the copy like the tree, with a copy of openraft's source if it is to be patched.
    fn fresh(&self, with_upstream: bool) -> Result<()> {
        copy::lend_dependencies(
            &self.tree.join("target").join("debug"),
            &self.target.join("debug"),
        )?;
        copy::make_like(&self.tree, &self.copy)?;
        if with_upstream {
            upstream::copy(&self.upstream()?, &self.copy)?;
            upstream::take(&self.copy)?;
        }
        Ok(())
    }

    /// Patches the copy. If the patch does not apply, the copy stays as it is, and the answer is why.
    fn apply(&self, mutant: &Mutant) -> Result<Option<String>> {
        let patch = mutant.path.to_string_lossy();
        let applied = self.run("git", &["apply", "--whitespace=nowarn", patch.as_ref()])?;
        Ok((!applied.status.success()).then(|| first_line(&applied)))
    }

    /// Has Cargo `build` or `check` the program of the copy. The answer is the first error, with its place.
    fn cargo(&self, command: &str) -> Result<Option<String>> {
        let program = ["-p", "scenarios", "--bin", "scenarios"];
        let mut arguments = vec![command, "-q", "--message-format", "short"];
        arguments.extend(program);
        let built = self.run("cargo", &arguments)?;
        Ok((!built.status.success()).then(|| first_error(&built)))
    }

    fn hunt(&self, mutant: &Mutant, first: u64, seeds: u64) -> Result<Option<Kill>> {
        let program = self.target.join("debug").join("scenarios");
        let mut spent =
            Kill { seeds: 0, seed: first, checker: String::new(), simulated_us: 0, wall_us: 0 };
        while spent.seeds < seeds {
            let from = first + spent.seeds;
            let end = first + (spent.seeds + BATCH).min(seeds);
            let campaign = self.batch(&program, mutant, from, end)?;
            for run in campaign.runs() {
                // What comes after the first find does not count, though it ran as well.
                spent.simulated_us += run.simulated_us;
                spent.wall_us += run.wall_us;
                spent.seeds += 1;
                if let Some(checker) = finder(run) {
                    return Ok(Some(Kill { checker, seed: run.seed, ..spent }));
                }
            }
            spent.seeds = end - first;
        }
        Ok(None)
    }

    /// Whether the tree as it is, which this program was built from, finds nothing with a seed.
    fn tree_passes(&self, mutant: &Mutant, seed: u64) -> Result<bool> {
        let program = env::current_exe().map_err(|source| file(&self.tree, source))?;
        let campaign = self.batch(&program, mutant, seed, seed + 1)?;
        Ok(campaign.runs().all(|run| finder(run).is_none()))
    }

    /// Runs a few seeds of a program.
    fn batch(&self, program: &Path, mutant: &Mutant, from: u64, to: u64) -> Result<Campaign> {
        let folder = self.target.join("report");
        let records = folder.join("campaign.json");
        // Histories may be large, and those of the batch before are of no use.
        drop(fs::remove_dir_all(&folder));
        let seeds = format!("{from}..{to}");
        let folder = folder.to_string_lossy().into_owned();
        let mut arguments = vec!["--report-dir", folder.as_str()];
        if mutant.scenario == swarm::NAME {
            arguments.extend(["swarm", "--stop-at-first", "--seeds", &seeds]);
        } else {
            let name = &mutant.scenario;
            arguments.extend(["scripted", "--stop-at-first", "--seeds", &seeds, name]);
        }
        let ran = self.run(&program.to_string_lossy(), &arguments)?;
        let json = fs::read(&records).map_err(|source| {
            let said = String::from_utf8_lossy(&ran.stderr);
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            let last = last.unwrap_or("nothing");
            let (path, status) = (records.display(), ran.status);
            MutantError::Records(format!(
                "{path}: {source}; {status}, and the last it said is: {last}"
            ))
        })?;
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
            .env("GIT_CEILING_DIRECTORIES", env::temp_dir())
            .output()
            .map_err(|source| MutantError::Program { program: program.to_owned(), source })
    }

    /// Where openraft's source is.
    fn upstream(&self) -> Result<PathBuf> {
        let arguments = ["metadata", "--format-version", "1", "--locked"];
        let told = self.run_in(&self.tree, "cargo", &arguments)?;
        if !told.status.success() {
            return Err(MutantError::Upstream(first_line(&told)));
        }
        upstream::find(&told.stdout)
    }

    /// A folder with a copy of openraft's source and nothing else.
    fn upstream_alone(&self) -> Result<PathBuf> {
        let folder = self.copy.with_extension("upstream");
        upstream::copy(&self.upstream()?, &folder)?;
        Ok(folder)
    }
}

impl Mutant {
    fn read(path: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&path).map_err(|source| file(&path, source))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_upstream = upstream::is_meant(&text);
        Ok(Self { name, scenario: scenario(&text).to_owned(), path, is_upstream })
    }
}

/// The scenario that the story before the diff names.
fn scenario(text: &str) -> &str {
    let story =
        text.lines().take_while(|line| !line.starts_with("diff ") && !line.starts_with("--- "));
    let mut named = story.filter_map(|line| line.trim().strip_prefix("run:"));
    named.next().map_or(swarm::NAME, str::trim)
}

/// Who found the bug in a run.
fn finder(run: &reports::Run) -> Option<String> {
    let first = run.findings.first()?;
    // That a cluster came to a standstill says less than what is wrong with its answers or its state.
    let telling = run.findings.iter().find(|finding| !finding.checker.starts_with("liveness"));
    (run.verdict == Verdict::Violation).then(|| telling.unwrap_or(first).checker.clone())
}

fn file(path: &Path, source: io::Error) -> MutantError {
    MutantError::File { path: path.to_owned(), source }
}

/// The first error that Cargo told with its place, in its short form. Warnings may speak of errors, too.
fn first_error(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let is_error = |line: &&str| line.contains(": error") || line.starts_with("error");
    text.lines().find(is_error).map_or_else(|| first_line(output), str::to_owned)
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
