//! Plans that come from the seed alone.
//!
//! Each seed switches a random subset of fault kinds off, because runs that have everything at once
//! hide what needs one kind undisturbed. Sizes, timings and the workload are drawn as well.
//!
//! Must never know: what runs a plan.

mod ailments;
mod astray;
mod damage;
mod disk_loss;
mod kind;
mod large_values;
mod membership;
mod upkeep;

use std::collections::BTreeSet;
use std::time::Duration;

use sim::Streams;
use sim::random::{Source, Stream};

use self::kind::{KINDS, Kind};
use crate::dice::Dice;
use crate::plan::{Action, ClusterPlan, Counter, Floor, Mix, Plan, Split, Step, Who, Workload};

/// The name of the scenario that is made of its seed.
pub const NAME: &str = "swarm";
/// What it shows.
pub const ABOUT: &str = "Everything from the seed: members, faults, timings and workload.";

/// Seeds whose plans together have all kinds of faults.
const KINDS_SEEDS: u64 = 400;

/// From what a time service leaves to what nobody has set for long.
const CLOCK_OFFSETS: [Duration; 4] = [
    Duration::from_millis(100),
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(600),
];

/// The plan of a seed.
pub fn plan(seed: u64) -> Plan {
    let streams = Streams::new(seed);
    let dice = |name| Dice::new(source(&streams, name));
    let users = users(&mut dice("swarm users"));
    let clock_offsets = clock_offsets(&mut dice("swarm clocks"), users);
    let mut cluster = ClusterPlan { clock_offsets, ..cluster(&mut dice("swarm cluster")) };
    let (holders, lockers) = leases(&mut dice("swarm leases"), users);
    let electors = electors(&mut dice("swarm elections"), users);
    let slow_watchers = slow_watchers(&mut dice("swarm slow watchers"));
    let drawn = workload(&mut dice("swarm workload"));
    let workload = Workload { users, slow_watchers, holders, lockers, electors, ..drawn };
    let duration = Duration::from_secs(dice("swarm duration").between(8..=20));
    let mut steps = Schedule::draw(dice("swarm schedule"), cluster.members, duration);
    steps.extend(membership::draw(dice("swarm membership"), cluster.members, duration));
    steps.extend(disk_loss::draw(dice("swarm disk loss"), cluster.members, duration));
    steps.extend(damage::draw(dice("swarm damage"), cluster.members, duration));
    steps.extend(astray::draw(dice("swarm writes astray"), cluster.members, duration));
    steps.extend(Schedule::upkeep(dice("swarm upkeep"), cluster.members, duration));
    large_values::draw(dice("swarm large values"), duration, &mut cluster, &mut steps);
    steps.sort_by_key(|step| *step.at.start());
    let floors = vec![
        Floor { counter: Counter::Acks, at_least: 10 },
        Floor { counter: Counter::Faults, at_least: 1 },
    ];
    let name = NAME.to_owned();
    Plan { name, about: ABOUT.to_owned(), cluster, workload, duration, steps, floors }
}

/// The words of all steps that a seed may have and a campaign counts.
pub fn kinds() -> BTreeSet<String> {
    // The longest plans of so many seeds have everything.
    let steps = (0..KINDS_SEEDS).flat_map(|seed| plan(seed).steps);
    steps.filter(|step| step.action.is_class()).map(|step| step.action.kind()).collect()
}

/// Wall clocks that are wrong from the start, in one of four seeds; never where users log in: members whose clocks
/// differ refuse each other's signed tokens, as they must.
fn clock_offsets(dice: &mut Dice, users: u64) -> Duration {
    let offset = *dice.pick(&CLOCK_OFFSETS);
    if users == 0 && dice.below(4) == 0 { offset } else { Duration::ZERO }
}

fn source(streams: &Streams, name: &str) -> Source {
    streams.source(Stream::Fault, name)
}

fn cluster(dice: &mut Dice) -> ClusterPlan {
    ClusterPlan {
        members: [1, 3, 5][dice.weighted(&[12, 58, 30])],
        snapshot_count: *dice.pick(&[20, 50, 100, 300, 1_000]),
        election_timeout: Duration::from_millis(*dice.pick(&[500, 1_000, 1_000, 2_000])),
        heartbeat: Duration::from_millis(*dice.pick(&[50, 100])),
        ..ClusterPlan::default()
    }
}

fn workload(dice: &mut Dice) -> Workload {
    let mix = if dice.percent(50) {
        dice.pick(&Mix::NAMED).1
    } else {
        Mix {
            put: dice.between(10..=60),
            range: dice.between(0..=60),
            delete: dice.between(0..=20),
            txn: dice.between(0..=40),
            cas: dice.between(0..=40),
            compact: dice.between(0..=5),
        }
    };
    Workload {
        mix,
        clients: dice.between(2..=8) as usize,
        watchers: dice.between(1..=4) as usize,
        keys: *dice.pick(&[2, 5, 12, 40]),
        pace: Duration::from_millis(*dice.pick(&[5, 15, 30, 60])),
        ..Workload::default()
    }
}

