//! The command that looks into a run at a moment.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use reports::{Verdict, grouped};
use sim::cluster::Content;

use super::Trouble;
use super::screen::say;
use super::thoughts;
use super::values::RunName;
use crate::campaign::find;
use crate::panics::Slot;
use crate::run::{self, Inspection, Member};

/// Prints what a run looks like at a moment.
pub(super) fn inspect(
    name: &RunName,
    at: Duration,
    member: Option<usize>,
) -> Result<Verdict, Trouble> {
    let plan = find(&name.scenario)?.plan(name.seed);
    let slot = Slot::default();
    slot.enter();
    let attempt =
        panic::catch_unwind(AssertUnwindSafe(|| run::inspect(&plan, name.seed, at, member, &slot)));
    Slot::leave();
    let found = attempt.map_err(|_| Trouble::Panic(slot.first().unwrap_or_default()))?;
    if found.members.is_empty() {
        return Err(Trouble::NoMember(member.unwrap_or_default()));
    }
    print(name, at, &found);
    Ok(Verdict::Pass)
}

fn print(name: &RunName, at: Duration, found: &Inspection) {
    let ended = if found.at < at { ", where it ended" } else { "" };
    say(&format!(
        "{}:{} at {:.6} s{ended}, event hash {}",
        name.scenario,
        name.seed,
        found.at.as_secs_f64(),
        found.digest
    ));
    if let Some(panic) = &found.panic {
        say(panic);
    }
    found.members.iter().for_each(print_member);
    say("\nlast events");
    found.events.iter().for_each(|event| say(&format!("  {event}")));
}

fn print_member(member: &Member) {
    let status = &member.status;
    let role = match (&member.view, member.is_up) {
        (_, false) => "down",
        (Some(view), true) => view.raft.role.word(),
        (None, true) => "starting",
    };
    say(&format!(
        "\nmember {}{}: {role}, start {}, term {}, applied {}, log durable to {}, revision {}, state {:016x}",
        member.number,
        member.id.map_or(String::new(), |id| format!(" ({id:x})")),
        status.starts,
        status.term,
        status.applied,
        status.durable,
        status.revision,
        status.digest
    ));
    match &member.view {
        Some(view) => thoughts::print(view),
        None if member.is_up => say("  it has not come up yet"),
        None => {}
    }
    say("  file                                               bytes    durable  pending sectors");
    for file in &member.files {
        let bytes = |count: Option<usize>| match count {
            Some(count) => grouped(count as u64),
            None => "-".to_owned(),
        };
        say(&format!(
            "  {:<45} {:>10} {:>10} {:>8}",
            file.name,
            bytes(file.current),
            bytes(file.durable),
            file.pending_sectors
        ));
    }
    if member.current == member.durable {
        print_disk("its disk", &member.current);
    } else {
        print_disk("its disk as it is seen now", &member.current);
        print_disk("its disk after a loss of power", &member.durable);
    }
}

fn print_disk(which: &str, content: &Result<Content, String>) {
    let content = match content {
        Ok(content) => content,
        Err(why) => return say(&format!("  {which}: no member would start: {why}")),
    };
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    say(&format!(
        "  {which}: voted in term {}, log purged to {}, torn tail of {} bytes",
        number(content.term),
        number(content.purged),
        content.torn_tail_bytes
    ));
    say(&format!(
        "    database: applied {}, revision {}, compacted to {}, {} keys, {} leases, state {:016x}",
        number(content.applied),
        content.revision,
        content.compact_revision,
        content.keys,
        content.leases,
        content.digest
    ));
    for entry in &content.log {
        say(&format!("    {}.{} {}", entry.term, entry.index, entry.what));
    }
}
