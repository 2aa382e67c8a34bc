//! Behaviour as text: what stands behind `> ` in `tests/scripts/*.txt` is done, and what follows is
//! what came of it. `UPDATE_SCRIPTS=1 cargo test` writes anew what came of it; the diff is then to
//! be read.

#[path = "support/language.rs"]
mod language;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use detcd_machine::{Change, Chunk, Machine, MetaKey, RangeReader, Requester, Revision, Row};

use self::language::{
    Words, bytes, keys, number, requester, show_alarm, show_auth, show_event, show_key, show_kv,
    show_outcome, show_range,
};
use self::support::Store;

/// A machine that a script is talking to.
#[derive(Default)]
struct Session {
    machine: Machine,
    store: Store,
    readers: BTreeMap<String, RangeReader>,
    shows_events: bool,
}

impl Session {
    fn answer(&mut self, line: &str) -> Vec<String> {
        let mut words = Words::new(line);
        match line.split_whitespace().next().expect("a command") {
            "get" => {
                words.next();
                match self.store.read(&self.machine, &words.range(), 2) {
                    Ok(outcome) => show_range(&outcome),
                    Err(rejection) => vec![format!("rejected: {rejection}")],
                }
            }
            "events" => {
                self.shows_events = true;
                Vec::new()
            }
            "open" => self.open(&mut words),
            "next" => self.next(&mut words),
            "step" => self.step(&mut words),
            "rows" => self.rows(),
            "remove-member" => self.remove_member(&mut words),
            "restart" => self.restart(),
            "leases" => self.leases(),
            "prev" => {
                words.next();
                let key = bytes(words.next());
                let revision = Revision { main: words.number(), sub: 0 };
                match self.machine.previous(&key, revision) {
                    Some(at) => vec![format!("{}.{}", at.main, at.sub)],
                    None => vec!["none".to_owned()],
                }
            }
            "as" => {
                words.next();
                let by = requester(words.next(), self.machine.auth());
                self.ask(&by, &mut words)
            }
            "may" => self.ask(&Requester::Anonymous, &mut words),
            "users" => show_auth(self.machine.auth()),
            _ => self.apply(&Requester::Anonymous, &mut words),
        }
    }

    fn ask(&mut self, by: &Requester, words: &mut Words<'_>) -> Vec<String> {
        let auth = self.machine.auth();
        if !words.take("may") {
            return self.apply(by, words);
        }
        let kind = words.next();
        let (key, range_end) = keys(words.next());
        let checked = match kind {
            "read" => auth.check_read(by, &key, &range_end),
            "write" => auth.check_write(by, &key, &range_end),
            other => panic!("no permission {other:?}"),
        };
        vec![checked.map_or_else(|rejection| rejection.to_string(), |()| "yes".to_owned())]
    }

    fn apply(&mut self, by: &Requester, words: &mut Words<'_>) -> Vec<String> {
        let digest = self.machine.digest();
        let applied = self.store.apply_by(&mut self.machine, by, &words.command());
        assert_eq!(words.maybe(), None, "the command should have ended");
        assert_eq!(applied.revision, self.machine.revision());
        let mut lines = vec![format!("revision {}", applied.revision)];
        match applied.outcome {
            Ok(outcome) => lines.extend(show_outcome(&outcome)),
            Err(rejection) => {
                assert_eq!(self.machine.digest(), digest, "a refusal changes nothing");
                assert_eq!(applied.changes, [], "a refusal changes nothing");
                lines.push(format!("rejected: {rejection}"));
            }
        }
        if self.shows_events {
            lines.extend(applied.events.iter().map(show_event));
        }
        lines
    }

    fn open(&mut self, words: &mut Words<'_>) -> Vec<String> {
        words.next();
        let name = words.next().to_owned();
        match RangeReader::new(&self.machine, &words.range()) {
            Ok(reader) => {
                let line = format!("pinned at {}", reader.revision());
                self.readers.insert(name, reader);
                vec![line]
            }
            Err(rejection) => vec![format!("rejected: {rejection}")],
        }
    }

    fn next(&mut self, words: &mut Words<'_>) -> Vec<String> {
        words.next();
        let name = words.next();
        let keys_max = usize::try_from(words.number()).expect("a count");
        let Some(reader) = self.readers.get_mut(name) else {
            return vec!["closed".to_owned()];
        };
        match reader.next(&self.machine, keys_max) {
            Ok(Chunk::Rows(revisions)) => {
                reader.accept(revisions.iter().map(|at| self.store.value(*at)).collect());
                vec![format!("rows {}", show_revisions(&revisions))]
            }
            Ok(Chunk::Again) => vec!["again".to_owned()],
            Ok(Chunk::Done) => {
                let reader = self.readers.remove(name).expect("an open reader");
                show_range(&reader.finish())
            }
            Err(rejection) => vec![format!("rejected: {rejection}")],
        }
    }

