//! Every lease that a member lists was granted, and is listed once (etcd's lease API; G58). A member lists
//! what it knows itself, so a lease may be missing, or have ended elsewhere.

use std::collections::BTreeSet;

use super::life::Lives;
use super::violation;
use crate::checker::Violation;
use crate::history::{LeaseResponse, Operations, Outcome, Response};

pub(super) fn check(operations: &Operations<'_>, lives: &Lives, found: &mut Vec<Violation>) {
    for operation in &operations.list {
        let Outcome::Ok(Response::Lease(LeaseResponse::List { leases, .. })) = operation.outcome
        else {
            continue;
        };
        let end = operation.end.unwrap_or(operation.call);
        let mut seen = BTreeSet::new();
        for id in leases {
            if !seen.insert(*id) {
                let text = format!("operation {} listed lease {id} twice", operation.op);
                found.push(violation("LISTED", text).at(operation.op, end));
            }
            let began = lives.get(*id).and_then(|life| life.began);
            if lives.are_told && began.is_none_or(|began| began > end) {
                let text = format!(
                    "operation {} listed lease {id}, which nobody had granted",
                    operation.op
                );
                found.push(violation("LISTED", text).at(operation.op, end));
            }
        }
    }
}
