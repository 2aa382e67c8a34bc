//! Pages of a campaign that has one of everything.

use reports::{
    Bar, Campaign, Counts, Coverage, Finding, Floor, Lane, LaneGroup, Ledger, Mark, Plot, PlotRow,
    Run, Scenario, Story, Table, TableAt, Timeline, Tone, Verdict, When, failure_page,
    failure_text, index_page, index_text, junit,
};

fn story() -> Story {
    let bar = |from_us, to_us, tone, title: &str| Bar {
        from_us,
        to_us,
        tone,
        label: title[..3].to_owned(),
        title: title.to_owned(),
    };
    let lane = |group, name: &str, bars, marks| Lane { group, name: name.to_owned(), bars, marks };
    let mark = |at_us, tone, title: &str| Mark { at_us, tone, title: title.to_owned() };
    let lanes = vec![
        lane(
            LaneGroup::Fault,
            "network",
            vec![bar(2_000_000, Some(9_000_000), Tone::Fault, "partition {1} {2 3}")],
            vec![],
        ),
        lane(
            LaneGroup::Member,
            "member 1",
            vec![
                bar(0, Some(4_000_000), Tone::Leader, "leader of term 1"),
                bar(4_000_000, Some(12_000_000), Tone::Down, "killed"),
            ],
            vec![mark(5_000, Tone::Quiet, "started")],
        ),
        lane(
            LaneGroup::Client,
            "client 1",
            vec![
                bar(2_100_000, Some(2_110_000), Tone::Good, "put a = <1> & \"2\""),
                bar(2_120_000, None, Tone::Unknown, "put b"),
                bar(2_410_000, Some(2_419_000), Tone::Witness, "range a -> rev 167"),
            ],
            vec![],
        ),
        lane(
            LaneGroup::Watch,
            "watch 1",
            vec![],
            vec![mark(2_111_000, Tone::Event, "put a"), mark(2_500_000, Tone::Witness, "gap")],
        ),
    ];
    Story {
        timeline: Timeline { end_us: 12_000_000, lanes },
        focus: Some((2_000_000, 2_600_000)),
        profile: Some("dev".into()),
        left_out: vec!["<watches> without a lane (3)".into()],
        plot: plot(),
        members_then: None,
        members: Table {
            columns: vec!["member".into(), "term".into()],
            rows: vec![vec!["1".into(), "4".into()], vec!["2 <x>".into(), "4".into()]],
        },
        ledger: Table {
            columns: vec!["relied on".into(), "limit".into(), "in this run".into()],
            rows: vec![vec!["disks keep <all>".into(), "always".into(), "1 lost".into()]],
        },
        statistics: vec![("operations".into(), "3".into())],
        script: "members 3\nat 2s partition {1} {2 3}\n".into(),
        log: vec!["2.100 client 1 put a".into()],
    }
}

fn plot() -> Plot {
    Plot {
        actors: vec!["client 1".into(), "member 1 (leader of term 1)".into(), "faults".into()],
        rows: vec![
            PlotRow {
                at_us: 2_000_000,
                is_witness: false,
                cells: vec![String::new(), String::new(), "begin: partition {1} {2 3}".into()],
            },
            PlotRow {
                at_us: 2_410_000,
                is_witness: true,
                cells: vec!["get(<a>) -> member 1".into(), String::new(), String::new()],
            },
        ],
        left_out: 7,
    }
}

fn campaign() -> Campaign {
    let run = |seed, verdict, story| Run {
        seed,
        verdict,
        counts: Counts { operations: 1_234, acknowledged: 100, ..Counts::default() },
        simulated_us: 12_000_000,
        wall_us: 60_000,
        digest: "00ff/12".into(),
        replay: format!("cargo sim -- run stale-read --seed {seed}"),
        findings: match verdict {
            Verdict::Pass => vec![],
            _ => vec![Finding {
                checker: "strict serializability".into(),
                message: "get(k3) returned revision 167 < 168 & more".into(),
                details: vec!["client 1 \u{1b}[31mput a".into()],
                when: None,
            }],
        },
        struck: Default::default(),
        reached: Default::default(),
        spared: [("kill".into(), [(format!("<member> {seed} was down"), seed + 1)].into())].into(),
        repeats: None,
        ledger: (seed < 3).then(|| Ledger {
            counts: [("kills <all>".to_owned(), 2_000 + seed)].into(),
            limits: [("ppm".to_owned(), 50 + seed)].into(),
        }),
        story,
    };
    Campaign {
        title: "scripted".into(),
        command: "cargo sim".into(),
        commit: Some("abc123".into()),
        program: Some("00<ff".into()),
        verdict: Verdict::Violation,
        wall_us: 120_000,
        jobs: 2,
        floors: vec![Floor { name: "crashes".into(), reached: 1, needed: 2 }],
        coverage: vec![
            Coverage { group: "fault".into(), name: "kill".into(), runs: 2, times: 5 },
            Coverage { group: "state".into(), name: "two <leaders>".into(), runs: 0, times: 0 },
        ],
        scenarios: vec![Scenario {
            name: "stale-read".into(),
            about: "A deposed leader must not answer.".into(),
            runs: vec![
                run(0, Verdict::Pass, None),
                run(1, Verdict::Violation, Some(story())),
                run(2, Verdict::Inconclusive, None),
                run(3, Verdict::HarnessError, None),
            ],
        }],
    }
}

