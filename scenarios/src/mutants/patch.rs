//! A mutant's file: the story of a bug, then the diff that puts it there.

use std::fs;
use std::path::PathBuf;

use super::{Result, file, upstream};
use crate::swarm;

/// A patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The file's name without its ending.
    pub name: String,
    /// The scenario that is to find it.
    pub scenario: String,
    /// What it stands for: the first line of its story.
    pub stands_for: String,
    pub(super) path: PathBuf,
    /// Whether it is a patch of openraft's source.
    pub(super) is_upstream: bool,
}

impl Mutant {
    /// Reads a patch file.
    pub fn read(path: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&path).map_err(|source| file(&path, source))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_upstream = upstream::is_meant(&text);
        let scenario = scenario(&text).to_owned();
        let stands_for = story(&text).next().unwrap_or_default().to_owned();
        Ok(Self { name, scenario, stands_for, path, is_upstream })
    }
}

/// The lines before the diff, without those that are empty.
fn story(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|line| !line.starts_with("diff ") && !line.starts_with("--- "))
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

/// The scenario that the story names.
fn scenario(text: &str) -> &str {
    story(text).find_map(|line| line.strip_prefix("run:")).map_or(swarm::NAME, str::trim)
}

#[cfg(test)]
mod tests {
    use super::{scenario, story};

    #[test]
    fn the_story_names_the_scenario() {
        let patch =
            "etcd #14370: a reply before fsync.\nrun: single-member\n\ndiff --git a/x b/x\n";
        assert_eq!(scenario(patch), "single-member");
        assert_eq!(story(patch).next(), Some("etcd #14370: a reply before fsync."));
        assert_eq!(scenario("A story.\n--- a/x\nrun: not-this\n"), "swarm");
    }
}
