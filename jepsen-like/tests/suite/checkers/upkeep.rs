//! What operators ask of members: hashes, snapshots, alarms, and who may do what.

use jepsen_like::history::{
    AccessLine, AccessRecord, AlarmKind, Event, History, KeyValue, Micros, Refusal, RefusalKind,
    UpkeepLine, UpkeepRecord,
};

use crate::checkers::support::story::{Story, delete, done, kv, put};

fn asked(story: Story, record: UpkeepRecord) -> Story {
    let mut story = story;
    let (called, time) = (story.tick(), story.tick());
    story.event(Event::Upkeep(UpkeepLine { time, called, member: 1, record }))
}

fn begin() -> Story {
    Story::default().ok(put("k", "1"), done(2)).ok(put("k", "2"), done(3))
}

fn snapshot(revision: i64, kvs: Vec<KeyValue>) -> Story {
    asked(begin(), UpkeepRecord::Snapshot { revision, kvs })
}

#[test]
fn a_snapshot_holds_what_was_committed_at_its_revision() {
    snapshot(2, vec![kv("k", "1", [2, 2, 1])]).is_legal();
    let breaks = |kvs, words: &[&str]| snapshot(3, kvs).breaks("snapshots", "SAME_STATE", words);
    breaks(vec![kv("k", "1", [2, 2, 1])], &["member 1 at revision 3", "k=1"]);
    breaks(vec![], &["lacks k"]);
    breaks(vec![kv("k", "2", [3, 2, 2]), kv("l", "0", [3, 3, 1])], &["l, which was not there"]);
    snapshot(4, vec![]).breaks("snapshots", "SAME_STATE", &["ahead", "revision 3"]);
}

/// Two members hash the same stretch, and differ.
pub(crate) fn hashes() -> Story {
    let hash = |hash| UpkeepRecord::Hash { revision: 3, compacted: -1, hash };
    asked(asked(begin(), hash(6)), hash(7))
}

/// A snapshot of the newest revision that holds the state of another.
pub(crate) fn snapshots() -> Story {
    snapshot(3, vec![kv("k", "1", [2, 2, 1])])
}

/// One thing told wrong for each guarantee of alarms.
pub(crate) fn alarms() -> Vec<(&'static str, Story)> {
    let active = UpkeepRecord::Alarms { active: vec![AlarmKind::NoSpace] };
    let written = asked(begin(), active).ok(put("k", "3"), done(4));
    vec![
        ("REFUSED_WHILE_ACTIVE", written),
        ("ALLOWED_IS_DONE", begin().fail(delete("k"), RefusalKind::NoSpace)),
    ]
}

/// One thing told wrong for each guarantee of access.
pub(crate) fn access() -> Vec<(&'static str, History)> {
    let line = |time: Micros, record| Event::Access(AccessLine { time, record });
    let user = |op| line(0, AccessRecord::As { op, user: 1 });
    let admitted = begin().event(user(2));
    let mut denied = begin();
    let (from, to) = (denied.tick(), denied.tick());
    let mut denied = denied
        .event(line(from, AccessRecord::Change { change: 1, user: 1, permits: true }))
        .event(line(to, AccessRecord::Done { change: 1 }));
    let op = denied.call(put("k", "3"));
    let (time, kind) = (denied.tick(), RefusalKind::NotServed);
    let error = Refusal { kind, text: "etcdserver: permission denied".to_owned() };
    let denied = denied.event(user(op)).event(Event::Fail { time, op, error });
    vec![("NOT_ADMITTED_UNPERMITTED", admitted.history), ("NOT_DENIED_PERMITTED", denied.history)]
}
