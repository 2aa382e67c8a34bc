//! From text to a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::cursor::{Cursor, ParseError};
use super::settings::{MEMBERS_MAX, REQUEST_BYTES_MAX};
use crate::ailment::{Ailment, Damage, DiskCall};
use crate::plan::{Action, ClusterPlan, Counter, Floor, Plan, Split, Step, Who, Workload};
use crate::upkeep::Upkeep;

/// Requests that a step may make, or leases: each of them is in the history, which is kept in memory.
const REQUESTS_MAX: u64 = 100_000;
/// Between two turns of what goes on and off again: without any time nothing would ever end.
const TURN_MIN: Duration = Duration::from_millis(1);
/// A day.
const STEP_MILLIS_MAX: u64 = 86_400_000;
const DURATION_DEFAULT: Duration = Duration::from_secs(10);
/// Words that cannot be names of members.
const RESERVED: [&str; 8] =
    ["leader", "follower", "followers", "any", "all", "learner", "clients", "members"];

/// Reads a script; `name` is what the plan is called.
pub fn parse(name: &str, text: &str) -> Result<Plan, ParseError> {
    let mut parser = Parser {
        plan: Plan {
            name: name.to_owned(),
            about: about(text),
            cluster: ClusterPlan::default(),
            workload: Workload::default(),
            duration: DURATION_DEFAULT,
            steps: Vec::new(),
            floors: Vec::new(),
        },
        names: BTreeSet::new(),
        settings: BTreeMap::new(),
        lines: Vec::new(),
    };
    for (index, line) in text.lines().enumerate() {
        let mut cursor = Cursor::new(index + 1, line);
        if cursor.peek().is_some() {
            parser.line(&mut cursor)?;
            cursor.end()?;
        }
    }
    parser.check_timing()?;
    parser.check_clocks()?;
    parser.check_steps()?;
    if parser.plan.about.is_empty() {
        let reason = "the first comment must say what the scenario shows".to_owned();
        return Err(ParseError { line: 1, reason });
    }
    Ok(parser.plan)
}

