//! Whether patches still make a program, without the time that it takes to build each alone.
//!
//! Patches of different places go into one copy, which is checked once. Only where that fails are they
//! taken apart, until the one that is at fault is alone. A patch that passes beside others is not checked alone: that
//! one of them mends what another breaks is left to the run of it.

use super::{Mutant, Result, Workshop};

/// Why a patch makes no program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// The tree has moved on under it.
    DoesNotApply(String),
    /// The patched tree is not a program.
    DoesNotBuild(String),
}

impl Workshop {
    /// Which of these mutants are not programs, and why.
    pub fn misfits<'m>(&self, mutants: &[&'m Mutant]) -> Result<Vec<(&'m Mutant, Misfit)>> {
        misfits(mutants, &mut Patching(self))
    }
}

/// Where patches are put together.
trait Bench<P> {
    /// Takes everything away, to begin with patches of which some are these.
    fn clear(&mut self, patches: &[P]) -> Result<()>;
    /// Puts a patch to the others, or says why that cannot be.
    fn put(&mut self, patch: P) -> Result<Option<String>>;
    /// Why what was put together is not a program.
    fn check(&mut self) -> Result<Option<String>>;
}

struct Patching<'w>(&'w Workshop);

impl Bench<&Mutant> for Patching<'_> {
    fn clear(&mut self, patches: &[&Mutant]) -> Result<()> {
        self.0.fresh(patches.iter().any(|mutant| mutant.is_upstream))
    }

    fn put(&mut self, patch: &Mutant) -> Result<Option<String>> {
        self.0.apply(patch)
    }

    fn check(&mut self) -> Result<Option<String>> {
        self.0.cargo("check")
    }
}

fn misfits<P: Copy>(patches: &[P], bench: &mut impl Bench<P>) -> Result<Vec<(P, Misfit)>> {
    let mut found = Vec::new();
    let mut groups = vec![patches.to_vec()];
    while let Some(group) = groups.pop() {
        let Some((&first, others)) = group.split_first() else { continue };
        bench.clear(&group)?;
        if let Some(why) = bench.put(first)? {
            found.push((first, Misfit::DoesNotApply(why)));
            groups.push(others.to_vec());
            continue;
        }
        let (mut together, mut left) = (vec![first], Vec::new());
        for &patch in others {
            match bench.put(patch)? {
                None => together.push(patch),
                Some(_) => left.push(patch),
            }
        }
        groups.push(left);
        let Some(why) = bench.check()? else { continue };
        if together.len() == 1 {
            found.push((first, Misfit::DoesNotBuild(why)));
        } else {
            let (some, rest) = together.split_at(together.len() / 2);
            groups.push(rest.to_vec());
            groups.push(some.to_vec());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A patch of a place, good or bad.
    type Patch = (u32, bool);

    /// Nothing is at place 0, and each other place can be patched once.
    #[derive(Default)]
    struct Fake {
        put: Vec<Patch>,
        checks: usize,
    }

    impl Bench<Patch> for Fake {
        fn clear(&mut self, _: &[Patch]) -> Result<()> {
            self.put.clear();
            Ok(())
        }

        fn put(&mut self, patch: Patch) -> Result<Option<String>> {
            if patch.0 == 0 || self.put.iter().any(|(place, _)| *place == patch.0) {
                return Ok(Some("it does not apply".to_owned()));
            }
            self.put.push(patch);
            Ok(None)
        }

        fn check(&mut self) -> Result<Option<String>> {
            self.checks += 1;
            let is_program = self.put.iter().all(|(_, is_good)| *is_good);
            Ok((!is_program).then(|| "it is no program".to_owned()))
        }
    }

    fn found(patches: &[Patch]) -> (Vec<(Patch, Misfit)>, usize) {
        let mut fake = Fake::default();
        let found = misfits(patches, &mut fake).expect("nothing is in the way");
        (found, fake.checks)
    }

    #[test]
    fn good_patches_are_checked_together() {
        let many: Vec<Patch> = (1..40).map(|place| (place, true)).collect();
        assert_eq!(found(&many), (Vec::new(), 1));
        assert_eq!(found(&[]), (Vec::new(), 0));
        assert_eq!(found(&[(1, true), (1, true), (1, true)]), (Vec::new(), 3), "all of one place");
    }

    #[test]
    fn each_bad_patch_is_found_and_no_other() {
        let mut many: Vec<Patch> = (1..40).map(|place| (place, true)).collect();
        many[3].1 = false;
        many[38].1 = false;
        many.push((5, false));
        many.push((0, true));
        let (found, checks) = found(&many);
        let mut bad: Vec<Patch> = found.iter().map(|(patch, _)| *patch).collect();
        bad.sort_unstable();
        assert_eq!(bad, [(0, true), (4, false), (5, false), (39, false)]);
        for (patch, misfit) in &found {
            assert_eq!(matches!(misfit, Misfit::DoesNotApply(_)), patch.0 == 0, "{patch:?}");
        }
        assert!(checks < many.len(), "{checks} checks");
    }
}