/// Every element that is opened is closed, in order.
fn assert_balanced(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in page.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().expect("a tag has a name");
        if tag.starts_with(['!', '?']) || tag.ends_with('/') || name == "meta" {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes something else");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

#[test]
fn every_page_is_well_formed_and_needs_no_network() {
    let campaign = campaign();
    let scenario = &campaign.scenarios[0];
    let pages = [
        index_page(&campaign),
        failure_page(&campaign, scenario, &scenario.runs[1]),
        junit(&campaign),
    ];
    for page in pages {
        assert_balanced(&page);
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!outside.contains("http"), "a page refers to the outside");
        assert!(!page.contains("<script"), "a page has a script");
        assert!(!page.contains('\u{1b}'), "a control character got through");
    }
}

#[test]
fn the_index_links_the_failures_that_have_a_page() {
    let page = index_page(&campaign());
    assert!(page.contains("href=\"stale-read-1.html\""));
    assert!(!page.contains("href=\"stale-read-2.html\""));
    assert!(page.contains("cargo sim -- run stale-read --seed 3"));
}

#[test]
fn what_was_never_reached_stands_first() {
    let page = index_page(&campaign());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(place("two &lt;leaders&gt;") < place("<td>kill "));
    assert!(place("never</span>") < place("<td>kill "));
}

#[test]
fn the_page_of_a_failure_leads_with_verdict_and_replay() {
    let campaign = campaign();
    let scenario = &campaign.scenarios[0];
    let page = failure_page(&campaign, scenario, &scenario.runs[1]);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    let order = [
        "get(k3) returned revision 167 &lt; 168 &amp; more",
        "cargo sim -- run stale-read --seed 1",
        "commit abc123, dev profile, fingerprint 00&lt;ff",
        "How it came about",
        "<tr class=\"seen\"><td class=\"number\">2.410</td><td>get(&lt;a&gt;) -&gt; member 1</td>",
        "Left out: other events near it (7)",
        "<svg",
        "Members at the end",
        "partition {1} {2 3}\n",
    ];
    assert!(order.map(place).is_sorted());
}

#[test]
fn the_text_stands_alone() {
    let campaign = campaign();
    let scenario = &campaign.scenarios[0];
    let text = failure_text(&campaign, scenario, &scenario.runs[1]);
    let plot = [
        "     time   client 1              member 1 (leader of term  faults",
        "                                  1)",
        "     2.000                                                  begin: partition {1} {2",
        "                                                            3}",
        "  *  2.410  get(<a>) -> member 1",
        "  (7 other events near it are left out)",
    ];
    assert!(text.contains(&plot.join("\n")), "the plot is another one in\n{text}");
    for part in [
        "VIOLATION",
        "program: commit abc123, dev profile, fingerprint 00<ff",
        "replay: cargo sim",
        "member  term",
        "2 <x>   4",
        "members 3",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
}

#[test]
fn junit_counts_by_its_own_words() {
    let xml = junit(&campaign());
    assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""));
}

#[test]
fn junit_is_never_green_when_too_little_happened() {
    let mut campaign = campaign();
    let failures = |campaign: &Campaign| junit(campaign).matches("<failure").count();
    campaign.scenarios.clear();
    campaign.floors = vec![Floor { name: "crashes".to_owned(), reached: 3, needed: 3 }];
    campaign.verdict = Verdict::Pass;
    assert_eq!(failures(&campaign), 0);
    campaign.verdict = Verdict::Inconclusive;
    assert_eq!(failures(&campaign), 1);
    campaign.floors[0].needed = 4;
    assert_eq!(failures(&campaign), 2);
    assert!(junit(&campaign).contains("name=\"crashes\"><failure message=\"3 of at least 4\""));
    assert!(junit(&campaign).contains("tests=\"2\" failures=\"2\""));
}

#[test]
fn records_survive_json() {
    let campaign = campaign();
    let json = serde_json::to_string(&campaign).unwrap();
    assert_eq!(serde_json::from_str::<Campaign>(&json).unwrap(), campaign);
}

