//! Results that several processes wrote make one campaign again.

use std::fs;
use std::path::{Path, PathBuf};

use reports::{
    Counts, Finding, Ledger, MergeError, Origin, Results, ResultsError, ResultsWriter, Run, Shard,
    SparedSteps, Verdict, merge, spared_steps,
};

fn run(seed: u64, digest: &str) -> Run {
    let verdict = if seed == 3 { Verdict::Violation } else { Verdict::Pass };
    let finding = |_| Finding {
        checker: "durability".to_owned(),
        message: "lost".to_owned(),
        details: Vec::new(),
        when: None,
    };
    Run {
        seed,
        verdict,
        counts: Counts { acknowledged: 10 + seed, ..Counts::default() },
        simulated_us: 1_000,
        wall_us: 10,
        digest: digest.to_owned(),
        replay: format!("replay {seed}"),
        findings: (verdict == Verdict::Violation).then_some(()).map(finding).into_iter().collect(),
        struck: Default::default(),
        reached: Default::default(),
        spared: [("kill".to_owned(), [(format!("member {seed} was down"), 2)].into())].into(),
        repeats: (seed == 4).then_some(true),
        ledger: Some(Ledger {
            counts: [("kills".to_owned(), seed + 1)].into(),
            ..Ledger::default()
        }),
        story: None,
    }
}

fn origin(shard: Shard) -> Origin {
    let mut origin = Origin::new("swarm", "swarm --seeds 0..6", shard, 2);
    origin.scenarios.push(("swarm".to_owned(), "Everything from the seed.".to_owned()));
    origin
}

/// A fresh folder of one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("merge-{name}"));
    drop(fs::remove_dir_all(&folder));
    folder
}

fn write(path: &Path, origin: &Origin, seeds: &[u64], ends: bool) {
    let mut writer = ResultsWriter::create(path, origin).expect("the folder is writable");
    for seed in seeds {
        writer.run("swarm", &run(*seed, &format!("digest {seed}"))).expect("so is the file");
    }
    if ends {
        writer.end(77).expect("so is the file");
    }
}

fn read(paths: &[&Path]) -> Vec<(PathBuf, Results)> {
    paths
        .iter()
        .map(|path| (path.to_path_buf(), Results::read(path).expect("it was written whole")))
        .collect()
}

#[test]
fn a_merged_campaign_names_the_command_of_the_whole() {
    let folder = folder("command");
    let path = folder.join("one.jsonl");
    let shard = Shard::new(0, 2).unwrap();
    let command = |own: &str| format!("cargo sim -- --jobs 2{own} swarm --seeds 0..6");
    let told = |own: &str| {
        let mut origin = origin(shard);
        origin.command = command(own);
        write(&path, &origin, &[0], true);
        merge(&read(&[&path])).unwrap().command
    };
    assert_eq!(told(" --report-dir a/0 --shard 0/2"), command(""));
    assert_eq!(told(" --shard=0/2 --no-rerun"), command(" --no-rerun"));
}

#[test]
fn shards_make_the_campaign_that_one_process_would_have_made() {
    let folder = folder("shards");
    let (one, two) = (folder.join("one.jsonl"), folder.join("two.jsonl"));
    // In the order in which they ended, which is not that of the seeds.
    write(&one, &origin(Shard::new(0, 2).unwrap()), &[4, 0, 2], true);
    write(&two, &origin(Shard::new(1, 2).unwrap()), &[1, 3, 5], true);
    let campaign = merge(&read(&[&two, &one])).unwrap();
    let seeds: Vec<u64> = campaign.runs().map(|run| run.seed).collect();
    assert_eq!(seeds, [0, 1, 2, 3, 4, 5]);
    assert_eq!(campaign.counts().acknowledged, 75);
    assert_eq!(campaign.scenarios[0].about, "Everything from the seed.");
    assert_eq!(campaign.scenarios[0].verdict(), Verdict::Violation);
    assert_eq!(campaign.runs().nth(3).unwrap().findings[0].message, "lost");
    assert!(campaign.floors.iter().all(reports::Floor::holds), "{:?}", campaign.floors);
    assert_eq!((campaign.wall_us, campaign.jobs), (77, 4));
    let repeats: Vec<_> = campaign.runs().map(|run| run.repeats).collect();
    assert_eq!(repeats, [None, None, None, None, Some(true), None]);
    let spared = spared_steps(&campaign);
    let reason = "member N was down".to_owned();
    assert_eq!(spared, [SparedSteps { kind: "kill".to_owned(), reason, runs: 6, times: 12 }]);
    // The same file twice counts once.
    assert_eq!(merge(&read(&[&one, &two, &one])).unwrap().runs().count(), 6);
}

