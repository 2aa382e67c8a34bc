//! Transactions as text (C16): comparisons, then what to do if they hold, then what if not; each part
//! ends with an empty line.

use clap::Parser;
use detcd_api::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use detcd_api::etcdserverpb::{Compare, RequestOp, TxnRequest, request_op};

use crate::cli::{Cli, Command};
use crate::command::{del, get, put};
use crate::failure::Failure;

/// Reads a transaction; lines that are missing at the end count as empty.
pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<TxnRequest, Failure> {
    let mut lines = lines.into_iter().map(str::trim);
    let mut part = || -> Vec<&str> { lines.by_ref().take_while(|line| !line.is_empty()).collect() };
    let (compare, success, failure) = (part(), part(), part());
    Ok(TxnRequest {
        compare: compare.into_iter().map(comparison).collect::<Result<_, _>>()?,
        success: success.into_iter().map(operation).collect::<Result<_, _>>()?,
        failure: failure.into_iter().map(operation).collect::<Result<_, _>>()?,
    })
}

/// `mod("key") > "0"`.
fn comparison(line: &str) -> Result<Compare, Failure> {
    let (target, behind) = line
        .split_once('(')
        .ok_or_else(|| Failure::input(format!("malformed comparison: {line}")))?;
    let parsed = quoted(behind).and_then(|(key, rest)| {
        let rest = rest.trim_start().strip_prefix(')')?.trim_start();
        let (relation, rest) = rest.split_once(char::is_whitespace)?;
        let (value, rest) = quoted(rest.trim_start())?;
        rest.trim().is_empty().then_some((key, relation, value))
    });
    let Some((key, relation, value)) = parsed else {
        let text = format!("malformed comparison: {line}; got {target}(\"\")  \"\"");
        return Err(Failure::input(text));
    };
    let result = match relation {
        "=" => CompareResult::Equal,
        "!=" => CompareResult::NotEqual,
        ">" => CompareResult::Greater,
        "<" => CompareResult::Less,
        _ => return Err(Failure::input(format!("{relation} is no relation"))),
    };
    let (target, union) = match target {
        "ver" | "version" => {
            (CompareTarget::Version, TargetUnion::Version(number(line, &value, 10)?))
        }
        "c" | "create" => {
            (CompareTarget::Create, TargetUnion::CreateRevision(number(line, &value, 10)?))
        }
        "m" | "mod" => (CompareTarget::Mod, TargetUnion::ModRevision(number(line, &value, 10)?)),
        "val" | "value" => (CompareTarget::Value, TargetUnion::Value(value.into_bytes().into())),
        "lease" => (CompareTarget::Lease, TargetUnion::Lease(number(line, &value, 16)?)),
        _ => {
            let text = format!("malformed comparison: {line} (unknown target {target})");
            return Err(Failure::input(text));
        }
    };
    Ok(Compare {
        result: result.into(),
        target: target.into(),
        key: key.into_bytes().into(),
        range_end: Vec::new().into(),
        target_union: Some(union),
    })
}

fn number(line: &str, text: &str, radix: u32) -> Result<i64, Failure> {
    i64::from_str_radix(text, radix)
        .map_err(|_| Failure::input(format!("invalid txn compare request: {line}")))
}

/// The text in double quotes at the beginning, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut letters = text.strip_prefix('"')?.char_indices();
    let mut inside = String::new();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((inside, &text[at + 2..])),
            '\\' => inside.push(match letters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                '0' => '\0',
                other => other,
            }),
            other => inside.push(other),
        }
    }
    None
}

/// `put key value`, `get key` or `del key`, with the flags of these commands.
fn operation(line: &str) -> Result<RequestOp, Failure> {
    let invalid = || Failure::input(format!("invalid txn request: {line}"));
    let words = words(line).ok_or_else(invalid)?;
    let cli = Cli::try_parse_from(std::iter::once("detcdctl".to_owned()).chain(words));
    let request = match cli.map_err(|_| invalid())?.command {
        Command::Put(put) => request_op::Request::RequestPut(put::request(&put, None)?),
        Command::Get(get) => request_op::Request::RequestRange(get::request(&get)?),
        Command::Del(del) => request_op::Request::RequestDeleteRange(del::request(&del)?),
        _ => return Err(invalid()),
    };
    Ok(RequestOp { request: Some(request) })
}

/// Words as a shell would see them; nothing when a quote is left open.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let mut word = String::new();
        while let Some(letter) = rest.chars().next().filter(|letter| !letter.is_whitespace()) {
            if letter == '"' {
                let (inside, behind) = quoted(rest)?;
                word += &inside;
                rest = behind;
            } else if letter == '\'' {
                let (inside, behind) = rest[1..].split_once('\'')?;
                word += inside;
                rest = behind;
            } else {
                word.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        words.push(word);
        rest = rest.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_has_three_parts() {
        let script = "mod(\"lock\") > \"0\"\nversion(\"lock\") < \"9\"\n\nget lock\ndel lock\n\n\n";
        let txn = parse(script.lines()).unwrap();
        assert_eq!((txn.compare.len(), txn.success.len(), txn.failure.len()), (2, 2, 0));
        assert_eq!(txn.compare[0].target_union, Some(TargetUnion::ModRevision(0)));
        assert_eq!(txn.compare[1].result(), CompareResult::Less);
    }

    #[test]
    fn words_may_be_quoted() {
        let txn = parse(["", "put 'a b' \"c \\\"d\\\"\" --prev-kv"]).unwrap();
        let Some(request_op::Request::RequestPut(put)) = &txn.success[0].request else {
            panic!("{txn:?}")
        };
        assert_eq!((&put.key[..], &put.value[..]), (&b"a b"[..], &b"c \"d\""[..]));
        assert!(put.prev_kv);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_line() {
        let refused = parse(["bad("]).unwrap_err();
        let text = "malformed comparison: bad(; got bad(\"\")  \"\"";
        assert_eq!((refused.text.as_deref(), refused.code), (Some(text), 3));
        let refused = parse(["bad"]).unwrap_err();
        assert_eq!(refused.text.as_deref(), Some("malformed comparison: bad"));
        for lines in [["", "watch a"], ["", "put 'a"], ["age(\"k\") = \"1\"", ""]] {
            assert_eq!(parse(lines).unwrap_err().code, 3, "{lines:?}");
        }
    }
}
