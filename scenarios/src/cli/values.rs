//! Values on the command line: ranges of seeds, runs, times.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use crate::swarm;

/// Seeds `A..B`, without `B`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeedRange(Range<u64>);

impl From<SeedRange> for Range<u64> {
    fn from(seeds: SeedRange) -> Self {
        seeds.0
    }
}

/// What is wrong with a range of seeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SeedRangeError {
    #[error("a range of seeds is written A..B, such as 0..20")]
    Form,
    #[error("no seed is in it: B must be greater than A")]
    Empty,
    #[error("there are more than a hundred million seeds in it")]
    Long,
}

const SEEDS_MAX: u64 = 100_000_000;

impl FromStr for SeedRange {
    type Err = SeedRangeError;

    fn from_str(text: &str) -> Result<Self, SeedRangeError> {
        let (from, to) = text.split_once("..").ok_or(SeedRangeError::Form)?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().ok()).flatten().ok_or(SeedRangeError::Form)
        };
        let (from, to) = (number(from)?, number(to)?);
        if from >= to {
            return Err(SeedRangeError::Empty);
        }
        if to - from > SEEDS_MAX {
            return Err(SeedRangeError::Long);
        }
        Ok(Self(from..to))
    }
}

/// A run, as `NAME:SEED`, `NAME` for seed 0, or `SEED` for one of the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunName {
    pub(super) scenario: String,
    pub(super) seed: u64,
}

impl FromStr for RunName {
    type Err = RunNameError;

    fn from_str(text: &str) -> Result<Self, RunNameError> {
        let is_seed = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (scenario, seed) = match text.rsplit_once(':') {
            Some(both) => both,
            None if is_seed => (swarm::NAME, text),
            None => (text, "0"),
        };
        match seed.parse() {
            Ok(seed) if !scenario.is_empty() => Ok(Self { scenario: scenario.to_owned(), seed }),
            _ => Err(RunNameError),
        }
    }
}

/// What is wrong with the name of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a run is written NAME:SEED, such as swarm:7, and one of the swarm also as 7")]
pub(super) struct RunNameError;

/// A moment such as 12.345s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Duration);

/// What is wrong with a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written such as 12.345s")]
pub(super) struct MomentError;

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let digits = text.strip_suffix('s').ok_or(MomentError)?;
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let are_digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(part) || part.len() > 9 {
            return Err(MomentError);
        }
        let seconds = whole.parse::<u32>().map_err(|_| MomentError)?;
        let nanos = format!("{part:0<9}").parse::<u32>().map_err(|_| MomentError)?;
        Ok(Self(Duration::new(seconds.into(), nanos)))
    }
}

/// A time such as 120s, 10m or 8h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget(pub(super) Duration);

/// What is wrong with a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time is written such as 120s, 10m or 8h, and is not zero")]
pub(super) struct BudgetError;

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let units = [("s", 1), ("m", 60), ("h", 3_600)];
        let (digits, seconds) = units
            .into_iter()
            .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
            .ok_or(BudgetError)?;
        match digits.parse::<u32>() {
            Ok(number) if number > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok(Self(Duration::from_secs(u64::from(number) * seconds)))
            }
            _ => Err(BudgetError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_exact_to_the_nanosecond() {
        let nanos = |text: &str| text.parse::<Moment>().map(|moment| moment.0.as_nanos());
        assert_eq!(nanos("12.345s"), Ok(12_345_000_000));
        assert_eq!(nanos("0.000000001s"), Ok(1));
        assert_eq!(nanos("7s"), Ok(7_000_000_000));
        for text in ["", "s", "7", "7m", ".5s", "5.s", "-1s", "1e3s", "0.0000000001s", "1.2.3s"] {
            assert_eq!(nanos(text), Err(MomentError), "{text}");
        }
    }

    #[test]
    fn a_run_is_a_name_and_a_seed() {
        let run = |text: &str| text.parse::<RunName>().map(|run| (run.scenario, run.seed));
        assert_eq!(run("swarm:7"), Ok(("swarm".to_owned(), 7)));
        assert_eq!(run("kill-leader"), Ok(("kill-leader".to_owned(), 0)));
        assert_eq!(run("7"), Ok(("swarm".to_owned(), 7)));
        assert_eq!(run("a:b/c.txt:3"), Ok(("a:b/c.txt".to_owned(), 3)));
        for text in ["", ":", ":7", "swarm:", "swarm:x", "swarm:-1", "99999999999999999999"] {
            assert_eq!(run(text), Err(RunNameError), "{text}");
        }
    }

    #[test]
    fn a_budget_has_a_unit() {
        for (text, seconds) in [("1s", 1), ("120s", 120), ("10m", 600), ("8h", 28_800)] {
            assert_eq!(text.parse(), Ok(Budget(Duration::from_secs(seconds))), "{text}");
        }
        for text in ["", "5", "s", "0s", "-1s", "+1s", "1.5s", "1d", "1 s", "99999999999s"] {
            assert_eq!(text.parse::<Budget>(), Err(BudgetError), "{text}");
        }
    }

    #[test]
    fn seeds_are_a_range_without_its_end() {
        assert_eq!("3..5".parse(), Ok(SeedRange(3..5)));
        for (text, error) in [
            ("", SeedRangeError::Form),
            ("5", SeedRangeError::Form),
            ("1..", SeedRangeError::Form),
            ("..5", SeedRangeError::Form),
            ("a..b", SeedRangeError::Form),
            ("+1..5", SeedRangeError::Form),
            ("1..=5", SeedRangeError::Form),
            ("1..99999999999999999999", SeedRangeError::Form),
            ("5..5", SeedRangeError::Empty),
            ("6..5", SeedRangeError::Empty),
            ("0..18446744073709551615", SeedRangeError::Long),
        ] {
            assert_eq!(text.parse::<SeedRange>(), Err(error), "{text}");
        }
    }
}
