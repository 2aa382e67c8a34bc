use std::time::Duration;

use super::parse;
use crate::ailment::{Ailment, DiskCall, LinkAilment};
use crate::plan::{Action, Counter, LinkEnd, Mix, Plan, Split, Who};

fn plan(text: &str) -> Plan {
    parse("test", &format!("# A test.\n{text}")).unwrap_or_else(|error| panic!("{error}"))
}

fn actions(text: &str) -> Vec<Action> {
    plan(text).steps.into_iter().map(|step| step.action).collect()
}

fn refusal(text: &str) -> String {
    let parsed = parse("test", &format!("# A test.\n{text}"));
    parsed.expect_err("the script is refused").to_string()
}

#[test]
fn settings_are_read() {
    let plan =
        plan("members 5\nsnapshot-count 9\nworkload reads\nclients 7\npace 5ms\nduration 1m");
    assert_eq!(plan.about, "A test.");
    assert_eq!(plan.cluster.members, 5);
    assert_eq!(plan.cluster.snapshot_count, 9);
    assert_eq!(plan.workload.mix, Mix::READS);
    assert_eq!(plan.workload.clients, 7);
    assert_eq!(plan.workload.pace, Duration::from_millis(5));
    assert_eq!(plan.duration, Duration::from_secs(60));
}

#[test]
fn a_mix_names_its_weights() {
    let mix = plan("mix put 3 compact 1").workload.mix;
    assert_eq!((mix.put, mix.compact, mix.range), (3, 1, 0));
}

#[test]
fn members_are_chosen_in_several_ways() {
    let text = "at 1s kill leader\nat 1s kill 2\nat 1s remember follower as old\nat 1s restart old";
    let expected = vec![
        Action::Kill(Who::Leader),
        Action::Kill(Who::Member(2)),
        Action::Remember(Who::Follower, "old".into()),
        Action::Restart(Who::Named("old".into())),
    ];
    assert_eq!(actions(text), expected);
}

#[test]
fn partitions_are_written_or_described() {
    let text =
        "at 1s partition {1}{2 3}\nat 1s partition { 1 3 } {2}\nat 1s partition minority leader";
    let groups = |groups: &[&[usize]]| {
        Split::Groups(groups.iter().map(|group| group.iter().copied().collect()).collect())
    };
    let expected = vec![
        Action::Partition(groups(&[&[1], &[2, 3]])),
        Action::Partition(groups(&[&[1, 3], &[2]])),
        Action::Partition(Split::MinorityWith(Who::Leader)),
    ];
    assert_eq!(actions(text), expected);
}

#[test]
fn links_have_two_ends() {
    let text = "at 1s one-way 1 -> followers\nat 1s flap 1 - 2 every 300ms for 6s\n\
                at 1s cut leader from clients\nat 1s cut leader from followers";
    let expected = vec![
        Action::OneWay(Who::Member(1), Who::Followers),
        Action::Flap {
            one: Who::Member(1),
            other: Who::Member(2),
            every: Duration::from_millis(300),
            lasting: Duration::from_secs(6),
        },
        Action::CutClients(Who::Leader),
        Action::Cut(Who::Leader, Who::Followers),
    ];
    assert_eq!(actions(text), expected);
}

#[test]
fn machines_and_links_may_work_but_badly() {
    let text = "at 1s slow-disk leader 20 times for 2s\nat 1s fail-disk 1 sync\nat 1s fill-disk 2 for 1s\n\
                at 1s drift 3 -100\nat 1s step-clock all 50\nat 1s delay 1 - 2 by 5ms..9ms for 1s\n\
                at 1s lose 1 - all 20 percent for 1s\nat 1s clog 1 - 3 for 1s\nat 1s swizzle every 1s\n\
                at 1s partition ring";
    let second = Duration::from_secs(1);
    let link = |other, ailment| {
        let (one, other) = (LinkEnd::Members(Who::Member(1)), LinkEnd::Members(other));
        Action::AilLink { one, other, ailment, lasting: second }
    };
    let delay = Duration::from_millis(5)..=Duration::from_millis(9);
    let expected = vec![
        Action::Ail(Who::Leader, Ailment::SlowDisk { times: 20, lasting: 2 * second }),
        Action::Ail(Who::Member(1), Ailment::FailingDisk(DiskCall::Sync)),
        Action::Ail(Who::Member(2), Ailment::FullDisk { lasting: second }),
        Action::Ail(Who::Member(3), Ailment::Drift { ppm: -100 }),
        Action::Ail(Who::All, Ailment::ClockStep { millis: 50 }),
        link(Who::Member(2), LinkAilment::Delay(delay)),
        link(Who::All, LinkAilment::Loss(20)),
        link(Who::Member(3), LinkAilment::Clog),
        Action::Swizzle { every: second },
        Action::Partition(Split::Ring),
    ];
    assert_eq!(actions(text), expected);
}

