//! What is known to differ between the versions of etcd, and why that is right.
//!
//! The other side is etcd 3.5.1; detcd answers as 3.7 does. A rule looks at a request and at one field
//! of its answers, and never covers a whole answer: what one version refuses and the other carries out is
//! left to the answers of newer versions that are kept in the store's tests.

use std::collections::BTreeMap;

use detcd_api::Error;
use detcd_api::etcdserverpb::RangeRequest;
use detcd_api::etcdserverpb::range_request::SortTarget;

use crate::auth::{Call, ROOT};
use crate::fields::{Difference, Fields};
use crate::request::Request;

/// A request and what both servers said.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// What was asked.
    pub request: &'a Request,
    /// What etcd answered.
    pub etcd: &'a Fields,
    /// What detcd answered.
    pub detcd: &'a Fields,
}

impl Exchange<'_> {
    fn asks_for(&self, wanted: impl Fn(&RangeRequest) -> bool) -> bool {
        self.request.ranges().iter().any(|range| wanted(range))
    }

    /// How many keys there were to be sorted, in the answer that holds this key-value.
    fn sorted_count(&self, path: &str) -> usize {
        let count = path.rsplit_once("kvs[").map(|(answer, _)| format!("{answer}count"));
        let count = count.and_then(|count| self.etcd.get(&count)?.parse().ok());
        count.unwrap_or(0)
    }
}

