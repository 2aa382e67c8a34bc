//! A copy of openraft's published source, for the bugs that sit inside it.
//!
//! Whoever builds the workspace has it already, in the folder of their Cargo. The copy lies in the copied
//! tree, under `openraft/`, and takes the place of the package from the registry.

use std::fs;
use std::path::{Path, PathBuf};

use super::copy::copy_folder;
use super::{MutantError, Result, file};

/// The folder in the copied tree, and in the paths of patches.
pub(super) const FOLDER: &str = "openraft";
/// What the copied tree's manifest says to build it.
const PATCH: &str = "\n[patch.crates-io]\nopenraft = { path = \"openraft\" }\n";
/// Keeps Cargo from taking the copy for a package of the workspace around it.
const OWN_WORKSPACE: &str = "\n[workspace]\n";

/// Whether a patch is about openraft's source. One that is about both has no place to be applied at.
pub(super) fn is_meant(patch: &str) -> bool {
    let mut targets = patch.lines().filter_map(|line| line.strip_prefix("+++ b/"));
    targets.any(|path| Path::new(path).starts_with(FOLDER))
}

/// Where openraft's source lies, as `cargo metadata` tells it.
pub(super) fn find(metadata: &[u8]) -> Result<PathBuf> {
    let unknown = |why: String| MutantError::Upstream(why);
    let read: serde_json::Value =
        serde_json::from_slice(metadata).map_err(|error| unknown(error.to_string()))?;
    let packages = read["packages"].as_array().into_iter().flatten();
    let manifest = packages
        .filter(|package| package["name"] == FOLDER)
        .find_map(|package| package["manifest_path"].as_str())
        .ok_or_else(|| unknown("`cargo metadata` names no such package".to_owned()))?;
    let folder = Path::new(manifest).parent();
    Ok(folder.unwrap_or(Path::new(".")).to_owned())
}

/// Makes `root/openraft` like the source, and leaves alone what is like it already.
pub(super) fn copy(source: &Path, root: &Path) -> Result<()> {
    let target = root.join(FOLDER);
    // What an older release had there belongs to nothing any more.
    if !fs::read_to_string(target.join("Cargo.toml"))
        .is_ok_and(|old| old.contains(&source_line(source)))
    {
        drop(fs::remove_dir_all(&target));
    }
    copy_folder(&source.join("src"), &target.join("src"))?;
    let manifest = source.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| file(&manifest, error))?;
    // What it says of tests and benchmarks names files that are not copied.
    let tests = text.find("\n[[test]]").unwrap_or(text.len());
    let (built, rest) = text.split_at(tests);
    let dependencies = rest.find("\n[dependencies").map_or("", |at| &rest[at..]);
    let own = target.join("Cargo.toml");
    fs::write(&own, format!("{built}{dependencies}{OWN_WORKSPACE}{}", source_line(source)))
        .map_err(|error| file(&own, error))
}

/// Says in the manifest which release the copy is of.
fn source_line(source: &Path) -> String {
    format!("# {}\n", source.display())
}

/// Has the workspace at `root` be built with the copy.
pub(super) fn take(root: &Path) -> Result<()> {
    let manifest = root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| file(&manifest, error))?;
    fs::write(&manifest, text + PATCH).map_err(|error| file(&manifest, error))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{find, is_meant};

    #[test]
    fn a_patch_of_openraft_is_known_by_its_paths() {
        assert!(is_meant("story\n--- a/openraft/src/a.rs\n+++ b/openraft/src/a.rs\n"));
        assert!(!is_meant("openraft's bug\n--- a/store/x.rs\n+++ b/store/x.rs\n"));
    }

    #[test]
    fn the_source_is_found_where_cargo_has_it() {
        let metadata = br#"{"packages":[{"name":"a","manifest_path":"/a/Cargo.toml"},
            {"name":"openraft","manifest_path":"/r/openraft-1/Cargo.toml"}]}"#;
        assert_eq!(find(metadata).unwrap(), Path::new("/r/openraft-1"));
        assert!(find(b"{}").is_err());
    }
}
