//! A renewal of a lease that lives answers with the time that it was granted for, one of a lease that is
//! gone answers 0 (etcd's lease API; G56). What is gone never lives again.

use super::life::{Life, Lives, Promise};
use super::violation;
use crate::checker::Violation;
use crate::history::LeaseId;

pub(super) fn check(lives: &Lives, found: &mut Vec<Violation>) {
    for (id, life) in lives.iter() {
        found.extend(life.renewals.iter().filter_map(|renewal| wrong(lives, id, life, renewal)));
    }
}

fn wrong(lives: &Lives, id: LeaseId, life: &Life, renewal: &Promise) -> Option<Violation> {
    let Promise { op, call, answer, end } = *renewal;
    let (ttl, end) = (answer?.ttl, end?);
    if ttl == 0 {
        let text = format!(
            "operation {op} found lease {id} gone from {call} us to {end} us, while it lived"
        );
        return lives.lived(id, call, end).then(|| violation("RENEWED", text).at(op, end));
    }
    if let Some(ended) = lives.had_ended(id, call) {
        let text = format!(
            "operation {op}, called at {call} us, renewed lease {id} for {ttl} s, which had ended at \
             {} us (revision {})",
            ended.time, ended.revision
        );
        return Some(violation("RENEWED", text).at(op, end));
    }
    let granted = life.granted().filter(|granted| *granted != ttl)?;
    let text =
        format!("operation {op} renewed lease {id} for {ttl} s, which was granted for {granted} s");
    Some(violation("TTL", text).at(op, end))
}