    fn step(&mut self, words: &mut Words<'_>) -> Vec<String> {
        words.next();
        let keys_max = usize::try_from(words.number()).expect("a count");
        let pinned = words.maybe().map(number);
        let digest = self.machine.digest();
        let changes = self.machine.compact_step(keys_max, pinned);
        assert_eq!(self.machine.digest(), digest, "removing rows is no change of the state");
        self.store.keep(&changes);
        let removed: Vec<_> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Remove { revision } => Some(*revision),
                Change::Put { .. } | Change::SetMeta { .. } | Change::RemoveMeta { .. } => None,
            })
            .collect();
        let is_done = changes
            .iter()
            .any(|change| matches!(change, Change::SetMeta { key: MetaKey::CompactionDone, .. }));
        let done = if is_done { ", done" } else { "" };
        let pending = if self.machine.compaction_pending() { ", pending" } else { "" };
        vec![format!("removed [{}]{done}{pending}", show_revisions(&removed))]
    }

    fn rows(&self) -> Vec<String> {
        let rows = self.store.rows().map(|(revision, row)| {
            let row = match row {
                Row::Value(kv) => show_kv(&kv),
                Row::Tombstone { key } => format!("{} deleted", show_key(&key)),
            };
            format!("{}.{} {row}", revision.main, revision.sub)
        });
        rows.collect()
    }

    fn leases(&self) -> Vec<String> {
        let leases = self.machine.leases().iter().map(|(id, lease)| {
            let keys: Vec<_> = lease.keys().map(|key| show_key(key)).collect();
            format!("{id}: {} of {} s [{}]", lease.time_left(), lease.ttl, keys.join(" "))
        });
        leases.collect()
    }

    fn remove_member(&mut self, words: &mut Words<'_>) -> Vec<String> {
        words.next();
        let id = words.number().cast_unsigned();
        let changes = self.machine.remove_members(&[id]);
        self.store.keep(&changes);
        vec![if changes.is_empty() { "nothing" } else { "member removed" }.to_owned()]
    }

    fn restart(&mut self) -> Vec<String> {
        let restored = self.store.restore();
        assert_eq!(restored.digest(), self.machine.digest(), "a restart loses nothing");
        assert_eq!(restored.members(), self.machine.members(), "a restart loses nothing");
        assert_eq!(restored.auth(), self.machine.auth(), "a restart loses nothing");
        assert_eq!(restored.leases(), self.machine.leases(), "a restart loses nothing");
        assert_eq!(restored.removed_members(), self.machine.removed_members());
        assert_eq!(restored.cluster_version(), self.machine.cluster_version());
        assert_eq!(restored.downgrade(), self.machine.downgrade());
        self.machine = restored;
        let mut lines = vec![format!(
            "revision {}, compacted {}, keys {}{}",
            self.machine.revision(),
            self.machine.compact_revision(),
            self.machine.key_count(),
            if self.machine.compaction_pending() { ", compaction pending" } else { "" },
        )];
        lines.extend(self.machine.members().values().map(|member| {
            format!("member {} {} {}", member.id, member.name, member.client_urls.join(" "))
        }));
        lines.extend(self.machine.alarms().map(|alarm| format!("alarm {}", show_alarm(alarm))));
        lines.extend(self.machine.removed_members().iter().map(|id| format!("removed {id}")));
        lines.extend(self.machine.cluster_version().map(|it| format!("cluster version {it}")));
        lines.extend(self.machine.downgrade().map(|target| format!("downgrade to {target}")));
        lines
    }
}

fn show_revisions(revisions: &[Revision]) -> String {
    let shown: Vec<_> = revisions.iter().map(|at| format!("{}.{}", at.main, at.sub)).collect();
    shown.join(" ")
}

/// The script with what really comes of each line.
fn run(script: &str) -> String {
    let mut session = Session::default();
    let mut out = String::new();
    for line in script.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            out.extend([line, "\n"]);
            for answer in session.answer(command) {
                out.extend(["  ", &answer, "\n"]);
            }
        } else if line.is_empty() || line.starts_with('#') {
            out.extend([line, "\n"]);
        }
    }
    out
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let files = folder.read_dir().expect("the folder of scripts");
    let mut scripts: Vec<_> = files.map(|file| file.expect("a script").path()).collect();
    scripts.sort();
    scripts
}

#[test]
fn scripts_come_to_what_they_say() {
    let scripts = scripts();
    assert!(scripts.len() >= 8, "{} scripts", scripts.len());
    let mut differing = Vec::new();
    for path in scripts {
        let script = std::fs::read_to_string(&path).expect("a readable script");
        let actual = run(&script);
        if actual == script {
            continue;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the only write of a test that was asked for"
        )]
        if std::env::var("UPDATE_SCRIPTS").is_ok() {
            std::fs::write(&path, &actual).expect("a writable script");
            continue;
        }
        let at = script.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
        differing.push(format!(
            "{}:{}:\n  expected: {:?}\n  actual:   {:?}",
            path.display(),
            at + 1,
            script.lines().nth(at).unwrap_or_default(),
            actual.lines().nth(at).unwrap_or_default(),
        ));
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
