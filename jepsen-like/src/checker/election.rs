//! Elections: whoever observes one is told of leaders in the order in which they led, of each value that a
//! leader proclaims no more than once, and of nobody who never led (etcd's election service, G92).
//!
//! That nobody is elected while somebody else leads, and that who has been followed writes no more, the
//! checker of locks shows: an election is a lock whose key has a value.

use std::collections::BTreeMap;

use super::strict_serializability::Committed;
use super::{Findings, Verdict, Violation};
use crate::history::{Event, History, KvEventKind, LeaderLine, WatchId};

const CHECKER: &str = "election";

/// Checks what observers were told.
pub fn check(history: &History, committed: Option<&Committed<'_>>) -> Verdict {
    let told = history.events.iter().filter_map(|event| match event {
        Event::Leader(line) => Some(line),
        _ => None,
    });
    let mut streams: BTreeMap<WatchId, Vec<&LeaderLine>> = BTreeMap::new();
    told.for_each(|line| streams.entry(line.stream).or_default().push(line));
    if streams.is_empty() {
        return Verdict::Pass;
    }
    let Some(committed) = committed else {
        return Verdict::inconclusive("the committed log is not known");
    };
    let mut findings = Findings::default();
    for lines in streams.values() {
        for pair in lines.windows(2) {
            check_order(pair[0], pair[1], &mut findings);
        }
        lines.iter().for_each(|line| check_leader(line, committed, &mut findings));
    }
    findings.verdict()
}

fn check_order(before: &LeaderLine, after: &LeaderLine, findings: &mut Findings) {
    let at = |line: &LeaderLine| (line.create_revision, line.mod_revision);
    if at(before) < at(after) {
        return;
    }
    let text = format!(
        "stream {} of member {} told of {} of revision {} after {} of revision {}",
        after.stream, after.member, after.key, after.mod_revision, before.key, before.mod_revision
    );
    findings.add(Violation::new(CHECKER, "ORDER", text).at(None, after.time));
}

fn check_leader(line: &LeaderLine, committed: &Committed<'_>, findings: &mut Findings) {
    let state = &committed.state;
    let kv = state.at(line.key.as_bytes(), line.mod_revision);
    let is_real = kv.is_some_and(|kv| {
        (kv.create_revision, kv.mod_revision, &kv.value)
            == (line.create_revision, line.mod_revision, &line.value)
    });
    if !is_real {
        let text = format!(
            "stream {} of member {} told that {} proclaims {} at revision {}, which it does not",
            line.stream, line.member, line.key, line.value, line.mod_revision
        );
        findings.add(Violation::new(CHECKER, "UNREAL", text).at(None, line.time));
        return;
    }
    // The oldest key leads until it is gone: who led once leads in the end.
    let changes = state.changes_of(line.key.as_bytes()).iter();
    let mut ends = changes.filter_map(|&at| state.changes().get(at)).filter(|change| {
        change.kind == KvEventKind::Delete && change.kv.mod_revision > line.mod_revision
    });
    let last = ends.next().map_or(state.revision(), |change| change.kv.mod_revision - 1);
    if state.lock_owner_at(&line.election, last).as_ref() != Some(&line.key) {
        let text = format!(
            "stream {} of member {} told of {}, which never led {} up to revision {last}",
            line.stream, line.member, line.key, line.election
        );
        findings.add(Violation::new(CHECKER, "NEVER_LED", text).at(None, line.time));
    }
}
