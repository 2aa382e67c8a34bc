//! The command as a process: what it leaves when it is stopped, and what its exit code says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jepsen_like::history::Writer;
use reports::Results;
use scenarios::campaign::find;
use scenarios::run::{Options, simulate};

/// The scenario with the shortest runs, and far more of them than anybody lets a campaign of these tests do.
const MANY: [&str; 4] = ["scripted", "single-member", "--seeds", "0..100000"];

/// A fresh folder of one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("command-{name}"));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("the folder is writable");
    folder
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scenarios"));
    command.arg("--report-dir").arg(folder).args(["--jobs", "2"]).args(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn done(folder: &Path, words: &[&str]) -> Output {
    command(folder, words).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it prints text")
}

/// A campaign that has written a few results and is far from its end.
fn under_way(folder: &Path, words: &[&str]) -> Child {
    let child = command(folder, words).spawn().expect("the program starts");
    let begin = Instant::now();
    while runs(&folder.join("results.jsonl")) < 2 {
        assert!(begin.elapsed() < Duration::from_secs(120), "nothing comes of it");
        thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Runs in a file that is being written.
fn runs(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| line.starts_with("{\"run\"")).count()
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("there is `kill`").success());
}

#[test]
fn a_campaign_that_is_asked_to_stop_tells_of_what_it_did() {
    for signal in ["-INT", "-TERM"] {
        let folder = folder(&format!("stopped{signal}"));
        let child = under_way(&folder, &MANY);
        send(signal, &child);
        let output = child.wait_with_output().expect("it ends");
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("runs that were asked for") && said.contains("TOO FEW"), "{said}");
        assert!(folder.join("index.html").exists() && folder.join("junit.xml").exists());
        assert_eq!(Results::read(&folder.join("results.jsonl")).unwrap().wall_us, None);
    }
}

#[test]
fn a_soak_without_end_ends_well_when_it_is_stopped() {
    let folder = folder("soak");
    let child = under_way(&folder, &["soak", "--base-seed", "0"]);
    send("-TERM", &child);
    let output = child.wait_with_output().expect("it ends");
    let said = text(&output.stdout);
    assert!(!said.contains("asked for"), "{said}");
    assert!(Results::read(&folder.join("results.jsonl")).unwrap().wall_us.is_some());
    // Of so few runs nobody knows whether they reach all that many would; but that is all that may be said of them.
    let code = if said.contains("\npass: report in") { 0 } else { 2 };
    assert_eq!(output.status.code(), Some(code), "{said}");
}

#[test]
fn what_a_killed_campaign_found_outlives_what_is_run_after_it() {
    let folder = folder("killed");
    let mut child = under_way(&folder, &MANY);
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
    let results = folder.join("results.jsonl");
    let found = runs(&results);
    let replayed = done(&folder, &["run", "single-member", "--seed", "0"]);
    assert_eq!(replayed.status.code(), Some(0), "{}", text(&replayed.stdout));
    assert_eq!(runs(&results), found, "a replay has touched the results");
    let next = done(&folder, &["scripted", "single-member", "--seeds", "0..1"]);
    let aside = folder.join("results.unfinished-1.jsonl");
    let hint = text(&next.stderr);
    assert!(hint.contains(&format!("merge {}", aside.display())), "{hint}");
    assert_eq!((runs(&results), runs(&aside)), (1, found));
    let pages = folder.join("unfinished");
    let merged = done(&pages, &["merge", &aside.to_string_lossy()]);
    assert_eq!(merged.status.code(), Some(2), "{}", text(&merged.stderr));
    assert!(text(&merged.stdout).contains("of the runs themselves"), "{}", text(&merged.stdout));
    assert!(pages.join("index.html").exists());
}

#[test]
fn a_history_is_judged_as_its_run_was() {
    let folder = folder("judge");
    let path = folder.join("swarm-7.jsonl");
    let plan = find("swarm").expect("it is there").plan(7);
    let ran = simulate(&plan, 7, &Options::default());
    let mut writer = Writer::new(Vec::new());
    writer.write_all(&ran.history).expect("a vector takes all");
    let whole = writer.finish().expect("so it does");
    let judge = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("the folder is writable");
        let output = done(&folder, &["judge", &path.to_string_lossy()]);
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = judge(&whole);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(judge(b"").0, Some(2));
    let third = whole.split_inclusive(|byte| *byte == b'\n').take(2).map(<[u8]>::len).sum();
    for junk in [&b"{\"what\":1}\n"[..], b"{\"invoke\":\"\xff\"}\n", b"\xff\n", b"{\n"] {
        let (code, said) = judge(&[&whole[..third], junk, &whole[third..]].concat());
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&format!("error: {}:3:", path.display())), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
