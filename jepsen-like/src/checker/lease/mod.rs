//! Leases, judged by true time (etcd's lease API; G54 to G61).
//!
//! | guarantee | file | sentence |
//! |---|---|---|
//! | `EARLY` | `early` | a lease lives at least as long as the last answer about it promised |
//! | `LATE` | `late` | a lease that nobody keeps alive ends soon after its time |
//! | `KEYS_LEFT`, `ATTACHED` | `keys` | keys go with their lease, and no key is attached to none |
//! | `RENEWED`, `TTL` | `renewal` | what is gone is not renewed, what lives is, to its whole time |
//! | `REMAINING` | `remaining` | what is left of a lease only shrinks while nobody renews it |
//! | `REFUSAL` | `refusal` | a lease is said not to exist only when it does not |
//! | `LISTED` | `listed` | every lease that is listed was granted |
//!
//! When a lease began and ended is best known from the log, where the run can look inside; else from
//! answers, and from the revision that its end made. Rules that need to know that a lease was alive all the
//! time are then left out.

mod early;
mod keys;
mod late;
mod life;
mod listed;
mod refusal;
mod remaining;
mod renewal;

use super::strict_serializability::Committed;
use super::{Findings, Options, Verdict, Violation};
use crate::history::{History, Operations};
use life::Lives;

const CHECKER: &str = "lease";

/// A violation of this checker.
fn violation(guarantee: &'static str, message: String) -> Violation {
    Violation::new(CHECKER, guarantee, message)
}

/// Checks all leases of a history.
pub fn check(
    history: &History,
    operations: &Operations<'_>,
    committed: Option<&Committed<'_>>,
    options: &Options,
) -> Verdict {
    let lives = Lives::new(history, operations, committed);
    let mut found: Vec<Violation> = Vec::new();
    early::check(&lives, options, &mut found);
    late::check(history, &lives, options, &mut found);
    renewal::check(&lives, &mut found);
    remaining::check(history, operations, &lives, committed, options, &mut found);
    refusal::check(operations, &lives, &mut found);
    listed::check(operations, &lives, &mut found);
    if let Some(committed) = committed {
        keys::check(committed, &lives, &mut found);
    }
    found.sort_by_key(|violation| violation.times.first().copied());
    let mut findings = Findings::default();
    found.into_iter().for_each(|violation| findings.add(violation));
    let otherwise = if committed.is_none() && !lives.is_empty() {
        Verdict::inconclusive("the committed log is not known")
    } else {
        Verdict::Pass
    };
    findings.verdict_or(otherwise)
}
