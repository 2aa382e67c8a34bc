//! The settings of a script: each at most once, and none with which a run would show nothing of the store.
//!
//! What a real cluster refuses to start with is refused here, in the words of the script: a run would blame the
//! members for it.

use std::time::Duration;

use super::cursor::{Cursor, ParseError};
use super::parse::{Parsed, Parser};
use crate::plan::{Mix, Plan};
use crate::span::Span;

pub(super) const MEMBERS_MAX: u64 = 9;
/// Of `--max-request-bytes`, and so of a value: memory holds them many times over.
pub(super) const REQUEST_BYTES_MAX: u64 = 16 << 20;
/// No member applies more than that in a run.
const SNAPSHOT_COUNT_MAX: u64 = 1_000_000_000;
/// etcd takes none that is longer.
const ELECTION_TIMEOUT_MAX: Duration = Duration::from_secs(50);
/// etcd takes no fewer: a single late heartbeat must not depose a leader.
const HEARTBEATS_PER_ELECTION: u32 = 5;
/// Flags count in milliseconds, and none is no heartbeat at all.
const HEARTBEAT_MIN: Duration = Duration::from_millis(1);
/// A client that never pauses leaves the others no room in a thread that they share.
const PACE_MIN: Duration = Duration::from_millis(1);
/// A run that ends before anybody has led shows nothing.
const DURATION_MIN: Duration = Duration::from_millis(1);

/// All settings; two words for the same one stand together.
const SETTINGS: [&[&str]; 18] = [
    &["members"],
    &["snapshot-count"],
    &["election-timeout"],
    &["heartbeat"],
    &["quota"],
    &["max-request-bytes"],
    &["workload", "mix"],
    &["clients"],
    &["watchers"],
    &["keys"],
    &["pace"],
    &["users"],
    &["slow-watchers"],
    &["holders"],
    &["lockers"],
    &["electors"],
    &["duration"],
    &["clock-offsets"],
];

impl Parser {
    pub(super) fn setting(&mut self, setting: &str, line: &mut Cursor<'_>) -> Parsed<()> {
        self.note_setting(setting, line)?;
        let Plan { cluster, workload, duration, .. } = &mut self.plan;
        match setting {
            "members" => cluster.members = line.count(1..=MEMBERS_MAX)?,
            "snapshot-count" => {
                cluster.snapshot_count = line.count(1..=SNAPSHOT_COUNT_MAX)? as u64;
            }
            "election-timeout" => cluster.election_timeout = line.duration()?,
            "quota" => cluster.quota = line.number()?,
            "max-request-bytes" => {
                cluster.max_request_bytes = line.count(1..=REQUEST_BYTES_MAX)?;
            }
            "clock-offsets" => cluster.clock_offsets = line.duration()?,
            "heartbeat" => cluster.heartbeat = line.span(HEARTBEAT_MIN)?,
            "workload" => workload.mix = named_mix(line)?,
            "mix" => workload.mix = mix(line)?,
            "clients" => workload.clients = line.count(0..=64)?,
            "watchers" => workload.watchers = line.count(0..=64)?,
            "keys" => workload.keys = line.count(1..=10_000)?,
            "pace" => workload.pace = line.span(PACE_MIN)?,
            "users" => workload.users = line.count(0..=16)? as u64,
            "slow-watchers" => workload.slow_watchers = line.count(0..=64)?,
            "holders" => workload.holders = line.count(0..=64)?,
            "lockers" => workload.lockers = line.count(0..=64)?,
            "electors" => workload.electors = line.count(0..=64)?,
            "duration" => *duration = line.span(DURATION_MIN)?,
            other => return line.error(format!("`{other}` is neither a setting nor a step")),
        }
        Ok(())
    }

    /// Takes note of where a setting stands, which must be once.
    fn note_setting(&mut self, word: &str, line: &Cursor<'_>) -> Parsed<()> {
        let Some(words) = SETTINGS.iter().find(|words| words.contains(&word)) else {
            return Ok(());
        };
        match self.settings.insert(words[0], line.number_in_text()) {
            None => Ok(()),
            Some(before) => {
                line.error(format!("`{}` is set in line {before} already", words.join("` or `")))
            }
        }
    }

    /// That members would start with these timeouts.
    pub(super) fn check_timing(&self) -> Parsed<()> {
        let (election, heartbeat) =
            (self.plan.cluster.election_timeout, self.plan.cluster.heartbeat);
        let least = heartbeat * HEARTBEATS_PER_ELECTION;
        let reason = if election < least {
            format!(
                "an election timeout of {} is less than {HEARTBEATS_PER_ELECTION} heartbeats of {}",
                Span(election),
                Span(heartbeat)
            )
        } else if election > ELECTION_TIMEOUT_MAX {
            let (election, most) = (Span(election), Span(ELECTION_TIMEOUT_MAX));
            format!("an election timeout of {election} is more than {most}")
        } else {
            return Ok(());
        };
        let place = |setting| self.settings.get(setting).copied();
        let line = place("election-timeout").max(place("heartbeat")).unwrap_or(1);
        Err(ParseError { line, reason })
    }

    /// That users can log in where they do: signed tokens of members whose clocks differ are refused, as they must.
    pub(super) fn check_clocks(&self) -> Parsed<()> {
        let place = |setting| self.settings.get(setting).copied();
        match place("clock-offsets").max(place("users")) {
            Some(line) if self.has_offsets() && self.plan.workload.users > 0 => {
                let reason = "`clock-offsets` makes signed tokens of `users` invalid".to_owned();
                Err(ParseError { line, reason })
            }
            _ => Ok(()),
        }
    }

    fn has_offsets(&self) -> bool {
        !self.plan.cluster.clock_offsets.is_zero()
    }

    /// That everything is done before everything is healed.
    pub(super) fn check_steps(&self) -> Parsed<()> {
        let duration = self.plan.duration;
        let late = self.plan.steps.iter().position(|step| *step.at.end() > duration);
        let Some(late) = late else { return Ok(()) };
        let at = Span(*self.plan.steps[late].at.end());
        let reason = format!("this step at {at} is later than the duration of {}", Span(duration));
        Err(ParseError { line: self.lines[late], reason })
    }
}

fn named_mix(line: &mut Cursor<'_>) -> Parsed<Mix> {
    let name = line.word("a workload")?;
    match Mix::NAMED.into_iter().find(|(known, _)| *known == name) {
        Some((_, mix)) => Ok(mix),
        None => {
            let known = Mix::NAMED.map(|(name, _)| name).join(", ");
            line.error(format!("`{name}` is not a workload: {known}"))
        }
    }
}

fn mix(line: &mut Cursor<'_>) -> Parsed<Mix> {
    let mut mix = Mix { put: 0, range: 0, delete: 0, txn: 0, cas: 0, compact: 0 };
    while line.peek().is_some() {
        let kind = line.word("a kind of request")?;
        let weight = line.count(0..=1_000)? as u64;
        if !mix.set(kind, weight) {
            return line.error(format!("`{kind}` is not a kind of request"));
        }
    }
    if mix.weights().iter().all(|(_, weight)| *weight == 0) {
        return line.error("a mix has at least one kind of request");
    }
    Ok(mix)
}
