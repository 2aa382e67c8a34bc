//! An answer as its fields: from each path, such as `kvs[0].version`, to what stands there.

use std::collections::BTreeMap;
use std::fmt::Debug;

/// Paths and what stands there, as text.
pub type Fields = BTreeMap<String, String>;

/// The fields of anything whose `Debug` is derived, as it is for all generated messages.
pub fn of(value: &impl Debug) -> Fields {
    let text = format!("{value:?}");
    let mut reader = Reader { rest: &text, fields: Fields::new() };
    reader.value("");
    reader.fields
}

struct Reader<'a> {
    rest: &'a str,
    fields: Fields,
}

impl Reader<'_> {
    fn value(&mut self, path: &str) {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with(['"', '[']) || self.rest.starts_with("b\"") {
            return if self.rest.starts_with('[') { self.list(path) } else { self.text(path) };
        }
        let end = self.rest.find([' ', ',', '(', ')', '{', '}', '[', ']']);
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        if let Some(rest) = rest.strip_prefix('(') {
            self.rest = rest;
            let path = if word == "Some" { path.to_owned() } else { join(path, word) };
            self.value(&path);
            self.skip(')');
        } else if let Some(rest) = rest.strip_prefix(" {") {
            self.rest = rest;
            self.members(path);
        } else {
            self.fields.insert(path.to_owned(), word.to_owned());
        }
    }

    fn members(&mut self, path: &str) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.starts_with('}') {
                return self.skip('}');
            }
            let Some((name, rest)) = self.rest.split_once(": ") else { return };
            self.rest = rest;
            self.value(&join(path, name));
        }
    }

    fn list(&mut self, path: &str) {
        self.skip('[');
        let mut count = 0;
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.is_empty() || self.rest.starts_with(']') {
                break;
            }
            self.value(&format!("{path}[{count}]"));
            count += 1;
        }
        self.skip(']');
        self.fields.insert(join(path, "len()"), count.to_string());
    }

    fn text(&mut self, path: &str) {
        let begin = self.rest.find('"').map_or(0, |at| at + 1);
        let mut escaped = false;
        let end = self.rest[begin..].find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let end = end.map_or(self.rest.len(), |end| begin + end + 1);
        let (text, rest) = self.rest.split_at(end);
        self.fields.insert(path.to_owned(), text.to_owned());
        self.rest = rest;
    }

    fn skip(&mut self, letter: char) {
        self.rest = self.rest.trim_start();
        self.rest = self.rest.strip_prefix(letter).unwrap_or(self.rest);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which one.
    pub path: String,
    /// What etcd says; nothing where it has no such field.
    pub etcd: Option<String>,
    /// What detcd says.
    pub detcd: Option<String>,
}

/// All fields that differ.
pub fn differences(etcd: &Fields, detcd: &Fields) -> Vec<Difference> {
    let mut paths: Vec<&String> = etcd.keys().chain(detcd.keys()).collect();
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| etcd.get(*path) != detcd.get(*path))
        .map(|path| Difference {
            path: path.clone(),
            etcd: etcd.get(path).cloned(),
            detcd: detcd.get(path).cloned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use detcd_api::etcdserverpb::response_op::Response;
    use detcd_api::etcdserverpb::{RangeResponse, ResponseHeader, ResponseOp, TxnResponse};
    use detcd_api::mvccpb::KeyValue;

    use super::*;

    #[test]
    fn every_field_of_a_nested_answer_has_a_path() {
        let kv = KeyValue { key: "a\"],\\".into(), version: 3, ..Default::default() };
        let range = RangeResponse { kvs: vec![kv], count: 1, ..Default::default() };
        let answer = TxnResponse {
            header: Some(ResponseHeader { revision: 7, ..Default::default() }),
            succeeded: true,
            responses: vec![ResponseOp { response: Some(Response::ResponseRange(range)) }],
        };
        let fields = of(&answer);
        let op = "responses[0].response.ResponseRange";
        for (path, value) in [
            ("header.revision", "7"),
            ("succeeded", "true"),
            ("responses.len()", "1"),
            (&format!("{op}.header"), "None"),
            (&format!("{op}.kvs[0].key"), "b\"a\\\"],\\\\\""),
            (&format!("{op}.kvs[0].version"), "3"),
            (&format!("{op}.count"), "1"),
        ] {
            assert_eq!(fields.get(path).map(String::as_str), Some(value), "{path} in {fields:?}");
        }
    }

    #[test]
    fn what_only_one_side_has_is_a_difference() {
        let with = RangeResponse { header: Some(ResponseHeader::default()), ..Default::default() };
        let without = RangeResponse { count: 2, ..Default::default() };
        let found = differences(&of(&with), &of(&without));
        let paths: Vec<&str> = found.iter().map(|one| one.path.as_str()).collect();
        assert!(paths.contains(&"count") && paths.contains(&"header.revision"), "{paths:?}");
    }
}