/// Faults of one place that are there at the same time are all to be seen.
#[test]
fn faults_that_overlap_lie_under_each_other() {
    let mut campaign = campaign();
    let bar = |from_us, to_us, text: &str| Bar {
        from_us,
        to_us: Some(to_us),
        tone: Tone::Fault,
        label: text.to_owned(),
        title: text.to_owned(),
    };
    let mut story = story();
    let second = 1_000_000;
    story.focus = None;
    story.timeline.lanes[0].bars =
        vec![bar(second, 9 * second, "cut one"), bar(2 * second, 8 * second, "cut two")];
    story.timeline.lanes[0].bars.extend((0..9).map(|_| bar(3 * second, 4 * second, "delay")));
    campaign.scenarios[0].runs[1].story = Some(story);
    let page = failure_page(&campaign, &campaign.scenarios[0], &campaign.scenarios[0].runs[1]);
    let top = |text: &str| {
        let end = page.find(&format!("<title>{text}")).expect("the bar is drawn");
        let (_, rest) = page[..end].rsplit_once(" y=\"").expect("it has a place");
        rest.split('"').next().map(str::to_owned)
    };
    assert_ne!(top("cut one"), top("cut two"));
    assert!(page.contains(">network, 5 more</text>"), "those without a row are counted");
    assert!(page.contains(">cut two</text>"), "the second is named");
}

#[test]
fn the_index_sums_up_what_was_done_in_all_runs() {
    let page = index_page(&campaign());
    let row = |what, runs, times| {
        format!(
            "<tr><td>{what}</td><td class=\"number\">{runs}</td><td class=\"number\">{times}</td>"
        )
    };
    assert!(page.contains(&row("kills &lt;all&gt;", 3, "6,003")));
    assert!(page.contains(&row("ppm", 3, "at most 52")));
    assert!(page.contains("1 runs kept no accounts"));
}

/// What the run itself finds has no witnesses; its time is all that says where to look.
#[test]
fn a_finding_with_a_time_tells_it() {
    let mut campaign = campaign();
    let run = &mut campaign.scenarios[0].runs[1];
    run.findings[0].when = Some(When { began_us: 2_000_000, noticed_us: 5_010_000 });
    let table = |cell: &str| Table {
        columns: vec!["member".into(), "role".into()],
        rows: vec![vec!["1".into(), cell.into()]],
    };
    let story = run.story.as_mut().expect("it failed");
    story.members_then = Some(TableAt { at_us: 5_010_000, table: table("down") });
    let found = Bar {
        from_us: 2_000_000,
        to_us: Some(5_010_000),
        tone: Tone::Witness,
        label: "availability".into(),
        title: "availability: nobody serves".into(),
    };
    let lane =
        Lane { group: LaneGroup::Finding, name: "found".into(), bars: vec![found], marks: vec![] };
    story.timeline.lanes.insert(0, lane);
    let scenario = &campaign.scenarios[0];
    let (run, old) = (&scenario.runs[1], &scenario.runs[2]);
    let page = failure_page(&campaign, scenario, run);
    assert_balanced(&page);
    let text = failure_text(&campaign, scenario, run);
    for (out, parts) in [
        (&page, ["from 2.000 s on, noticed at 5.010 s", "Members at 5.010 s, when it was found"]),
        (&text, ["from 2.000 s on, noticed at 5.010 s", "members at 5.010 s, when it was found"]),
    ] {
        for part in parts {
            assert!(out.contains(part), "{part:?} is missing in\n{out}");
        }
    }
    assert!(page.contains(">found</text>") && page.contains("availability: nobody serves"));
    assert!(!failure_text(&campaign, scenario, old).contains("noticed"));
    // Records of programs that knew no times have no such field.
    let json = serde_json::to_string(&old.findings).unwrap();
    assert!(!json.contains("when"), "{json}");
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&json).unwrap(), old.findings);
}

#[test]
fn the_index_sums_up_which_steps_did_nothing() {
    let mut campaign = campaign();
    campaign.scenarios[0].runs[2].spared.clear();
    let page = index_page(&campaign);
    assert!(page.contains(
        "<td class=\"name\">kill</td><td>&lt;member&gt; N was down</td>\
         <td class=\"number\">3</td><td class=\"number\">7</td>"
    ));
    let text = index_text(&campaign);
    for part in [
        "scripted: VIOLATION",
        "commit abc123\nprogram 00<ff\n",
        "crashes  1        2         TOO FEW",
        "stale-read  VIOLATION  4      4,936",
        "state  two <leaders>  never  0",
        "  step  why                  runs  times\n  kill  <member> N was down  3     7\n",
        "stale-read seed 3: harness error",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    campaign.scenarios[0].runs.iter_mut().for_each(|run| run.spared.clear());
    assert!(!index_page(&campaign).contains("did nothing"));
    assert!(!index_text(&campaign).contains("did nothing"));
}

#[test]
fn of_very_many_failures_those_with_a_page_are_listed() {
    let mut campaign = campaign();
    let runs = &mut campaign.scenarios[0].runs;
    let failed = runs[3].clone();
    runs.extend((10..1_000).map(|seed| Run { seed, ..failed.clone() }));
    runs.push(Run { seed: 1_000, story: Some(story()), ..failed });
    let page = index_page(&campaign);
    assert!(page.contains("stale-read-1.html") && page.contains("stale-read-1000.html"));
    assert!(page.contains("Left out: further runs that did not pass (694)"));
    assert!(page.len() < 200_000, "{} bytes", page.len());
}
