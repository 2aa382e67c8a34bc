//! Which runs keep their story: a broken tree fails with every seed, and stories are large.

/// Pages of one scenario are much alike: a few of them do.
const OF_ONE_MAX: usize = 5;
/// With so many in all, one of each scenario does.
const OF_ALL_MAX: usize = 50;

/// The stories that were kept so far.
#[derive(Debug, Clone, Default)]
pub struct StoryQuota {
    of_each: Vec<usize>,
}

impl StoryQuota {
    /// Whether one more story of a scenario, by its number, is kept.
    pub fn admits(&mut self, scenario: usize) -> bool {
        let all: usize = self.of_each.iter().sum();
        if self.of_each.len() <= scenario {
            self.of_each.resize(scenario + 1, 0);
        }
        let of_one = &mut self.of_each[scenario];
        let is_kept = *of_one == 0 || (*of_one < OF_ONE_MAX && all < OF_ALL_MAX);
        *of_one += usize::from(is_kept);
        is_kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_of_each_and_one_of_each_once_there_are_many() {
        let mut quota = StoryQuota::default();
        let mut kept = |scenario: usize| (0..9).filter(|_| quota.admits(scenario)).count();
        assert_eq!(kept(3), OF_ONE_MAX);
        assert_eq!(kept(0), OF_ONE_MAX);
        let all: usize = (4..40).map(&mut kept).sum();
        assert_eq!(all, OF_ALL_MAX - 2 * OF_ONE_MAX + 36 - (OF_ALL_MAX / OF_ONE_MAX - 2));
        assert_eq!(kept(40), 1);
    }
}
