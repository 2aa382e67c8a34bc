//! Which program this is. The commit of the folder does not say: what runs was built some time before, perhaps from a
//! tree that was not committed, and perhaps elsewhere.

use std::env;
use std::fs::File;
use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// On Linux this is the file that runs, even if another has taken its name meanwhile.
const RUNNING: &str = "/proc/self/exe";
/// As many hexadecimal digits as tell programs apart.
const DIGITS: usize = 16;
const CHUNK: usize = 1 << 20;

/// The beginning of the hash of the program that runs; nothing where its file cannot be read.
pub(super) fn fingerprint() -> Option<String> {
    let running = File::open(RUNNING).or_else(|_| File::open(env::current_exe()?));
    hash(running.ok()?).ok()
}

fn hash(mut file: impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            count => hasher.update(&chunk[..count]),
        }
    }
    let digits: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(digits[..DIGITS].to_owned())
}

#[cfg(test)]
mod tests {
    use super::{DIGITS, fingerprint, hash};

    #[test]
    fn a_program_has_one_fingerprint_and_another_has_another() {
        let own = fingerprint().expect("a test can be read");
        assert_eq!(own.len(), DIGITS);
        assert_eq!(fingerprint(), Some(own.clone()));
        assert_eq!(hash(&b"abc"[..]).ok().as_deref(), Some("ba7816bf8f01cfea"));
        assert_ne!(hash(&b"abc"[..]).ok(), Some(own));
    }
}