/// Authentication is on in one of eight seeds.
fn users(dice: &mut Dice) -> u64 {
    if dice.below(8) == 0 { dice.between(1..=4) } else { 0 }
}

/// Clients that watch and stop reading for long, in one of four seeds.
fn slow_watchers(dice: &mut Dice) -> usize {
    if dice.below(4) == 0 { dice.between(1..=2) as usize } else { 0 }
}

/// Clients that have leases, in one of three seeds, and that want locks, in one of five; never where who may
/// do what changes: the log does not say whether a revocation was permitted.
fn leases(dice: &mut Dice, users: u64) -> (usize, usize) {
    let holders = if dice.below(3) == 0 { dice.between(1..=4) as usize } else { 0 };
    let lockers = if dice.below(5) == 0 { dice.between(2..=4) as usize } else { 0 };
    if users > 0 { (0, 0) } else { (holders, lockers) }
}

/// Clients that want to lead elections, in one of five seeds, where others may want locks.
fn electors(dice: &mut Dice, users: u64) -> usize {
    let electors = if dice.below(5) == 0 { dice.between(2..=4) as usize } else { 0 };
    if users > 0 { 0 } else { electors }
}

struct Schedule {
    dice: Dice,
    members: usize,
    now: Duration,
    steps: Vec<Step>,
}

impl Schedule {
    fn draw(dice: Dice, members: usize, duration: Duration) -> Vec<Step> {
        let mut schedule = Self { dice, members, now: Duration::from_secs(1), steps: Vec::new() };
        let kinds = schedule.kinds();
        let pause = schedule.dice.between(200..=3_000);
        while schedule.now < duration {
            let kind = *schedule.dice.pick(&kinds);
            schedule.add(kind);
            schedule.now += schedule.dice.millis(pause / 2..=pause * 2);
        }
        if !schedule.steps.iter().any(|step| *step.at.end() <= duration && step.action.hurts()) {
            // A run without a fault shows nothing.
            schedule.now = Duration::from_secs(1);
            schedule.add(Kind::Kill);
        }
        let mut steps = schedule.steps;
        steps.retain(|step| *step.at.end() <= duration);
        // The sort keeps the order of what happens at the same time.
        steps.sort_by_key(|step| *step.at.start());
        steps
    }

    /// The kinds that this seed leaves on; at least one.
    fn kinds(&mut self) -> Vec<Kind> {
        let alone = self.members == 1;
        let possible: Vec<Kind> =
            KINDS.into_iter().filter(|kind| !alone || kind.suits_one()).collect();
        let mut kinds: Vec<Kind> = Vec::new();
        for kind in &possible {
            if self.dice.percent(45) {
                kinds.push(*kind);
            }
        }
        if !kinds.iter().any(|kind| kind.is_fault()) {
            kinds.push(*self.dice.pick(&[Kind::Kill, Kind::PowerLoss, Kind::Pause]));
        }
        kinds
    }

    fn step(&mut self, after: Duration, action: Action) {
        let at = self.now + after;
        self.steps.push(Step { at: at..=at, action });
    }

    fn add(&mut self, kind: Kind) {
        let now = Duration::ZERO;
        match kind {
            Kind::Kill => {
                let who = self.victim();
                self.step(now, Action::Kill(who));
                self.restart(100..=5_000);
            }
            Kind::PowerLoss => {
                let who = self.victim();
                self.step(now, Action::PowerLoss(who));
                self.restart(50..=4_000);
            }
            Kind::PowerLossInWrite => {
                let who = if self.dice.percent(25) { Who::All } else { self.victim() };
                self.step(now, Action::PowerLossInWrite(who));
                self.restart(50..=3_000);
            }
            Kind::PowerLossOfAll => {
                self.step(now, Action::PowerLoss(Who::All));
                self.restart(50..=1_500);
            }
            Kind::Partition
            | Kind::OneWay
            | Kind::CutClients
            | Kind::Flap
            | Kind::Reset
            | Kind::HalfOpen => self.add_to_links(kind),
            Kind::Pause => {
                let who = self.victim();
                let lasting = self.dice.millis(50..=5_000);
                self.step(now, Action::Pause(who, lasting));
            }
            Kind::StallDisk => {
                let who = self.victim();
                let lasting = self.dice.millis(50..=3_000);
                let files = self.files();
                self.step(now, Action::StallDisk { who, files, lasting });
            }
            Kind::StallThenPowerLoss => self.stall_then_power_loss(),
            Kind::RestartLoop => {
                let who = self.victim();
                let every = self.dice.millis(20..=800);
                let lasting = self.dice.millis(500..=4_000);
                self.step(now, Action::RestartLoop { who, every, lasting });
            }
            Kind::Compact => {
                let keep = *self.dice.pick(&[0, 0, 1, 5, 50]);
                self.step(now, Action::Compact { keep });
            }
            Kind::Burst => {
                let puts = self.dice.between(10..=300);
                self.step(now, Action::Burst { puts, bytes: 0 });
            }
            Kind::SlowDisk | Kind::FailingDisk | Kind::FullDisk | Kind::Drift | Kind::ClockStep => {
                self.ail(kind)
            }
            Kind::Delay | Kind::Loss | Kind::Bandwidth | Kind::Clog => self.ail_link(kind),
            Kind::Swizzle => {
                let every = self.dice.millis(50..=800);
                self.step(now, Action::Swizzle { every });
            }
        }
    }

