//! What can be run by name.

use std::path::Path;

use crate::library;
use crate::plan::Plan;
use crate::script::{ParseError, parse};
use crate::swarm;

/// Something that has a plan for every seed.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are a few dozen of them in a process")]
pub enum Subject {
    /// The same plan for all seeds.
    Script(Plan),
    /// A plan made of the seed.
    Swarm,
}

/// A scenario that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum UnknownScenario {
    /// Nothing has that name.
    #[error("unknown scenario `{name}`; `cargo sim -- list` names them all")]
    Name {
        /// The name.
        name: String,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A script is not understood.
    #[error("{name}: {source}")]
    Script {
        /// Which script.
        name: String,
        /// Why.
        source: ParseError,
    },
}

impl Subject {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Script(plan) => &plan.name,
            Self::Swarm => swarm::NAME,
        }
    }

    /// What it shows.
    pub fn about(&self) -> &str {
        match self {
            Self::Script(plan) => &plan.about,
            Self::Swarm => swarm::ABOUT,
        }
    }

    /// What happens under a seed.
    pub fn plan(&self, seed: u64) -> Plan {
        match self {
            Self::Script(plan) => plan.clone(),
            Self::Swarm => swarm::plan(seed),
        }
    }
}

/// All scripted scenarios.
pub fn scripted() -> Result<Vec<Subject>, UnknownScenario> {
    let plans = library::all()
        .map_err(|(name, source)| UnknownScenario::Script { name: name.to_owned(), source })?;
    Ok(plans.into_iter().map(Subject::Script).collect())
}

/// A scenario by its name, or by the path of a script.
pub fn find(name: &str) -> Result<Subject, UnknownScenario> {
    if name == swarm::NAME {
        return Ok(Subject::Swarm);
    }
    if let Some(subject) = scripted()?.into_iter().find(|subject| subject.name() == name) {
        return Ok(subject);
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "txt") {
        return Err(UnknownScenario::Name { name: name.to_owned() });
    }
    let text = std::fs::read_to_string(path)
        .map_err(|source| UnknownScenario::File { path: name.to_owned(), source })?;
    let plan = parse(name, &text)
        .map_err(|source| UnknownScenario::Script { name: name.to_owned(), source })?;
    Ok(Subject::Script(plan))
}

#[cfg(test)]
mod tests {
    use super::{find, scripted};

    #[test]
    fn scenarios_are_found_by_name_and_nothing_else_is() {
        for subject in scripted().unwrap() {
            assert_eq!(find(subject.name()).unwrap().name(), subject.name());
        }
        assert_eq!(find("swarm").unwrap().name(), "swarm");
        let error = find("no-such-thing").expect_err("there is none").to_string();
        assert_eq!(error, "unknown scenario `no-such-thing`; `cargo sim -- list` names them all");
        let error = find("no/such/thing.txt").expect_err("there is none").to_string();
        assert!(error.starts_with("cannot read `no/such/thing.txt`: "), "{error}");
    }
}
