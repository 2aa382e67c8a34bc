//! Times as Go writes them, such as `1h30m` or `1.5s`: etcd's flags have them.

use std::time::Duration;

/// Units and their nanoseconds; where one begins like another the longer one comes first.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("\u{b5}s", 1e3),
    ("\u{3bc}s", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Reads a time that is not negative.
pub fn parse(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a time such as 300s or 1h30m");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let (number, unit) = rest.split_at(end);
        let number: f64 = number.parse().map_err(|_| bad())?;
        let (name, nanos) =
            UNITS.iter().find(|(name, _)| unit.starts_with(name)).ok_or_else(bad)?;
        let part = Duration::try_from_secs_f64(number * nanos / 1e9).map_err(|_| bad())?;
        total = total.checked_add(part).ok_or_else(bad)?;
        rest = &unit[name.len()..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_writes_them() {
        for (text, millis) in [
            ("0", 0),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1500),
            (".5s", 500),
            ("2m0.25s", 120_250),
            ("15ms", 15),
            ("+1s", 1000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("3us"), Ok(Duration::from_micros(3)));
        assert_eq!(parse("3\u{b5}s"), Ok(Duration::from_micros(3)));
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in ["", "5", "s", "1x", "-1s", "1 s", "..s", "1.2.3s", "+", "1s2", "1e3s"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("99999999999999999999h").is_err());
    }
}