/// The comment lines at the top, as one text.
fn about(text: &str) -> String {
    let comments = text.lines().map_while(|line| line.trim().strip_prefix('#'));
    comments.map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

pub(super) struct Parser {
    pub(super) plan: Plan,
    names: BTreeSet<String>,
    /// In which line each setting stands.
    pub(super) settings: BTreeMap<&'static str, usize>,
    /// In which line each step stands.
    pub(super) lines: Vec<usize>,
}

pub(super) type Parsed<T> = Result<T, ParseError>;

impl Parser {
    fn line(&mut self, line: &mut Cursor<'_>) -> Parsed<()> {
        let word = line.word("a setting or a step")?;
        match word {
            "at" => self.step(line),
            "check" => self.floor(line),
            "members" if !self.plan.steps.is_empty() => {
                line.error("`members` must stand before the first step")
            }
            setting => self.setting(setting, line),
        }
    }

    fn floor(&mut self, line: &mut Cursor<'_>) -> Parsed<()> {
        let name = line.word("what is counted")?;
        let Some(counter) = Counter::ALL.into_iter().find(|counter| counter.name() == name) else {
            return line.error(format!("`{name}` is not counted"));
        };
        line.expect(">=")?;
        self.plan.floors.push(Floor { counter, at_least: line.number()? });
        Ok(())
    }

    fn step(&mut self, line: &mut Cursor<'_>) -> Parsed<()> {
        let at = line.moment()?;
        if self.plan.steps.last().is_some_and(|last| last.at.start() > at.start()) {
            return line.error("this step is earlier than the one before it");
        }
        let action = self.action(line)?;
        self.plan.steps.push(Step { at, action });
        self.lines.push(line.number_in_text());
        Ok(())
    }

    fn action(&mut self, line: &mut Cursor<'_>) -> Parsed<Action> {
        let action = match line.word("a step")? {
            "kill" => Action::Kill(self.who(line)?),
            "power-loss" => Action::PowerLoss(self.who(line)?),
            "power-loss-in-write" => Action::PowerLossInWrite(self.who(line)?),
            "restart" => Action::Restart(self.who(line)?),
            "pause" => Action::Pause(self.who(line)?, for_duration(line)?),
            "stall-disk" => {
                let who = self.who(line)?;
                let files = files(line)?;
                Action::StallDisk { who, files, lasting: for_duration(line)? }
            }
            "partition" => Action::Partition(self.split(line)?),
            "cut" => self.cut(line)?,
            "one-way" => {
                let (from, to) = self.pair("->", line)?;
                Action::OneWay(from, to)
            }
            "flap" => {
                let (one, other) = self.pair("-", line)?;
                let every = every(line)?;
                Action::Flap { one, other, every, lasting: for_duration(line)? }
            }
            "reset" => {
                let (one, other) = self.link("-", line)?;
                Action::Reset(one, other)
            }
            "half-open" => {
                let one = self.link_end(line)?;
                let is_one_way = line.take("->");
                if !is_one_way {
                    line.expect("-")?;
                }
                let other = self.other_end(&one, line)?;
                Action::HalfOpen { one, other, is_one_way }
            }
            "restart-loop" => {
                let who = self.who(line)?;
                let every = every(line)?;
                Action::RestartLoop { who, every, lasting: for_duration(line)? }
            }
            "heal" => Action::Heal,
            "compact" => {
                let keep = if line.take("keep") { line.number()? } else { 0 };
                Action::Compact { keep }
            }
            "burst" => {
                let puts = requests(line)?;
                let bytes = if line.take("of") { sized(line)? } else { 0 };
                Action::Burst { puts, bytes }
            }
            "grant" => {
                let leases = requests(line)?;
                line.expect("leases")?;
                Action::GrantLeases { leases, ttl: for_duration(line)? }
            }
            "fill" => Action::Fill(requests(line)?),
            "empty" => Action::Empty,
            word if let Some(upkeep) = Upkeep::of(word) => Action::Upkeep(self.who(line)?, upkeep),
            "remember" => self.remember(line)?,
            "check" => self.serves(line)?,
            other => return self.ailment(other, line),
        };
        Ok(action)
    }

    /// The steps after which something works, but not well.
    fn ailment(&mut self, word: &str, line: &mut Cursor<'_>) -> Parsed<Action> {
        Ok(match word {
            "slow-disk" => {
                let who = self.who(line)?;
                let times = line.small(2..=10_000)?;
                line.expect("times")?;
                Action::Ail(who, Ailment::SlowDisk { times, lasting: for_duration(line)? })
            }
            "fail-disk" => Action::Ail(self.who(line)?, Ailment::FailingDisk(disk_call(line)?)),
            word if let Some(damage) = Damage::ALL.into_iter().find(|it| it.name() == word) => {
                let who = self.who(line)?;
                Action::Ail(who, Ailment::Damaged { damage, files: files(line)? })
            }
            "misdirect-write" => {
                let who = self.who(line)?;
                Action::Ail(who, Ailment::Misdirected { files: files(line)? })
            }
            "fill-disk" => {
                let who = self.who(line)?;
                Action::Ail(who, Ailment::FullDisk { lasting: for_duration(line)? })
            }
            "drift" => {
                let who = self.who(line)?;
                let ppm = i32::try_from(line.signed(500_000)?).unwrap_or_default();
                Action::Ail(who, Ailment::Drift { ppm })
            }
            "step-clock" => {
                let who = self.who(line)?;
                Action::Ail(who, Ailment::ClockStep { millis: line.signed(STEP_MILLIS_MAX)? })
            }
            "swizzle" => Action::Swizzle { every: every(line)? },
            other => return self.link_ailment(other, line),
        })
    }

    fn cut(&mut self, line: &mut Cursor<'_>) -> Parsed<Action> {
        let who = self.who(line)?;
        line.expect("from")?;
        if line.take("clients") {
            return Ok(Action::CutClients(who));
        }
        Ok(Action::Cut(who, self.who(line)?))
    }

    fn remember(&mut self, line: &mut Cursor<'_>) -> Parsed<Action> {
        let who = self.who(line)?;
        line.expect("as")?;
        let name = line.word("a name")?;
        let letters = name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
        if !letters || RESERVED.contains(&name) {
            return line.error(format!("`{name}` cannot be a name"));
        }
        self.names.insert(name.to_owned());
        Ok(Action::Remember(who, name.to_owned()))
    }

    fn serves(&mut self, line: &mut Cursor<'_>) -> Parsed<Action> {
        line.expect("serves")?;
        let via = if line.take("through") { Some(self.who(line)?) } else { None };
        line.expect("within")?;
        Ok(Action::Serves { via, within: line.duration()? })
    }

    fn pair(&mut self, between: &str, line: &mut Cursor<'_>) -> Parsed<(Who, Who)> {
        let first = self.who(line)?;
        line.expect(between)?;
        Ok((first, self.who(line)?))
    }

    pub(super) fn who(&mut self, line: &mut Cursor<'_>) -> Parsed<Who> {
        let word = line.word("a member")?;
        Ok(match word {
            "leader" => Who::Leader,
            "follower" => Who::Follower,
            "followers" => Who::Followers,
            "any" => Who::Any,
            "all" => Who::All,
            "learner" => Who::Learner,
            name if self.names.contains(name) => Who::Named(name.to_owned()),
            number => match number.parse() {
                Ok(number) => Who::Member(self.member(number, line)?),
                Err(_) => return line.error(format!("`{word}` is not a member")),
            },
        })
    }

    fn member(&self, number: usize, line: &Cursor<'_>) -> Parsed<usize> {
        let members = self.numbers();
        if !(1..=members).contains(&number) {
            return line.error(format!("there is no member {number} of {members}"));
        }
        Ok(number)
    }

    fn split(&mut self, line: &mut Cursor<'_>) -> Parsed<Split> {
        match line.peek() {
            Some("minority") => {
                line.expect("minority")?;
                Ok(Split::MinorityWith(self.who(line)?))
            }
            Some("majority") => {
                line.expect("majority")?;
                Ok(Split::MajorityWith(self.who(line)?))
            }
            Some("ring") => {
                line.expect("ring")?;
                Ok(Split::Ring)
            }
            _ => self.groups(line),
        }
    }

    fn groups(&mut self, line: &mut Cursor<'_>) -> Parsed<Split> {
        let mut groups = Vec::new();
        let mut seen = BTreeSet::new();
        while line.take("{") {
            let mut group = BTreeSet::new();
            while !line.take("}") {
                let number = line.count(1..=MEMBERS_MAX)?;
                let member = self.member(number, line)?;
                if !seen.insert(member) {
                    return line.error(format!("member {member} is in two groups"));
                }
                group.insert(member);
            }
            groups.push(group);
        }
        if groups.len() < 2 || groups.iter().any(BTreeSet::is_empty) {
            return line.error("a partition has two groups or more, such as {1} {2 3}");
        }
        // Those that come later may be left out, and those that left by then.
        let is_fixed = self.numbers() == self.plan.cluster.members;
        if is_fixed && seen.len() != self.plan.cluster.members {
            return line.error("a partition names every member");
        }
        Ok(Split::Groups(groups))
    }
}

fn disk_call(line: &mut Cursor<'_>) -> Parsed<DiskCall> {
    let word = line.word("a call of a disk")?;
    match DiskCall::ALL.into_iter().find(|call| call.name() == word) {
        Some(call) => Ok(call),
        None => line.error(format!("`{word}` is not read, write or sync")),
    }
}

/// Files that are meant; all, if none are named.
fn files(line: &mut Cursor<'_>) -> Parsed<String> {
    let files = if line.take("files") { line.word("the start of a file name")? } else { "" };
    Ok(files.to_owned())
}

/// What stands after `of`.
fn sized(line: &mut Cursor<'_>) -> Parsed<usize> {
    let bytes = line.count(1..=REQUEST_BYTES_MAX)?;
    line.expect("bytes")?;
    Ok(bytes)
}

pub(super) fn for_duration(line: &mut Cursor<'_>) -> Parsed<Duration> {
    line.expect("for")?;
    line.duration()
}

/// What stands after `every`.
fn every(line: &mut Cursor<'_>) -> Parsed<Duration> {
    line.expect("every")?;
    line.span(TURN_MIN)
}

fn requests(line: &mut Cursor<'_>) -> Parsed<u64> {
    Ok(line.count(1..=REQUESTS_MAX)? as u64)
}
