//! Who is, was, or will be a member, and on which machine.
//!
//! A number names one member for ever, as an id does: who takes over the machine of a member that is gone
//! gets a number of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::process::Host;

/// All members by number; clones are the same roster.
#[derive(Debug, Clone, Default)]
pub(super) struct Roster {
    seats: Arc<Mutex<Vec<Seat>>>,
}

#[derive(Debug)]
struct Seat {
    host: Host,
    /// Known once the cluster has taken the member in.
    id: Option<u64>,
    is_gone: bool,
}

impl Roster {
    /// A number for a member on that machine.
    pub(super) fn add(&self, host: Host, id: Option<u64>) -> usize {
        let mut seats = self.seats();
        seats.push(Seat { host, id, is_gone: false });
        seats.len()
    }

    /// How many numbers were given.
    pub(super) fn size(&self) -> usize {
        self.seats().len()
    }

    /// The numbers of those that have joined and are not gone.
    pub(super) fn here(&self) -> Vec<usize> {
        let seats = self.seats();
        let here = |(_, seat): &(usize, &Seat)| seat.id.is_some() && !seat.is_gone;
        (1..).zip(seats.iter()).filter(here).map(|(number, _)| number).collect()
    }

    /// Whether the member has joined and is not gone.
    pub(super) fn is_here(&self, member: usize) -> bool {
        self.look(member, |seat| seat.id.is_some() && !seat.is_gone).unwrap_or(false)
    }

    /// Whether the member has left for ever.
    pub(super) fn is_gone(&self, member: usize) -> bool {
        self.look(member, |seat| seat.is_gone).unwrap_or(false)
    }

    /// The machine of a member, unless it is gone.
    pub(super) fn host(&self, member: usize) -> Option<Host> {
        self.look(member, |seat| (!seat.is_gone).then(|| seat.host.clone())).flatten()
    }

    /// The machine that a member has, or had.
    pub(super) fn machine(&self, member: usize) -> Host {
        self.look(member, |seat| seat.host.clone()).expect("a number that was given")
    }

    pub(super) fn id(&self, member: usize) -> Option<u64> {
        self.look(member, |seat| seat.id).flatten()
    }

    pub(super) fn member(&self, id: u64) -> Option<usize> {
        self.seats().iter().position(|seat| seat.id == Some(id)).map(|at| at + 1)
    }

    /// The cluster has taken the member in under this id.
    pub(super) fn joined(&self, member: usize, id: u64) {
        self.seats()[member - 1].id = Some(id);
    }

    /// The member is gone for ever.
    pub(super) fn leave(&self, member: usize) {
        self.seats()[member - 1].is_gone = true;
    }

    fn look<T>(&self, member: usize, what: impl FnOnce(&Seat) -> T) -> Option<T> {
        self.seats().get(member.checked_sub(1)?).map(what)
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
