//! Keys and ends of ranges.

use bytes::Bytes;

use super::draw::Draw;

/// Keys that a program uses again and again.
pub(super) fn pool(draw: &mut Draw) -> Vec<Bytes> {
    let mut keys: Vec<Bytes> = ["a", "ab", "abc", "b", "b/1", "b/2", "b/2/3"]
        .into_iter()
        .map(|key| Bytes::from_static(key.as_bytes()))
        .collect();
    if draw.chance(40) {
        keys.extend([&b"\0"[..], b"\0\0", b"\xff", b"\xff\xff", b"a\0"].map(Bytes::from_static));
    }
    if draw.chance(20) {
        keys.extend((0..30).map(|number| Bytes::from(format!("k{number:02}"))));
    }
    keys
}

/// A key that hardly anything else names.
pub(super) fn strange(draw: &mut Draw) -> Bytes {
    match draw.below(6) {
        0 | 1 => Bytes::new(),
        2 => Bytes::from(vec![b'l'; 1 + draw.below(5000)]),
        3 => Bytes::from(vec![0xff; 1 + draw.below(5)]),
        4 => Bytes::from(vec![0; 1 + draw.below(3)]),
        _ => Bytes::from(vec![draw.below(256) as u8, draw.below(256) as u8]),
    }
}

/// An end for a range that begins with `key`.
pub(super) fn range_end(draw: &mut Draw, key: &Bytes) -> Bytes {
    match draw.below(14) {
        0..4 => Bytes::new(),
        4 | 5 => Bytes::from_static(&[0]),
        6 | 7 => prefix_end(key),
        8 => key.clone(),
        9 => [key.as_ref(), &[0]].concat().into(),
        10 => Bytes::from_static(b"\xff"),
        11 => Bytes::from_static(b"z"),
        _ => draw.key(),
    }
}

/// The first key behind all that begin with `prefix` (G9).
fn prefix_end(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end.into();
        }
    }
    Bytes::from_static(&[0])
}
