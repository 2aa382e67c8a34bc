//! Durations in the words of scripts.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// A duration as scripts write it. Scripts count in milliseconds.
pub(crate) struct Span(pub(crate) Duration);

impl Display for Span {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1_000) {
            write!(out, "{}s", millis / 1_000)
        } else {
            write!(out, "{millis}ms")
        }
    }
}
