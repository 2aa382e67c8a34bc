//! Folders made like other folders. What is alike is left alone, so that Cargo builds little of it again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{MutantError, Result, file, first_line};

/// Makes `copy` hold the files of `tree` that belong to it, and no others.
pub(super) fn make_like(tree: &Path, copy: &Path) -> Result<()> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(tree)
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
        .filter(|name| tree.join(name).is_file())
        .collect();
    for name in &wanted {
        copy_if_different(&tree.join(name), &copy.join(name))?;
    }
    remove_others(copy, copy, &wanted)
}

/// Makes a folder, with all that is in it.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(|error| file(to, error))?;
    for entry in fs::read_dir(from).map_err(|error| file(from, error))? {
        let path = entry.map_err(|error| file(from, error))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            copy_if_different(&path, &target)?;
        }
    }
    Ok(())
}

/// Gives what Cargo has built of dependencies to another target folder, without a copy of the bytes: it takes
/// its own files for fresh wherever they lie. Whatever cannot be linked is built again.
pub(super) fn lend_dependencies(built: &Path, target: &Path) -> Result<()> {
    if target.exists() {
        return Ok(());
    }
    for folder in ["deps", "build"] {
        link_folder(&built.join(folder), &target.join(folder))?;
    }
    // Cargo writes these in place, and each side has its own.
    let fingerprints = built.join(".fingerprint");
    if fingerprints.is_dir() {
        copy_folder(&fingerprints, &target.join(".fingerprint"))?;
    }
    Ok(())
}

fn link_folder(from: &Path, to: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    fs::create_dir_all(to).map_err(|error| file(to, error))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            link_folder(&path, &target)?;
        } else if fs::hard_link(&path, &target).is_err() {
            // Another file system: then it is not lent.
            continue;
        }
    }
    Ok(())
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
