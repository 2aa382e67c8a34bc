//! Bytes that people can read in a history file.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Marks a blob that is written as hexadecimal digits.
const HEX: &str = "hex:";

/// A longer one is shown up to here, with its length.
const SHOWN_MAX: usize = 48;

/// A key or a value.
///
/// Copies share their bytes. Serialised as it stands when it is printable UTF-8, else as `hex:`
/// and hexadecimal digits. Shown to people the same way, but only the beginning of a long one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Blob(Arc<[u8]>);

impl Blob {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn printable(&self) -> Option<&str> {
        printable(&self.0)
    }

    fn from_text(text: &str) -> Option<Self> {
        let Some(digits) = text.strip_prefix(HEX) else {
            return Some(Self::from(text));
        };
        let digits = digits.as_bytes();
        if !digits.len().is_multiple_of(2) {
            return None;
        }
        let byte = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).ok()?;
            if !pair.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            u8::from_str_radix(text, 16).ok()
        };
        digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Self::from)
    }
}

fn printable(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let plain = !text.starts_with(HEX) && !text.chars().any(char::is_control);
    plain.then_some(text)
}

/// Bytes that are not text.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEX)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.printable() {
            Some(text) => f.write_str(&text[..text.floor_char_boundary(SHOWN_MAX)])?,
            None => Hex(&self.0[..self.0.len().min(SHOWN_MAX)]).fmt(f)?,
        }
        match self.0.len() {
            bytes if bytes > SHOWN_MAX => write!(f, "... ({bytes} bytes)"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Borrow<[u8]> for Blob {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Blob {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.printable() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(&Hex(&self.0)),
        }
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_text(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is not valid after {HEX:?}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Blob;

    #[test]
    fn text_stays_text_and_the_rest_becomes_hex() {
        assert_eq!(serde_json::to_string(&Blob::from("key/1")).unwrap(), r#""key/1""#);
        assert_eq!(serde_json::to_string(&Blob::from(vec![0, 255])).unwrap(), r#""hex:00ff""#);
    }

    #[test]
    fn text_that_looks_like_the_marker_becomes_hex() {
        let blob = Blob::from("hex:zz");
        let written = serde_json::to_string(&blob).unwrap();
        assert_eq!(serde_json::from_str::<Blob>(&written).unwrap(), blob);
    }

    #[test]
    fn a_long_one_is_shown_by_its_beginning_and_written_whole() {
        let shown = |bytes: Vec<u8>| Blob::from(bytes).to_string();
        assert_eq!(shown(vec![b'a'; 48]), "a".repeat(48));
        assert_eq!(shown(vec![b'a'; 4096]), format!("{}... (4096 bytes)", "a".repeat(48)));
        assert_eq!(shown(vec![0; 49]), format!("hex:{}... (49 bytes)", "00".repeat(48)));
        // No letter is cut in two.
        let odd = format!("a{}", "\u{e9}".repeat(30));
        assert_eq!(shown(odd.into_bytes()).matches('\u{e9}').count(), 23);
        assert_eq!(serde_json::to_string(&Blob::from(vec![b'a'; 99])).unwrap().len(), 101);
    }

    #[test]
    fn broken_hex_is_refused() {
        for text in [r#""hex:0""#, r#""hex:zz""#, r#""hex:+1""#] {
            assert!(serde_json::from_str::<Blob>(text).is_err(), "{text} was accepted");
        }
    }

    proptest! {
        #[test]
        fn every_blob_survives_the_file(bytes: Vec<u8>) {
            let blob = Blob::from(bytes);
            let written = serde_json::to_string(&blob).unwrap();
            prop_assert_eq!(serde_json::from_str::<Blob>(&written).unwrap(), blob);
        }
    }
}