/// A known difference.
pub struct Rule {
    /// Its name in reports.
    pub id: &'static str,
    /// What differs, and since when.
    pub says: &'static str,
    covers: fn(&Exchange<'_>, &Difference) -> bool,
}

/// All of them.
pub const RULES: &[Rule] = &[
    Rule {
        id: "raft-term",
        says: "terms count elections: etcd counts one more when a cluster begins",
        covers: |_, field| field.path.ends_with("header.raft_term"),
    },
    Rule {
        id: "txn-check-order",
        says: "3.5 checks all puts of a transaction before all ranges, 3.6 in their order",
        covers: |exchange, field| {
            let (answer, name) = field.path.rsplit_once('.').unwrap_or(("", &field.path));
            ["code", "text"].contains(&name)
                && matches!(exchange.request.bare(), Request::Txn(_) | Request::Watch(_))
                && refused_by_the_state(exchange.etcd, answer)
                && refused_by_the_state(exchange.detcd, answer)
        },
    },
    Rule {
        id: "status",
        says: "versions, sizes and Raft's indexes are each server's own",
        covers: |exchange, field| {
            let own = [
                "db_size",
                "db_size_in_use",
                "db_size_quota",
                "raft_applied_index",
                "raft_index",
                "raft_term",
                "storage_version",
                "version",
            ];
            matches!(exchange.request.bare(), Request::Status)
                && (own.contains(&field.path.as_str()) || field.path.starts_with("downgrade_info"))
        },
    },
    Rule {
        id: "hash-revision",
        says: "the answer to HashKV tells its revision only since 3.6",
        covers: |exchange, field| {
            matches!(exchange.request.bare(), Request::HashKv(_)) && field.path == "hash_revision"
        },
    },
    Rule {
        id: "map-order",
        says: "a lease's keys, and alarms, come in the order of a hash map, which differs each time",
        covers: |exchange, field| {
            let lists = match exchange.request.bare() {
                Request::LeaseTimeToLive(_) => "keys[",
                Request::Alarm(_) => "alarms[",
                Request::Status => "errors[",
                _ => return false,
            };
            field.path.starts_with(lists)
                && elements(exchange.etcd, lists) == elements(exchange.detcd, lists)
        },
    },
    Rule {
        id: "refused-watch-id",
        says: "whom 3.5 does not let watch is told the id that it asked for, since 3.6 it is -1 (G43)",
        covers: |exchange, field| {
            let refused = field.path.strip_suffix(".watch_id");
            refused.is_some_and(|refused| {
                let said =
                    |fields: &Fields| fields.get(&format!("{refused}.cancel_reason")).cloned();
                refused.starts_with("refused[")
                    && field.detcd.as_deref() == Some("-1")
                    && said(exchange.etcd).is_some_and(|text| text == NOT_PERMITTED)
            })
        },
    },
    Rule {
        id: "refused-watch-reason",
        says: "3.5 tells of no other reason than a missing permission, 3.6 of the token, too (G43, E66)",
        covers: |_, field| {
            let of_token = [Error::InvalidAuthToken, Error::AuthOldRevision, Error::UserEmpty];
            let said = field.detcd.as_deref().unwrap_or_default();
            field.path.starts_with("refused[")
                && field.path.ends_with(".cancel_reason")
                && field.etcd.as_deref() == Some(NOT_PERMITTED)
                && of_token.iter().any(|reason| said.contains(reason.message()))
        },
    },
    Rule {
        id: "root-role",
        says: "since 3.6 the role root is told to have what it may do, before only what it was granted",
        covers: |exchange, field| {
            let of_root = |call: &Call| matches!(call, Call::RoleGet(get) if get.role == ROOT);
            matches!(exchange.request.bare(), Request::Auth(call) if of_root(call))
                && field.path.starts_with("perm")
                && [
                    ("perm.len()", "1"),
                    ("perm[0].perm_type", "Readwrite"),
                    ("perm[0].key", "b\"\""),
                    ("perm[0].range_end", "b\"\\0\""),
                ]
                .iter()
                .all(|(path, said)| exchange.detcd.get(*path).is_some_and(|value| value == said))
        },
    },
    Rule {
        id: "sort-ties",
        says: "what is equal to the sort target has no order of its own in long results (G14)",
        covers: |exchange, field| {
            let name = field.path.rsplit_once("].").map_or("", |(_, name)| name);
            exchange.sorted_count(&field.path) > 6
                && exchange.asks_for(|range| {
                    let target = range.sort_target();
                    target != SortTarget::Key && sort_field(target) != name
                })
        },
    },
];

/// The reason of a watch that was refused, as 3.5 tells it.
const NOT_PERMITTED: &str =
    "\"rpc error: code = PermissionDenied desc = etcdserver: permission denied\"";

/// The elements of a list of an answer, however they are ordered.
fn elements(fields: &Fields, list: &str) -> Vec<BTreeMap<String, String>> {
    let mut all: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
    for (path, value) in fields.range(list.to_owned()..) {
        let Some((number, name)) = path.strip_prefix(list).and_then(|rest| rest.split_once(']'))
        else {
            break;
        };
        all.entry(number).or_default().insert(name.to_owned(), value.clone());
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort();
    all
}

fn sort_field(target: SortTarget) -> &'static str {
    match target {
        SortTarget::Key => "key",
        SortTarget::Version => "version",
        SortTarget::Create => "create_revision",
        SortTarget::Mod => "mod_revision",
        SortTarget::Value => "value",
    }
}

/// Whether a transaction was refused for what is, not for how it is written.
fn refused_by_the_state(fields: &Fields, answer: &str) -> bool {
    let reasons = [Error::KeyNotFound, Error::LeaseNotFound, Error::FutureRev, Error::Compacted];
    let path = if answer.is_empty() { "text".to_owned() } else { format!("{answer}.text") };
    let text = fields.get(&path).map(String::as_str);
    reasons.iter().any(|reason| text == Some(reason.message()))
}

/// How often each rule was needed.
pub type Hits = BTreeMap<&'static str, u64>;

/// The differences that no rule knows; counts the others.
pub fn unexplained(
    exchange: Exchange<'_>,
    differences: Vec<Difference>,
    hits: &mut Hits,
) -> Vec<Difference> {
    let explained = |difference: &Difference| {
        RULES.iter().find(|rule| (rule.covers)(&exchange, difference)).map(|rule| rule.id)
    };
    differences
        .into_iter()
        .filter(|difference| match explained(difference) {
            Some(id) => {
                *hits.entry(id).or_default() += 1;
                false
            }
            None => true,
        })
        .collect()
}
