//! Durations as Go writes them: `5s`, `1m30s`, `250ms`.

use std::time::Duration;

/// Reads a duration; units are h, m, s, ms, us and ns, and only 0 needs none.
pub fn parse(text: &str) -> Result<Duration, String> {
    let invalid = || format!("invalid duration \"{text}\"");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, unit) = rest.split_at(end);
        let end = unit.find(|c: char| c.is_ascii_digit()).unwrap_or(unit.len());
        let (unit, behind) = unit.split_at(end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return Err(invalid()),
        };
        sum += number.parse::<f64>().map_err(|_| invalid())? * seconds;
        rest = behind;
    }
    if text.is_empty() {
        Err(invalid())
    } else {
        Duration::try_from_secs_f64(sum).map_err(|_| invalid())
    }
}

/// Writes a duration in the largest unit in which it is not a fraction of one.
pub fn text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", nanos as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{}ms", nanos as f64 / 1e6),
        _ => format!("{}s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(parse("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("1.5ms"), Ok(Duration::from_micros(1500)));
        for wrong in ["", "5", "s", "1x", "-1s", "1..5s"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(text(Duration::from_nanos(4_282_650)), "4.28265ms");
        assert_eq!(text(Duration::from_nanos(427_908)), "427.908µs");
        assert_eq!(parse("427.908µs"), Ok(Duration::from_nanos(427_908)));
    }
}