#[test]
fn clients_are_an_end_of_links() {
    let text = "at 1s bandwidth leader - clients 20000 bytes per second for 2s\nat 1s reset clients - 1\n\
                at 1s half-open 1 -> 2\nat 1s half-open clients - all\n\
                at 1s restart-loop any every 50ms for 2s\n";
    let members = LinkEnd::Members;
    let half_open = |one, other, is_one_way| Action::HalfOpen { one, other, is_one_way };
    let expected = vec![
        Action::AilLink {
            one: members(Who::Leader),
            other: LinkEnd::Clients,
            ailment: LinkAilment::Bandwidth(20_000),
            lasting: Duration::from_secs(2),
        },
        Action::Reset(LinkEnd::Clients, members(Who::Member(1))),
        half_open(members(Who::Member(1)), members(Who::Member(2)), true),
        half_open(LinkEnd::Clients, members(Who::All), false),
        Action::RestartLoop {
            who: Who::Any,
            every: Duration::from_millis(50),
            lasting: Duration::from_secs(2),
        },
    ];
    assert_eq!(actions(text), expected);
    let plan = plan(text);
    assert_eq!(parse("test", &plan.to_string()), Ok(plan));
    assert_eq!(
        refusal("at 1s clog clients - clients for 1s"),
        "line 2: clients have no links to clients"
    );
    assert_eq!(refusal("at 1s kill clients"), "line 2: `clients` is not a member");
}

#[test]
fn writes_go_astray_in_files_of_a_name_or_in_any() {
    let text = "at 1s misdirect-write leader\nat 2s misdirect-write 2 files wal";
    let hit = |who, files: &str| Action::Ail(who, Ailment::Misdirected { files: files.into() });
    assert_eq!(actions(text), vec![hit(Who::Leader, ""), hit(Who::Member(2), "wal")]);
    let plan = plan(text);
    assert_eq!(parse("test", &plan.to_string()), Ok(plan));
    let cases = [
        ("misdirect-write", "line 2: the line ends where a member should stand"),
        ("misdirect-write 4", "line 2: there is no member 4 of 3"),
        ("misdirect-write clients", "line 2: `clients` is not a member"),
        ("misdirect-write 1 wal", "line 2: `wal` is too much"),
        (
            "misdirect-write 1 files",
            "line 2: the line ends where the start of a file name should stand",
        ),
        ("misdirect-write 1 files wal for 1s", "line 2: `for` is too much"),
    ];
    for (step, expected) in cases {
        assert_eq!(refusal(&format!("at 1s {step}")), expected);
    }
}

#[test]
fn values_of_a_burst_may_be_large() {
    let plan = plan("max-request-bytes 65536\nat 1s burst 9\nat 2s burst 9 of 4096 bytes");
    assert_eq!(plan.cluster.max_request_bytes, 65_536);
    let bursts: Vec<&Action> = plan.steps.iter().map(|step| &step.action).collect();
    assert_eq!(
        bursts,
        [&Action::Burst { puts: 9, bytes: 0 }, &Action::Burst { puts: 9, bytes: 4_096 }]
    );
}

#[test]
fn a_moment_may_be_a_range() {
    let plan = plan("at 1500ms..3s heal   # a comment");
    assert_eq!(plan.steps[0].at, Duration::from_millis(1_500)..=Duration::from_secs(3));
}

#[test]
fn floors_count_by_name() {
    let plan = plan("check resumed-watches >= 3");
    assert_eq!(plan.floors[0].counter, Counter::ResumedWatches);
    assert_eq!(plan.floors[0].at_least, 3);
}

