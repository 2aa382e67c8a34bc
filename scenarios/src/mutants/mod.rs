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
mod hunt;
mod patch;
mod scoreboard;
mod together;
mod upstream;

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use self::hunt::{Kill, Passed};
pub use self::patch::Mutant;
pub use self::scoreboard::{Row, Scoreboard, median};
pub use self::together::Misfit;
use crate::campaign;

/// Seeds between the campaigns of a mutant.
const CAMPAIGN_SEEDS: u64 = 1 << 20;

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

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Every campaign found it.
    Killed(Vec<Kill>),
    /// One did not; those before it did.
    Survived(Vec<Kill>),
    /// This seed, up to the one that found it, fails without it, too.
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

    /// Builds a mutant and runs it until every campaign has found it, or one has used up its seeds. The tree has to pass
    /// all seeds that were run, unless it is known to have passed them.
    pub fn try_out(&self, mutant: &Mutant, trial: &Trial, passed: &mut Passed) -> Result<Fate> {
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
            if let Some(seed) = self.tree_fails(mutant, first..kill.seed + 1, passed)? {
                return Ok(Fate::TreeFails(seed));
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
