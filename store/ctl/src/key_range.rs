//! Which keys a command line means.

/// The range end that stands for every key from the first on.
const OPEN: &[u8] = b"\0";

/// A first key and a range end, as the API takes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// First key.
    pub key: Vec<u8>,
    /// End of the range; empty for one key.
    pub end: Vec<u8>,
}

impl KeyRange {
    /// One key.
    pub fn one(key: &str) -> Self {
        Self { key: key.into(), end: Vec::new() }
    }

    /// From a key to another, exclusive.
    pub fn between(key: &str, end: &str) -> Self {
        Self { key: key.into(), end: end.into() }
    }

    /// All keys from one on.
    pub fn from_key(key: &str) -> Self {
        Self { key: never_empty(key), end: OPEN.into() }
    }

    /// All keys with a prefix; the empty prefix is all keys.
    pub fn prefix(prefix: &str) -> Self {
        if prefix.is_empty() {
            return Self::from_key(prefix);
        }
        let mut end: Vec<u8> = prefix.into();
        while end.pop_if(|last| *last == 0xff).is_some() {}
        match end.last_mut() {
            Some(last) => *last += 1,
            None => end = OPEN.into(),
        }
        Self { key: prefix.into(), end }
    }
}

fn never_empty(key: &str) -> Vec<u8> {
    if key.is_empty() { OPEN.into() } else { key.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_its_successor() {
        assert_eq!(KeyRange::prefix("/aaa").end, b"/aab");
        let all = KeyRange { key: b"\0".into(), end: b"\0".into() };
        assert_eq!(KeyRange::prefix(""), all);
        assert_eq!(KeyRange::from_key(""), all);
    }
}
