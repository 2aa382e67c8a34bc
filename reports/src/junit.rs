//! JUnit XML, which continuous integration systems show.

use crate::html::{Escaped, put};
use crate::record::{Campaign, Run, Scenario, Verdict};
use crate::text::seconds;

/// A campaign as JUnit XML: one suite per scenario, one case per seed, and a suite about the whole.
///
/// JUnit's own words are kept apart: a violation is a failure, a failed harness an error, and too
/// little happening a skipped case. But skipped cases are green, and so a whole in which too little happened is a
/// failure, by a case of its own.
pub fn junit(campaign: &Campaign) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put!(
        &mut out,
        "<testsuites name=\"{}\" time=\"{}\">\n",
        Escaped(&campaign.title),
        seconds(campaign.wall_us)
    );
    for scenario in &campaign.scenarios {
        suite(&mut out, scenario);
    }
    whole(&mut out, campaign);
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, scenario: &Scenario) {
    let count = |verdict| scenario.runs.iter().filter(|run| run.verdict == verdict).count();
    put!(
        out,
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
        Escaped(&scenario.name),
        scenario.runs.len(),
        count(Verdict::Violation),
        count(Verdict::HarnessError),
        count(Verdict::Inconclusive)
    );
    for run in &scenario.runs {
        case(out, scenario, run);
    }
    out.push_str("</testsuite>\n");
}

/// Whether enough happened: each floor is a case, and so is the verdict.
fn whole(out: &mut String, campaign: &Campaign) {
    let floors = campaign.floors.iter().map(|floor| {
        let missed = format!("{} of at least {}", floor.reached, floor.needed);
        (floor.name.as_str(), (!floor.holds()).then_some(missed))
    });
    let is_inconclusive = campaign.verdict == Verdict::Inconclusive;
    let words = "too few runs, too many of them inconclusive, or a floor is missed";
    let verdict = is_inconclusive.then(|| format!("{}: {words}", campaign.verdict));
    let cases: Vec<(&str, Option<String>)> = floors.chain([("enough happened", verdict)]).collect();
    let failures = cases.iter().filter(|(_, missed)| missed.is_some()).count();
    put!(
        out,
        "<testsuite name=\"whole campaign\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n",
        cases.len()
    );
    for (name, missed) in cases {
        put!(out, "<testcase classname=\"whole campaign\" name=\"{}\"", Escaped(name));
        match missed {
            None => out.push_str("/>\n"),
            Some(missed) => {
                let missed = Escaped(&missed);
                put!(out, "><failure message=\"{missed}\">{missed}</failure></testcase>\n");
            }
        }
    }
    out.push_str("</testsuite>\n");
}

fn case(out: &mut String, scenario: &Scenario, run: &Run) {
    put!(
        out,
        "<testcase classname=\"{}\" name=\"seed {}\" time=\"{}\"",
        Escaped(&scenario.name),
        run.seed,
        seconds(run.wall_us)
    );
    let element = match run.verdict {
        Verdict::Pass => {
            out.push_str("/>\n");
            return;
        }
        Verdict::Violation => "failure",
        Verdict::HarnessError => "error",
        Verdict::Inconclusive => "skipped",
    };
    let message = run.findings.first().map_or("", |finding| finding.message.as_str());
    let all: Vec<String> = run
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.checker, finding.message))
        .chain([format!("replay: {}", run.replay)])
        .collect();
    put!(
        out,
        "><{element} message=\"{}\">{}</{element}></testcase>\n",
        Escaped(message),
        Escaped(all.join("\n"))
    );
}