#[test]
fn a_shard_that_is_missing_or_was_stopped_is_a_floor_that_is_missed() {
    let folder = folder("missing");
    let (one, two) = (folder.join("one.jsonl"), folder.join("two.jsonl"));
    write(&one, &origin(Shard::new(0, 2).unwrap()), &[0, 2, 4], true);
    let floor = |paths: &[&Path]| merge(&read(paths)).unwrap().floors[0].clone();
    assert_eq!((floor(&[&one]).reached, floor(&[&one]).needed), (1, 2));
    write(&two, &origin(Shard::new(1, 2).unwrap()), &[1, 3], false);
    assert!(!floor(&[&one, &two]).holds());
    write(&two, &origin(Shard::new(1, 2).unwrap()), &[1, 3, 5], true);
    assert!(floor(&[&one, &two]).holds());
}

#[test]
fn a_process_that_was_killed_leaves_all_but_its_last_line() {
    let path = folder("killed").join("results.jsonl");
    write(&path, &origin(Shard::WHOLE), &[0, 1, 2], false);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    for length in [last + 1, last + 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let results = Results::read(&path).unwrap();
        assert_eq!(results.runs.iter().map(|(_, run)| run.seed).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(results.wall_us, None);
    }
}

#[test]
fn results_of_a_program_that_kept_no_accounts_are_read() {
    let path = folder("old").join("results.jsonl");
    write(&path, &origin(Shard::WHOLE), &[0, 1], true);
    let text = fs::read_to_string(&path).unwrap();
    let old: Vec<String> = text
        .lines()
        .map(|line| match line.split_once(",\"ledger\":{\"counts\":{") {
            Some((before, rest)) => {
                let (_, after) = rest.split_once("}}").unwrap();
                format!("{before}{after}\n")
            }
            None => format!("{line}\n"),
        })
        .collect();
    assert!(old[1].len() < text.lines().nth(1).unwrap().len(), "{old:?}");
    fs::write(&path, old.concat()).unwrap();
    let campaign = merge(&read(&[&path])).unwrap();
    assert_eq!(campaign.runs().map(|run| run.ledger.is_some()).collect::<Vec<_>>(), [false; 2]);
}

#[test]
fn what_a_killed_process_found_is_set_aside_and_what_ended_is_replaced() {
    let folder = folder("aside");
    let path = folder.join("results-0-of-2.jsonl");
    let again = || ResultsWriter::create(&path, &origin(Shard::WHOLE)).unwrap();
    write(&path, &origin(Shard::WHOLE), &[0, 1], false);
    let first = folder.join("results-0-of-2.unfinished-1.jsonl");
    assert_eq!(again().set_aside(), Some(first.as_path()));
    assert_eq!(Results::read(&first).unwrap().runs.len(), 2);
    // Nothing was found since then.
    assert_eq!(again().set_aside(), None);
    write(&path, &origin(Shard::WHOLE), &[2], false);
    let second = folder.join("results-0-of-2.unfinished-2.jsonl");
    assert_eq!(again().set_aside(), Some(second.as_path()));
    write(&path, &origin(Shard::WHOLE), &[3], true);
    assert_eq!(again().set_aside(), None);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let folder = folder("mixed");
    let (one, two) = (folder.join("one.jsonl"), folder.join("two.jsonl"));
    write(&one, &origin(Shard::WHOLE), &[0], true);
    let refused = || merge(&read(&[&one, &two])).unwrap_err();
    for (what, other) in [
        ("title", Origin::new("soak", "", Shard::WHOLE, 1)),
        ("number of shards", Origin::new("swarm", "", Shard::new(0, 2).unwrap(), 1)),
    ] {
        write(&two, &other, &[1], true);
        assert!(matches!(refused(), MergeError::Mixed { what: found, .. } if found == what));
    }
    let mut commit = origin(Shard::WHOLE);
    commit.commit = Some("abc".to_owned());
    write(&two, &commit, &[1], true);
    let text = refused().to_string();
    assert!(text.contains("another commit") && text.ends_with("abc instead of none"), "{text}");
    let mut program = origin(Shard::WHOLE);
    program.program = Some("00ff".to_owned());
    write(&two, &program, &[1], true);
    let text = refused().to_string();
    assert!(text.contains("another program") && text.ends_with("00ff instead of none"), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert_eq!(merge(&[]).unwrap_err(), MergeError::Nothing);
}

/// The commit is that of the folder in which a process ran.
#[test]
fn one_program_in_two_folders_is_one_campaign() {
    let folder = folder("folders");
    let (one, two) = (folder.join("one.jsonl"), folder.join("two.jsonl"));
    let ran_at = |commit: &str| {
        let mut origin = origin(Shard::WHOLE);
        origin.program = Some("00ff".to_owned());
        origin.commit = Some(commit.to_owned());
        origin
    };
    write(&one, &ran_at("abc"), &[0], true);
    write(&two, &ran_at("abc"), &[1], true);
    let campaign = merge(&read(&[&one, &two])).unwrap();
    assert_eq!(
        (campaign.commit.as_deref(), campaign.program.as_deref()),
        (Some("abc"), Some("00ff"))
    );
    write(&two, &ran_at("def"), &[1], true);
    let campaign = merge(&read(&[&one, &two])).unwrap();
    assert_eq!((campaign.commit.as_deref(), campaign.program.as_deref()), (None, Some("00ff")));
}

#[test]
fn a_seed_that_went_two_ways_is_refused() {
    let folder = folder("two-ways");
    let (one, two) = (folder.join("one.jsonl"), folder.join("two.jsonl"));
    write(&one, &origin(Shard::WHOLE), &[0, 1], true);
    let mut writer = ResultsWriter::create(&two, &origin(Shard::WHOLE)).unwrap();
    writer.run("swarm", &run(1, "another")).unwrap();
    let text = merge(&read(&[&one, &two])).unwrap_err().to_string();
    assert!(text.starts_with("swarm seed 1 has the event hash digest 1 in one file"), "{text}");
}

#[test]
fn a_file_of_something_else_is_refused_with_the_line() {
    let path = folder("else").join("results.jsonl");
    write(&path, &origin(Shard::WHOLE), &[0], true);
    let good = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    for (text, line, reason) in [
        (String::new(), 1, "the file is empty"),
        ("{\"no\":1}\n".to_owned(), 1, "not a line of results"),
        (format!("{}\n", lines[1]), 1, "not where such a line belongs"),
        (format!("{}\n{}\n", lines[0], lines[0]), 2, "not where such a line belongs"),
        (format!("{good}{}\n", lines[1]), 4, "not where such a line belongs"),
        (good.replace("results/1", "results/9"), 1, "the format is detcd-sim-results/9"),
        (good.replace("\"0/1\"", "\"1/1\""), 1, "the shards of N are 0/N to N-1/N"),
    ] {
        fs::write(&path, &text).unwrap();
        match Results::read(&path) {
            Err(ResultsError::Line { line: found, reason: said, .. }) => {
                assert_eq!(found, line, "{said}");
                assert!(said.contains(reason), "{said}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert!(matches!(Results::read(Path::new("no/such/file")), Err(ResultsError::File { .. })));
}
