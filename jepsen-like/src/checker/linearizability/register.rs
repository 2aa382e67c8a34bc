//! A register with compare-and-set, as in Jepsen's first analyses.

use super::Model;

/// What is done to the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterOp {
    /// Reads it.
    Read,
    /// Writes a value.
    Write(i64),
    /// Writes the second value if the first is there.
    Cas(i64, i64),
}

/// A register that is empty at first. The output of a read is the value; of a compare-and-set
/// whether the value was as expected, which is given as `Some(1)` or `Some(0)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Register;

impl Model for Register {
    type State = Option<i64>;
    type Input = RegisterOp;
    type Output = Option<i64>;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(
        &self,
        state: &Self::State,
        input: &RegisterOp,
        output: Option<&Option<i64>>,
    ) -> Option<Self::State> {
        match *input {
            RegisterOp::Read => output.is_none_or(|value| value == state).then_some(*state),
            RegisterOp::Write(value) => Some(Some(value)),
            RegisterOp::Cas(from, to) => {
                let matched = *state == Some(from);
                let next = if matched { Some(to) } else { *state };
                output.is_none_or(|done| *done == Some(i64::from(matched))).then_some(next)
            }
        }
    }
}
