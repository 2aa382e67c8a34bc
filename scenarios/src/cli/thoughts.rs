//! What a member thinks, as text: its Raft, its keys, its watchers.

use std::collections::BTreeSet;

use detcd_node::raft::standing::Standing;
use detcd_node::watch::{End, KeyRange, Watching};
use detcd_node::window::View;
use reports::grouped;

use super::screen::say;

/// Watchers that are listed.
const WATCHERS_MAX: usize = 20;

pub(super) fn print(view: &View) {
    print_raft(&view.raft, view.durable);
    say(&format!(
        "  index: revision {}, compacted to {}, {} living keys of {} known, {} leases",
        view.revision,
        view.compact_revision,
        grouped(view.live_keys as u64),
        grouped(view.known_keys as u64),
        grouped(view.leases as u64)
    ));
    for key in &view.keys {
        say(&format!(
            "    {} created at {}, changed at {}, version {}",
            key.key.escape_ascii(),
            key.create_revision,
            key.mod_revision,
            key.version
        ));
    }
    rest("keys", view.live_keys, view.keys.len());
    say(&format!(
        "  watchers: {} on {} streams, {} bytes wait for their clients",
        grouped(view.watchers.len() as u64),
        grouped(view.watch_streams as u64),
        grouped(view.queued_bytes as u64)
    ));
    view.watchers.iter().take(WATCHERS_MAX).for_each(print_watcher);
    rest("watchers", view.watchers.len(), WATCHERS_MAX);
}

fn rest(what: &str, count: usize, shown: usize) {
    if count > shown {
        say(&format!("    and {} more {what}", grouped((count - shown) as u64)));
    }
}

fn print_raft(raft: &Standing, durable: Option<u64>) {
    let index = |index: Option<u64>| index.map_or("-".to_owned(), |index| index.to_string());
    let leader = raft.leader.map_or("nobody".to_owned(), |leader| format!("{leader:x}"));
    let quorum = if raft.is_vote_committed { ", as a quorum does" } else { "" };
    say(&format!(
        "  raft: term {}, votes for {:x}{quorum}, follows {leader}",
        raft.term, raft.voted_for
    ));
    say(&format!(
        "    purged {} <= snapshot {}, applied {} <= committed {}, last {}, durable {}",
        index(raft.purged),
        index(raft.snapshot),
        index(raft.applied),
        index(raft.committed),
        index(raft.last),
        index(durable)
    ));
    let sets: Vec<String> = raft.voters.iter().map(ids).collect();
    say(&format!(
        "    membership of index {}: voters {}, learners {}",
        index(raft.membership_index),
        sets.join(" and "),
        ids(&raft.learners)
    ));
}

fn ids(ids: &BTreeSet<u64>) -> String {
    let words: Vec<String> = ids.iter().map(|id| format!("{id:x}")).collect();
    format!("{{{}}}", words.join(" "))
}

fn print_watcher(watching: &Watching) {
    let watcher = &watching.watcher;
    let range = match &watcher.interest.range {
        KeyRange::Key(key) => key.escape_ascii().to_string(),
        KeyRange::Span(span) => {
            let end = match &span.end {
                End::Before(end) => end.escape_ascii().to_string(),
                End::Unbounded => "the end".to_owned(),
            };
            format!("{} to {end}", span.start.escape_ascii())
        }
    };
    let where_it_is = match watching.lags_at {
        None => "hears what is published".to_owned(),
        Some(next) => format!("lags, and wants revision {next} next"),
    };
    say(&format!(
        "    stream {} watch {}: {range} from {}, {where_it_is}",
        watcher.id.stream, watcher.id.watch, watcher.interest.start_revision
    ));
}