#[test]
fn errors_name_the_line_and_the_word() {
    let cases = [
        ("frobnicate", "line 2: `frobnicate` is neither a setting nor a step"),
        ("\nmembers many", "line 3: `many` is not a number"),
        ("members 0", "line 2: 0 is not between 1 and 9"),
        ("duration 5", "line 2: `5` is not a duration such as 300ms, 2s or 1m"),
        (
            "workload none",
            "line 2: `none` is not a workload: mixed, writes, reads, transactions, compactions",
        ),
        ("mix put 0", "line 2: a mix has at least one kind of request"),
        ("at 1s", "line 2: the line ends where a step should stand"),
        ("at 1s explode all", "line 2: `explode` is not a step"),
        ("at 1s kill 4", "line 2: there is no member 4 of 3"),
        ("at 1s kill ghost", "line 2: `ghost` is not a member"),
        ("at 1s kill 1 2", "line 2: `2` is too much"),
        ("at 2s heal\nat 1s heal", "line 3: this step is earlier than the one before it"),
        ("at 3s..2s heal", "line 2: `3s..2s` ends before it begins"),
        ("at 1s heal\nmembers 5", "line 3: `members` must stand before the first step"),
        ("at 1s partition {1} {2}", "line 2: a partition names every member"),
        ("at 1s partition {1 2} {2 3}", "line 2: member 2 is in two groups"),
        (
            "at 1s partition {1 2 3}",
            "line 2: a partition has two groups or more, such as {1} {2 3}",
        ),
        ("at 1s partition {1} {2 3", "line 2: the line ends where a number should stand"),
        ("at 1s pause leader 3s", "line 2: `3s` stands where `for` should"),
        ("at 1s remember leader as leader", "line 2: `leader` cannot be a name"),
        ("at 1s fail-disk 1 seek", "line 2: `seek` is not read, write or sync"),
        ("at 1s drift 1 900000", "line 2: 900000 is not between -500000 and 500000"),
        ("at 1s lose 1 - 2 0 percent for 1s", "line 2: 0 is not between 1 and 100"),
        ("check luck >= 1", "line 2: `luck` is not counted"),
        ("check acks > 1", "line 2: `>` stands where `>=` should"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn what_no_cluster_would_start_with_is_refused() {
    let cases = [
        (
            "election-timeout 0s",
            "line 2: an election timeout of 0s is less than 5 heartbeats of 100ms",
        ),
        (
            "members 3\nelection-timeout 200ms",
            "line 3: an election timeout of 200ms is less than 5 heartbeats of 100ms",
        ),
        (
            "election-timeout 2s\nheartbeat 500ms",
            "line 3: an election timeout of 2s is less than 5 heartbeats of 500ms",
        ),
        ("election-timeout 1m", "line 2: an election timeout of 60s is more than 50s"),
        (
            "users 2\nclock-offsets 5m",
            "line 3: `clock-offsets` makes signed tokens of `users` invalid",
        ),
        ("heartbeat 0s", "line 2: 0s is less than 1ms"),
        ("pace 0s", "line 2: 0s is less than 1ms"),
        ("snapshot-count 0", "line 2: 0 is not between 1 and 1000000000"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
    assert_eq!(plan("heartbeat 200ms").cluster.heartbeat, Duration::from_millis(200));
}

#[test]
fn what_no_run_would_come_to_the_end_of_is_refused() {
    let cases = [
        ("duration 999999999s", "line 2: `999999999s` is more than 3600s"),
        ("duration 0s", "line 2: 0s is less than 1ms"),
        ("at 1s pause any for 99999m", "line 2: `99999m` is more than 3600s"),
        ("at 1s flap 1 - 2 every 0s for 1s", "line 2: 0s is less than 1ms"),
        ("at 1s burst 999999999", "line 2: 999999999 is not between 1 and 100000"),
        (
            "at 1s heal\nat 2s..6s heal\nduration 5s",
            "line 3: this step at 6s is later than the duration of 5s",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn a_setting_is_given_once() {
    let cases = [
        ("members 3\nmembers 3", "line 3: `members` is set in line 2 already"),
        ("workload reads\n\nmix put 1", "line 4: `workload` or `mix` is set in line 2 already"),
        ("duration 5s\nduration 6s", "line 3: `duration` is set in line 2 already"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn a_script_says_what_it_shows() {
    let error = parse("test", "members 3\n").expect_err("it is refused");
    assert_eq!(error.to_string(), "line 1: the first comment must say what the scenario shows");
}

#[test]
fn members_that_are_added_have_the_next_numbers() {
    let text = "# x\nmembers 3\nat 1s add-member\nat 2s replace-member 4\nat 3s add-learner\nat 4s promote 6\n\
                at 5s kill learner\nat 6s partition {1 4} {2}\nat 7s lose-disk 5\nat 8s move-leader 2\n";
    let plan = parse("x", text).unwrap();
    let changes: Vec<String> = plan.steps.iter().map(|step| step.action.to_string()).collect();
    assert_eq!(changes[3], "promote 6");
    assert_eq!(parse("x", &plan.to_string()), Ok(plan));
    let early = parse("x", "# x\nmembers 3\nat 1s promote 4\nat 2s add-learner\n").unwrap_err();
    assert_eq!(early.to_string(), "line 3: there is no member 4 of 3");
    assert!(parse("x", "# x\nmembers 3\nat 1s partition {1} {2}\n").is_err());
}
