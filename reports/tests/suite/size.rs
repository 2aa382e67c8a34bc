//! Pages of runs in which far too much happened.

use reports::{
    Bar, Campaign, Counts, Finding, Lane, LaneGroup, Mark, Plot, PlotRow, Run, Scenario, Story,
    Table, Timeline, Tone, Verdict, failure_page,
};

/// What the report of a failing seed may take.
const PAGE_MAX: usize = 1_000_000;
const END_US: u64 = 600_000_000;

/// Every letter of it becomes several once it is escaped.
fn long_text(letters: usize) -> String {
    "<\"&'".repeat(letters / 4)
}

fn lane(group: LaneGroup, number: u64, shapes: u64) -> Lane {
    let at = |shape: u64| shape * (END_US / shapes);
    let tone = |shape: u64| if shape == shapes / 2 { Tone::Witness } else { Tone::Good };
    let bar = |shape: u64| Bar {
        from_us: at(shape),
        to_us: Some(at(shape) + 3_000),
        tone: tone(shape),
        label: long_text(40),
        title: format!("{number}/{shape} {}", long_text(400)),
    };
    let mark = |shape: u64| Mark {
        at_us: at(shape),
        tone: tone(shape),
        title: format!("{number}/{shape} {}", long_text(400)),
    };
    let name = format!("lane {number} {}", long_text(400));
    match group {
        LaneGroup::Watch => {
            Lane { group, name, bars: vec![], marks: (0..shapes).map(mark).collect() }
        }
        _ => Lane { group, name, bars: (0..shapes).map(bar).collect(), marks: vec![] },
    }
}

fn table(rows: usize) -> Table {
    let cells =
        |row: usize| (0..12).map(|cell| format!("{row}.{cell} {}", long_text(800))).collect();
    Table { columns: cells(0), rows: (1..=rows).map(cells).collect() }
}

fn plot_row(number: u64) -> PlotRow {
    let cells = (0..15).map(|cell| format!("{number}.{cell} {}", long_text(1_000))).collect();
    PlotRow { at_us: number, is_witness: number >= 190, cells }
}

/// Ten minutes of many clients and watches that handle large values.
fn large_run() -> Run {
    let lanes = (0..40)
        .map(|number| lane(LaneGroup::Client, number, 2_000))
        .chain((40..60).map(|number| lane(LaneGroup::Watch, number, 2_000)))
        .chain((60..62).map(|number| lane(LaneGroup::Fault, number, 400)))
        .chain([lane(LaneGroup::Member, 62, 30_000)]);
    let finding = |number| Finding {
        checker: "strict serializability".into(),
        message: format!("finding {number} {}", long_text(100_000)),
        details: (0..500).map(|detail| format!("{detail} {}", long_text(1_000))).collect(),
        when: None,
    };
    Run {
        seed: 1,
        verdict: Verdict::Violation,
        counts: Counts::default(),
        simulated_us: END_US,
        wall_us: 1,
        digest: "00ff/12".into(),
        replay: format!("cargo sim -- run large --seed 1 {}", long_text(100_000)),
        findings: (0..50).map(finding).collect(),
        struck: Default::default(),
        reached: Default::default(),
        spared: Default::default(),
        repeats: None,
        ledger: None,
        story: Some(Story {
            timeline: Timeline { end_us: END_US, lanes: lanes.collect() },
            focus: Some((END_US / 2 - 5_000_000, END_US / 2 + 5_000_000)),
            plot: Plot {
                actors: (0..15).map(|_| long_text(1_000)).collect(),
                rows: (0..200).map(plot_row).collect(),
                left_out: 0,
            },
            profile: Some("dev".into()),
            left_out: vec![long_text(4_000); 3],
            members_then: None,
            members: table(200),
            ledger: table(200),
            statistics: vec![("name".into(), long_text(9_000)); 200],
            script: long_text(2_000_000),
            log: vec![long_text(5_000); 10_000],
        }),
    }
}

fn page_of(run: &Run) -> String {
    let scenario = Scenario { name: "large".into(), about: long_text(100_000), runs: vec![] };
    let campaign = Campaign {
        title: "large".into(),
        command: "cargo sim".into(),
        commit: Some(long_text(100_000)),
        program: None,
        verdict: run.verdict,
        wall_us: 1,
        jobs: 1,
        floors: vec![],
        coverage: vec![],
        scenarios: vec![],
    };
    failure_page(&campaign, &scenario, run)
}

#[test]
fn a_page_is_smaller_than_a_megabyte_whatever_happened() {
    let page = page_of(&large_run());
    assert!(page.len() < PAGE_MAX, "{} bytes", page.len());
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let page = page_of(&large_run());
    for what in [
        "further findings",
        "shapes that lie where another of their colour is",
        "shapes for which this page has no room",
        "lines before them",
        "rows",
        "bytes of the script",
    ] {
        let said = page.lines().any(|line| line.contains("Left out: ") && line.contains(what));
        assert!(said, "nothing says that {what} are left out");
    }
}

#[test]
fn witnesses_are_drawn_before_all_else() {
    let page = page_of(&large_run());
    // Once in the whole run, and once around the finding.
    let witnesses = page.matches("<rect class=\"witness\"").count();
    assert_eq!(witnesses, 2 * (40 + 2 + 1));
    assert_eq!(page.matches("<tr class=\"seen\">").count(), 10);
    assert_eq!(page.matches("<circle class=\"witness\"").count(), 2 * 20);
}

#[test]
fn of_a_run_that_is_small_nothing_is_left_out() {
    let mut run = large_run();
    run.findings.truncate(1);
    run.findings[0].details.truncate(2);
    run.story = Some(Story { script: "members 3\n".into(), ..Story::default() });
    assert!(!page_of(&run).contains("Left out"));
}
