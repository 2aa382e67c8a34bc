//! What is left of a lease is never more than it was granted, and only shrinks while nobody renews it and
//! nobody new leads; its keys are those of some revision of that time (etcd's lease API; G57, G61).

use std::collections::BTreeMap;

use super::life::{Life, Lives};
use super::violation;
use crate::checker::strict_serializability::Committed;
use crate::checker::{Options, Violation};
use crate::history::{
    Blob, Event, History, LeaseId, LeaseRequest, LeaseResponse, Micros, OpId, Operation,
    Operations, Outcome, Request, Response,
};
use crate::observation::{Fact, Role};

/// An answer to a question for a lease's time.
struct Asked<'h> {
    op: OpId,
    call: Micros,
    end: Micros,
    lease: LeaseId,
    ttl: i64,
    granted: i64,
    /// `None` if they were not asked for.
    keys: Option<&'h [Blob]>,
}

pub(super) fn check(
    history: &History,
    operations: &Operations<'_>,
    lives: &Lives,
    committed: Option<&Committed<'_>>,
    options: &Options,
    found: &mut Vec<Violation>,
) {
    let led = led(history);
    let mut last: BTreeMap<LeaseId, Asked<'_>> = BTreeMap::new();
    let mut asked: Vec<Asked<'_>> = operations.list.iter().filter_map(asked).collect();
    asked.sort_by_key(|asked| asked.end);
    for asked in asked {
        found.extend(alone(&asked, lives, options).map(|text| told(&asked, text)));
        if asked.ttl < 0 {
            continue;
        }
        let life = lives.get(asked.lease);
        if let (Some(before), Some(life)) = (last.get(&asked.lease), life)
            && asked.ttl > before.ttl
            && before.end < asked.call
            && !led.iter().any(|time| (before.call..=asked.end).contains(time))
            && !led.is_empty()
            && !renewed(life, before.call, asked.end)
        {
            let text = format!(
                "has {} s left, after {} s at {} us, and nobody renewed it",
                asked.ttl, before.ttl, before.end
            );
            found.push(told(&asked, text));
        }
        if let (Some(keys), Some(committed)) = (asked.keys, committed)
            && !were_attached(&asked, keys, committed)
        {
            let text = format!("has {} keys that it never had together then", keys.len());
            found.push(told(&asked, text));
        }
        last.insert(asked.lease, asked);
    }
}

fn told(asked: &Asked<'_>, text: String) -> Violation {
    let Asked { op, call, end, lease, .. } = asked;
    let text = format!("lease {lease} {text}: operation {op}, {call} us to {end} us");
    violation("REMAINING", text).at(*op, *end)
}

/// When somebody began to lead.
fn led(history: &History) -> Vec<Micros> {
    let led = history.events.iter().filter_map(|event| match event {
        Event::Observed(seen) => match seen.fact {
            Fact::Role { role: Role::Leader, .. } => Some(seen.time),
            _ => None,
        },
        _ => None,
    });
    led.collect()
}

fn asked<'h>(operation: &Operation<'h>) -> Option<Asked<'h>> {
    let Request::Lease(LeaseRequest::TimeToLive { keys: wanted, .. }) = operation.request else {
        return None;
    };
    let Outcome::Ok(Response::Lease(response)) = operation.outcome else { return None };
    let LeaseResponse::TimeToLive { id, ttl, granted_ttl, keys, .. } = response else {
        return None;
    };
    let (op, call, end) = (operation.op, operation.call, operation.end?);
    let keys = wanted.then_some(keys.as_slice());
    Some(Asked { op, call, end, lease: *id, ttl: *ttl, granted: *granted_ttl, keys })
}

/// What is wrong with an answer by itself.
fn alone(asked: &Asked<'_>, lives: &Lives, options: &Options) -> Option<String> {
    let Asked { call, end, lease, ttl, granted, .. } = *asked;
    if ttl < 0 {
        return lives.lived(lease, call, end).then(|| "was said to be gone while it lived".into());
    }
    if let Some(ended) = lives.had_ended(lease, call) {
        return Some(format!("was said to have {ttl} s left, but had ended at {} us", ended.time));
    }
    let known = lives.get(lease).and_then(Life::granted).unwrap_or(granted);
    if known != granted {
        return Some(format!("was said to be granted for {granted} s, and not {known} s"));
    }
    let most = granted + i64::try_from(options.clocks.extension / 1_000_000 + 1).unwrap_or(0);
    (ttl > most).then(|| format!("has {ttl} s left of {granted} s"))
}

/// Whether somebody may have renewed the lease in a time.
fn renewed(life: &Life, from: Micros, to: Micros) -> bool {
    life.renewals.iter().any(|renewal| {
        let end = renewal.end.filter(|_| renewal.answer.is_some()).unwrap_or(Micros::MAX);
        renewal.call <= to && end >= from
    })
}

/// Whether these were the keys of the lease at a revision that the question may have seen.
fn were_attached(asked: &Asked<'_>, keys: &[Blob], committed: &Committed<'_>) -> bool {
    let mut given: Vec<&Blob> = keys.iter().collect();
    given.sort_unstable();
    let from = committed.known_before(asked.call);
    let to = committed.possible_by(asked.end);
    let mut had = committed.state.attached_at(asked.lease, from);
    let is_it = |had: &[Blob]| had.iter().eq(given.iter().copied());
    if is_it(&had) || committed.may_hide_writes(asked.end) {
        return true;
    }
    let first = committed.state.position_of(from + 1);
    let later = committed.state.changes().get(first..).unwrap_or(&[]);
    let later = later.iter().take_while(|change| change.kv.mod_revision <= to);
    let mut later = later.peekable();
    while let Some(change) = later.next() {
        had.retain(|key| *key != change.kv.key);
        if change.kv.lease == asked.lease {
            had.push(change.kv.key.clone());
            had.sort_unstable();
        }
        let whole = later.peek().is_none_or(|next| next.kv.mod_revision > change.kv.mod_revision);
        if whole && is_it(&had) {
            return true;
        }
    }
    false
}
