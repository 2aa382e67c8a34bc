//! Whether patches still make a program, without the time that it takes to build each alone.
//!
//! Patches of different places go into one copy, which is checked once. Only where that fails are they
//! taken apart, until the one that is at fault is alone.

use super::{Mutant, Result, Workshop};

impl Workshop {
    /// Which of these mutants are not programs, and why.
    pub fn misfits<'m>(&self, mutants: &[&'m Mutant]) -> Result<Vec<(&'m Mutant, String)>> {
        let mut found = Vec::new();
        let mut groups = vec![mutants.to_vec()];
        while let Some(group) = groups.pop() {
            let Some((&first, others)) = group.split_first() else { continue };
            self.fresh(group.iter().any(|mutant| mutant.is_upstream))?;
            if let Some(why) = self.apply(first)? {
                found.push((first, why));
                groups.push(others.to_vec());
                continue;
            }
            let (mut together, mut left) = (vec![first], Vec::new());
            for &mutant in others {
                match self.apply(mutant)? {
                    None => together.push(mutant),
                    Some(_) => left.push(mutant),
                }
            }
            groups.push(left);
            let Some(why) = self.cargo("check")? else { continue };
            if together.len() == 1 {
                found.push((first, why));
            } else {
                let (some, rest) = together.split_at(together.len() / 2);
                groups.push(rest.to_vec());
                groups.push(some.to_vec());
            }
        }
        Ok(found)
    }
}
