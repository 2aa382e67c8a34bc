//! Hashes of the key space: all members give one hash of the same stretch of history, whenever they are
//! asked, and whatever compaction has removed by then (etcd's HashKV, which its own corruption check is
//! built on; contract G74).

use std::collections::HashMap;

use super::{Findings, Verdict, Violation};
use crate::history::{Event, History, MemberId, Micros, UpkeepRecord};

const CHECKER: &str = "hashes";

/// Compares what members told of each stretch.
pub fn check(history: &History) -> Verdict {
    let mut findings = Findings::default();
    let mut first: HashMap<(i64, i64), (u32, MemberId, Micros)> = HashMap::new();
    for event in &history.events {
        let Event::Upkeep(line) = event else { continue };
        let UpkeepRecord::Hash { revision, compacted, hash } = line.record else { continue };
        let told = (hash, line.member, line.time);
        let (other, member, time) = *first.entry((compacted, revision)).or_insert(told);
        if other != hash {
            let text = format!(
                "member {member} hashes revision {revision}, compacted at {compacted}, to \
                 {other:08x}, and member {} to {hash:08x}, at {time} us and {} us",
                line.member, line.time
            );
            findings.add(Violation::new(CHECKER, "SAME_HASH", text).at(None, line.time));
        }
    }
    findings.verdict()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::UpkeepLine;

    fn told(hashes: &[(MemberId, i64, i64, u32)]) -> Verdict {
        let line = |(time, (member, compacted, revision, hash)): (usize, &(_, _, _, _))| {
            let (member, compacted, revision, hash) = (*member, *compacted, *revision, *hash);
            let record = UpkeepRecord::Hash { revision, compacted, hash };
            let time = time as Micros;
            Event::Upkeep(UpkeepLine { time, called: time, member, record })
        };
        check(&History::from(hashes.iter().enumerate().map(line).collect::<Vec<_>>()))
    }

    #[test]
    fn members_that_hash_the_same_agree() {
        assert_eq!(
            told(&[(1, -1, 9, 5), (2, -1, 9, 5), (1, 4, 9, 6), (3, -1, 8, 7)]),
            Verdict::Pass
        );
        let verdict = told(&[(1, 4, 9, 6), (2, -1, 9, 5), (3, 4, 9, 7)]);
        let violation = verdict.violation().expect("two hashes of one stretch");
        assert_eq!(violation.guarantee, "SAME_HASH");
        for part in ["member 1", "member 3", "revision 9", "00000006", "00000007"] {
            assert!(violation.message.contains(part), "{}", violation.message);
        }
    }

    #[test]
    fn a_member_does_not_change_its_mind() {
        assert!(told(&[(1, 4, 9, 6), (1, 4, 9, 7)]).violation().is_some());
    }
}
