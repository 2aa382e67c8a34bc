//! Which members clients know of: they follow the membership as it changes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::dice::Dice;

/// The members to ask, by number; clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    members: Arc<Mutex<Vec<usize>>>,
}

impl Endpoints {
    /// The members that there are from the beginning.
    pub fn new(members: impl IntoIterator<Item = usize>) -> Self {
        Self { members: Arc::new(Mutex::new(members.into_iter().collect())) }
    }

    /// One more member serves.
    pub fn add(&self, member: usize) {
        let mut members = self.lock();
        if !members.contains(&member) {
            members.push(member);
        }
    }

    /// A member serves no longer.
    pub fn remove(&self, member: usize) {
        self.lock().retain(|known| *known != member);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The member at a place, counted round and round from 0; 0, which is nobody, if there is none.
    pub fn at(&self, place: usize) -> usize {
        let members = self.lock();
        let place = place.checked_rem(members.len());
        place.map_or(0, |place| members[place])
    }

    /// One of them.
    pub fn pick(&self, dice: &mut Dice) -> usize {
        let place = dice.index(self.count());
        self.at(place)
    }

    /// The one after this one; the first after one that is not there any more.
    pub fn after(&self, member: usize) -> usize {
        let place = self.lock().iter().position(|known| *known == member);
        self.at(place.map_or(0, |place| place + 1))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<usize>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoints;

    #[test]
    fn whoever_comes_is_asked_and_whoever_goes_is_not() {
        let endpoints = Endpoints::new(1..=3);
        assert_eq!([1, 2, 3].map(|member| endpoints.after(member)), [2, 3, 1]);
        endpoints.add(4);
        endpoints.add(4);
        endpoints.remove(1);
        assert_eq!(endpoints.count(), 3);
        assert_eq!([2, 3, 4, 1].map(|member| endpoints.after(member)), [3, 4, 2, 2]);
        (2..=4).for_each(|member| endpoints.remove(member));
        assert_eq!(endpoints.after(4), 0, "nobody");
    }
}
