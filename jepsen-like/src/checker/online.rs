//! What can be judged while a run goes on, so that it ends where something is wrong: the invariants of Raft, and the
//! state of all members at every applied index.

use super::Violation;
use super::convergence::States;
use super::raft::Invariants;
use crate::history::Event;

/// Takes a history event by event.
#[derive(Debug, Default)]
pub struct Online {
    invariants: Invariants,
    states: States,
}

impl Online {
    /// Takes the next event, in the order of time.
    pub fn look(&mut self, event: &Event) {
        match event {
            Event::Observed(seen) => self.invariants.look(seen),
            Event::Applied(tap) => self.states.look(tap),
            _ => {}
        }
    }

    /// The first violation, so far.
    pub fn violation(&self) -> Option<&Violation> {
        self.invariants.violation().or(self.states.violation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Applied;

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
}
