//! The search agrees with the verdicts that other checkers gave on Jepsen's etcd histories.

use std::collections::HashMap;
use std::path::Path;

use jepsen_like::checker::Verdict;
use jepsen_like::checker::linearizability::{Call, Register, RegisterOp, check};

const STEPS_MAX: usize = 10_000_000;

type RegisterCall = Call<RegisterOp, Option<i64>>;

/// Reads Jepsen's log: process, type, function, value. The number of the line serves as the time.
fn parse(text: &str) -> Vec<RegisterCall> {
    let mut calls: Vec<RegisterCall> = Vec::new();
    let mut open: HashMap<&str, usize> = HashMap::new();
    for (time, line) in text.lines().enumerate() {
        let Some((_, event)) = line.split_once(" - ") else { continue };
        let fields: Vec<&str> = event.split_whitespace().collect();
        let [process, kind, function, ref value @ ..] = fields[..] else { panic!("{line}") };
        let value = &value.join(" ");
        if kind == ":invoke" {
            open.insert(process, calls.len());
            let (op, call, input) = (calls.len() as u64, time as u64, operation(function, value));
            calls.push(Call { op, call, end: None, input, output: None });
        } else if let Some(position) = open.remove(process) {
            finish(&mut calls[position], time as u64, kind, value);
        }
    }
    // A read that told nothing constrains nothing.
    calls.retain(|call| call.end.is_some() || call.input != RegisterOp::Read);
    calls
}

fn operation(function: &str, value: &str) -> RegisterOp {
    let numbers: Vec<i64> = value
        .trim_matches(['[', ']'])
        .split(' ')
        .filter_map(|number| number.parse().ok())
        .collect();
    match (function, &numbers[..]) {
        (":read", _) => RegisterOp::Read,
        (":write", [value]) => RegisterOp::Write(*value),
        (":cas", [from, to]) => RegisterOp::Cas(*from, *to),
        other => panic!("{other:?}"),
    }
}

fn finish(call: &mut RegisterCall, time: u64, kind: &str, value: &str) {
    let output = match (call.input, kind) {
        (RegisterOp::Cas(..), ":fail") => Some(0),
        (RegisterOp::Cas(..), ":ok") => Some(1),
        (RegisterOp::Read, ":ok") => value.parse().ok(),
        (RegisterOp::Write(_), ":ok") => None,
        _ => return,
    };
    call.end = Some(time);
    call.output = Some(output);
}

fn verdict(name: &str) -> Verdict {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/histories/jepsen-etcd").join(name);
    let text = std::fs::read_to_string(&path).expect("the history is in the repository");
    check(&Register, &parse(&text), STEPS_MAX)
}

#[test]
fn linearizable_histories_pass() {
    for name in ["etcd_002.log", "etcd_048.log", "etcd_076.log", "etcd_102.log"] {
        assert_eq!(verdict(name), Verdict::Pass, "{name}");
    }
}

#[test]
fn other_histories_are_violations() {
    for name in ["etcd_000.log", "etcd_012.log", "etcd_060.log", "etcd_086.log"] {
        let verdict = verdict(name);
        let violation = verdict.violation().unwrap_or_else(|| panic!("{name}: {verdict:?}"));
        assert!(violation.message.contains("no order of the operations is legal"), "{violation}");
    }
}

#[test]
fn a_search_without_steps_is_inconclusive() {
    let calls = parse(concat!("x - 0\t:invoke\t:write\t1\n", "x - 0\t:ok\t:write\t1\n"));
    assert!(matches!(check(&Register, &calls, 0), Verdict::Inconclusive { .. }));
    assert_eq!(check(&Register, &calls, 2), Verdict::Pass);
}
