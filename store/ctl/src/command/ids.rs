//! Ids and numbers in arguments, and what is said about those that are none.

use crate::failure::Failure;

/// Go's words for a text that is no number.
fn invalid(function: &str, text: &str) -> String {
    format!("strconv.{function}: parsing \"{text}\": invalid syntax")
}

/// The id of a lease.
pub(super) fn lease(text: &str) -> Result<i64, Failure> {
    i64::from_str_radix(text, 16).map_err(|_| {
        let reason = invalid("ParseInt", text);
        Failure::arguments(format!("bad lease ID arg ({reason}), expecting ID in Hex"))
    })
}

/// The id of a member.
pub(super) fn member(text: &str) -> Result<u64, Failure> {
    u64::from_str_radix(text, 16).map_err(|_| {
        let reason = invalid("ParseUint", text);
        Failure::arguments(format!("bad member ID arg ({reason}), expecting ID in Hex"))
    })
}

/// A number of seconds.
pub(super) fn seconds(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| Failure::arguments(format!("bad TTL ({})", invalid("ParseInt", text))))
}

/// The id of the member that shall lead.
pub(super) fn transferee(text: &str) -> Result<u64, Failure> {
    u64::from_str_radix(text, 16).map_err(|_| Failure::arguments(invalid("ParseUint", text)))
}

/// The one argument of a command, or what is said when there is another number of them.
pub(super) fn one<'a>(arguments: &'a [String], refusal: &str) -> Result<&'a str, Failure> {
    match arguments {
        [one] => Ok(one),
        _ => Err(Failure::arguments(refusal)),
    }
}
