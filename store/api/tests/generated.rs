//! The committed code is what the `.proto` files say.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a tool of the build, not a part of the store"
)]

mod descriptors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

const PROTOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/generated");

#[test]
fn generated_code_is_what_the_protos_say() {
    let fresh = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("generated");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).unwrap();
    }
    fs::create_dir_all(&fresh).unwrap();
    generate(&fresh);
    let fresh = files(&fresh);
    if env::var("DETCD_REGENERATE").is_ok() {
        replace(Path::new(COMMITTED), &fresh);
    }
    let committed = files(Path::new(COMMITTED));
    assert_eq!(
        committed.keys().collect::<Vec<_>>(),
        fresh.keys().collect::<Vec<_>>(),
        "packages differ: run DETCD_REGENERATE=1 cargo test -p detcd-api --test generated"
    );
    for (name, text) in &fresh {
        assert!(
            committed[name] == *text,
            "{name} is stale: run DETCD_REGENERATE=1 cargo test -p detcd-api --test generated"
        );
    }
}

fn generate(directory: &Path) {
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".")
        .emit_rerun_if_changed(false)
        .out_dir(directory)
        .compile_fds(descriptors::compile(PROTOS))
        .unwrap();
}

fn files(directory: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(directory) else { return BTreeMap::new() };
    let named = entries.map(|entry| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    });
    named.collect()
}

fn replace(directory: &Path, with: &BTreeMap<String, String>) {
    fs::create_dir_all(directory).unwrap();
    for name in files(directory).keys() {
        fs::remove_file(directory.join(name)).unwrap();
    }
    for (name, text) in with {
        fs::write(directory.join(name), text).unwrap();
    }
}