    fn add_to_links(&mut self, kind: Kind) {
        let now = Duration::ZERO;
        match kind {
            Kind::Partition => {
                let split = self.split();
                self.step(now, Action::Partition(split));
                self.heal();
            }
            Kind::OneWay => {
                let (from, to) = self.two();
                self.step(now, Action::OneWay(from, to));
                self.heal();
            }
            Kind::CutClients => {
                let who = self.victim();
                self.step(now, Action::CutClients(who));
                self.heal();
            }
            Kind::Flap => self.flap(),
            Kind::Reset => {
                let (one, other) = self.ends();
                self.step(now, Action::Reset(one, other));
            }
            Kind::HalfOpen => {
                let (one, other) = self.ends();
                let is_one_way = self.dice.percent(60);
                self.step(now, Action::HalfOpen { one, other, is_one_way });
            }
            other => unreachable!("{other:?} hits no links"),
        }
    }

    fn flap(&mut self) {
        let (one, other) = self.two();
        let every = self.dice.millis(50..=900);
        let lasting = self.dice.millis(1_000..=5_000);
        self.step(Duration::ZERO, Action::Flap { one, other, every, lasting });
    }

    fn stall_then_power_loss(&mut self) {
        let who = self.victim();
        let name = "stalled".to_owned();
        let lasting = self.dice.millis(100..=1_500);
        let blow = self.dice.millis(1..=1_500);
        let victim = if self.dice.percent(30) { Who::All } else { Who::Named(name.clone()) };
        self.step(Duration::ZERO, Action::Remember(who, name.clone()));
        let files = self.files();
        let stalled = Who::Named(name.clone());
        self.step(Duration::ZERO, Action::StallDisk { who: stalled, files, lasting });
        self.step(blow, Action::PowerLoss(victim));
        // It comes back before the others, which is what an old leader must survive.
        self.step(blow + Duration::from_millis(20), Action::Restart(Who::Named(name)));
        let after = blow + self.dice.millis(50..=2_000);
        self.step(after, Action::Restart(Who::All));
    }

    fn restart(&mut self, after_ms: std::ops::RangeInclusive<u64>) {
        let after = self.dice.millis(after_ms);
        self.step(after, Action::Restart(Who::All));
    }

    fn heal(&mut self) {
        let after = self.dice.millis(200..=6_000);
        self.step(after, Action::Heal);
    }

    /// All files, or only those of the log: then the database may get ahead of it.
    fn files(&mut self) -> String {
        if self.dice.percent(40) { "wal".to_owned() } else { String::new() }
    }

    fn victim(&mut self) -> Who {
        match self.dice.weighted(&[40, 20, 25, 15]) {
            0 => Who::Leader,
            1 if self.members > 1 => Who::Follower,
            1 | 2 => Who::Any,
            _ => Who::Member(1 + self.dice.index(self.members)),
        }
    }

    /// Two sides of a link, or of many.
    fn two(&mut self) -> (Who, Who) {
        let leader_first = [(Who::Leader, Who::Followers), (Who::Leader, Who::Follower)];
        let first = 1 + self.dice.index(self.members);
        let step = 1 + self.dice.index(self.members.saturating_sub(1).max(1));
        let second = (first - 1 + step) % self.members + 1;
        let numbers = (Who::Member(first), Who::Member(second));
        let (one, other) = match self.dice.weighted(&[35, 25, 40]) {
            0 => leader_first[0].clone(),
            1 => leader_first[1].clone(),
            _ => numbers,
        };
        if self.dice.percent(50) { (one, other) } else { (other, one) }
    }

    fn split(&mut self) -> Split {
        match self.dice.weighted(&[38, 22, 30, 10]) {
            0 => Split::MinorityWith(Who::Leader),
            1 => Split::MajorityWith(Who::Leader),
            2 => self.groups(),
            _ => Split::Ring,
        }
    }

    /// Two or three groups, none of them empty.
    fn groups(&mut self) -> Split {
        let count = if self.members > 3 && self.dice.percent(30) { 3 } else { 2 };
        let mut groups = vec![BTreeSet::new(); count];
        for member in 1..=self.members {
            let place = if member <= count { member - 1 } else { self.dice.index(count) };
            groups[place].insert(member);
        }
        Split::Groups(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::{NAME, plan};
    use crate::script::parse;

    #[test]
    fn a_seed_always_gives_the_same_plan_and_others_give_others() {
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }

    #[test]
    fn every_plan_is_a_script() {
        for seed in 0..500 {
            let plan = plan(seed);
            let text = plan.to_string();
            let again = parse(NAME, &text).unwrap_or_else(|error| panic!("{error} in\n{text}"));
            assert_eq!(again, plan);
        }
    }

    #[test]
    fn every_plan_has_a_fault() {
        let without = |seed: &u64| !plan(*seed).steps.iter().any(|step| step.action.hurts());
        assert_eq!((0..2_000).find(without), None);
    }
}
