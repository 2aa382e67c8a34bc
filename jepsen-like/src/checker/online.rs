//! What can be judged while a run goes on, so that it ends where something is wrong: the invariants of Raft, the
//! state of all members at every applied index, that no answer is older than what was known when it was asked for,
//! and of watches what their own lines show.

use super::Violation;
use super::convergence::States;
use super::raft::Invariants;
use super::strict_serializability::RealTime;
use super::watch::Watches;
use crate::history::Event;

/// Takes a history event by event.
#[derive(Debug, Default)]
pub struct Online {
    invariants: Invariants,
    states: States,
    real_time: RealTime,
    watches: Watches,
}

impl Online {
    /// Takes the next event, in the order of time.
    pub fn look(&mut self, event: &Event) {
        self.real_time.look(event);
        match event {
            Event::Watch(line) => self.watches.look(line),
            Event::Observed(seen) => self.invariants.look(seen),
            Event::Applied(tap) => self.states.look(tap),
            _ => {}
        }
    }

    /// The first violation, so far.
    pub fn violation(&self) -> Option<&Violation> {
        self.invariants
            .violation()
            .or(self.states.violation())
            .or(self.real_time.violation())
            .or(self.watches.violation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Applied, WatchLine, WatchRecord};

    fn applied(member: u64, index: u64, digest: u64) -> Event {
        let (time, term, revision, op) = (index * 10 + member, 1, 5, None);
        Event::Applied(Applied { time, member, index, term, revision, digest, op })
    }

    #[test]
    fn it_speaks_at_the_event_that_is_wrong_and_not_later() {
        let mut online = Online::default();
        for event in [applied(1, 7, 70), applied(2, 7, 70), applied(1, 8, 80)] {
            online.look(&event);
            assert_eq!(online.violation(), None);
        }
        online.look(&applied(2, 8, 81));
        let violation = online.violation().expect("the members do not agree");
        assert_eq!((violation.guarantee, &violation.times[..]), ("SAME_STATE", &[81, 82][..]));
    }

    #[test]
    fn it_speaks_when_progress_goes_back() {
        let mut online = Online::default();
        let line =
            |time, record| Event::Watch(WatchLine { time, watch: 7, client: 1, member: 1, record });
        let created = WatchRecord::Created {
            key: "k".into(),
            range_end: "".into(),
            start_revision: 0,
            prev_kv: false,
            progress_notify: false,
            filters: Vec::new(),
            fragment: false,
            revision: 4,
        };
        online.look(&line(1, created));
        online.look(&line(2, WatchRecord::Progress { revision: 9 }));
        assert_eq!(online.violation(), None);
        online.look(&line(3, WatchRecord::Progress { revision: 8 }));
        let violation = online.violation().expect("it goes back");
        assert_eq!((violation.checker, violation.guarantee), ("watch", "BOOKMARKABLE"));
    }
}
