//! What clients that are not ours see of real `detcd` processes.
//!
//! A workspace of its own, because its dependencies are other people's choices. It needs a built
//! daemon, `protoc` (to build the `etcd-client` crate) and an unmodified `etcdctl`.

#[path = "../../../store/node/tests/process/daemon.rs"]
pub mod daemon;
pub mod etcd;
pub mod etcdctl;
#[path = "../../differential/src/fetch.rs"]
mod fetch;
pub mod foreign;
#[path = "../../../store/node/tests/process/load.rs"]
pub mod load;
pub mod transcript;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The daemon under test: `DETCD_BIN`, or the newest that was built in the workspace.
///
/// # Panics
///
/// When there is none: a test that did not run must not look like one that passed.
pub fn daemon_binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("DETCD_BIN") {
        let binary = PathBuf::from(binary);
        assert!(binary.is_file(), "DETCD_BIN is {}, which is no file", binary.display());
        return binary;
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let built = ["debug", "release"].map(|profile| target.join(profile).join("detcd"));
    let newest = built.into_iter().filter(|binary| binary.is_file()).max_by_key(|binary| {
        binary.metadata().and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    });
    newest.unwrap_or_else(|| {
        panic!(
            "there is no daemon to test below {}: build it with `cargo build -p detcd-node --bin \
             detcd` in the root of the repository, or name one in DETCD_BIN",
            target.display()
        )
    })
}
