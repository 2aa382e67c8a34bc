//! The words of one line, read from left to right.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::span::Span;

/// Longer than any run is useful: its whole history is kept in memory, and judged at its end.
pub(super) const SPAN_MAX: Duration = Duration::from_secs(3_600);

/// A script that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

/// The rest of a line.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    line: usize,
    words: std::iter::Peekable<std::vec::IntoIter<&'a str>>,
}

impl<'a> Cursor<'a> {
    /// Splits a line at blanks and braces; a comment ends it.
    pub(super) fn new(line: usize, text: &'a str) -> Self {
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let words: Vec<&str> = text.split_whitespace().flat_map(split_braces).collect();
        Self { line, words: words.into_iter().peekable() }
    }

    pub(super) fn error<T>(&self, reason: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError { line: self.line, reason: reason.into() })
    }

    pub(super) fn peek(&mut self) -> Option<&'a str> {
        self.words.peek().copied()
    }

    pub(super) fn word(&mut self, wanted: &str) -> Result<&'a str, ParseError> {
        match self.words.next() {
            Some(word) => Ok(word),
            None => self.error(format!("the line ends where {wanted} should stand")),
        }
    }

    /// Takes this word or fails.
    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), ParseError> {
        match self.word(&format!("`{wanted}`"))? {
            word if word == wanted => Ok(()),
            word => self.error(format!("`{word}` stands where `{wanted}` should")),
        }
    }

    /// Takes this word if it is next.
    pub(super) fn take(&mut self, wanted: &str) -> bool {
        self.words.next_if(|word| *word == wanted).is_some()
    }

    pub(super) fn end(&mut self) -> Result<(), ParseError> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => self.error(format!("`{word}` is too much")),
        }
    }

    pub(super) fn number(&mut self) -> Result<u64, ParseError> {
        let word = self.word("a number")?;
        word.parse().or_else(|_| self.error(format!("`{word}` is not a number")))
    }

    pub(super) fn count(&mut self, allowed: RangeInclusive<u64>) -> Result<usize, ParseError> {
        let number = self.number()?;
        if !allowed.contains(&number) {
            let (least, most) = allowed.into_inner();
            return self.error(format!("{number} is not between {least} and {most}"));
        }
        usize::try_from(number).or_else(|_| self.error(format!("{number} is too much")))
    }

    pub(super) fn small(&mut self, allowed: RangeInclusive<u64>) -> Result<u32, ParseError> {
        let count = self.count(allowed)?;
        u32::try_from(count).or_else(|_| self.error(format!("{count} is too much")))
    }

    /// A number from `-limit` to `limit`.
    pub(super) fn signed(&mut self, limit: u64) -> Result<i64, ParseError> {
        let word = self.word("a number")?;
        match word.parse::<i64>() {
            Ok(number) if number.unsigned_abs() <= limit => Ok(number),
            Ok(number) => self.error(format!("{number} is not between -{limit} and {limit}")),
            Err(_) => self.error(format!("`{word}` is not a number")),
        }
    }

    /// In which line of the text the words stand.
    pub(super) fn number_in_text(&self) -> usize {
        self.line
    }

    pub(super) fn duration(&mut self) -> Result<Duration, ParseError> {
        self.span(Duration::ZERO)
    }

    /// A duration that is not shorter than this.
    pub(super) fn span(&mut self, least: Duration) -> Result<Duration, ParseError> {
        let word = self.word("a duration")?;
        let duration = self.as_duration(word)?;
        if duration < least {
            return self.error(format!("{} is less than {}", Span(duration), Span(least)));
        }
        Ok(duration)
    }

    /// `2s`, or `2s..3s` for a moment in between.
    pub(super) fn moment(&mut self) -> Result<RangeInclusive<Duration>, ParseError> {
        let word = self.word("a time")?;
        let Some((from, to)) = word.split_once("..") else {
            let at = self.as_duration(word)?;
            return Ok(at..=at);
        };
        let (from, to) = (self.as_duration(from)?, self.as_duration(to)?);
        if to < from {
            return self.error(format!("`{word}` ends before it begins"));
        }
        Ok(from..=to)
    }

    fn as_duration(&self, word: &str) -> Result<Duration, ParseError> {
        for (unit, millis) in [("ms", 1), ("s", 1_000), ("m", 60_000)] {
            let digits = word.strip_suffix(unit).map(str::parse::<u32>);
            if let Some(Ok(number)) = digits {
                let duration = Duration::from_millis(u64::from(number) * millis);
                if duration > SPAN_MAX {
                    return self.error(format!("`{word}` is more than {}", Span(SPAN_MAX)));
                }
                return Ok(duration);
            }
        }
        self.error(format!("`{word}` is not a duration such as 300ms, 2s or 1m"))
    }
}

fn split_braces(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = word;
    while let Some(at) = rest.find(['{', '}']) {
        if at > 0 {
            parts.push(&rest[..at]);
        }
        parts.push(&rest[at..=at]);
        rest = &rest[at + 1..];
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}
