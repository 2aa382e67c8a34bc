//! The frames of one direction of an HTTP/2 connection, as far as their headers tell.
//!
//! Looks at what passes by and holds nothing but a header that is cut in two.

/// Length of a frame's header.
const HEADER_BYTES: usize = 9;

/// Kinds of frames, and what their flags say.
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const PUSH_PROMISE: u8 = 0x5;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const CONTINUATION: u8 = 0x9;
}

/// An answer to a ping.
pub(super) const ACK: u8 = 0x1;
/// No CONTINUATION follows, and nothing else may come before one (RFC 9113, 6.10).
const END_HEADERS: u8 = 0x4;
/// The last frame of a stream in its direction.
pub(super) const END_STREAM: u8 = 0x1;

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

/// Finds the frames in bytes, however these are cut.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    content_bytes: usize,
    /// Whether headers go on in the next frame.
    in_headers: bool,
}

impl Frames {
    /// Looks at further bytes, and tells each frame once its header is whole.
    pub(super) fn pass(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let taken = self.rest_bytes().min(bytes.len());
            let (now, later) = bytes.split_at(taken);
            bytes = later;
            if self.content_bytes > 0 {
                self.content_bytes -= taken;
                continue;
            }
            self.header[self.header_bytes..self.header_bytes + taken].copy_from_slice(now);
            self.header_bytes += taken;
            if self.header_bytes == HEADER_BYTES {
                let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = self.header;
                self.header_bytes = 0;
                // 24 bits.
                self.content_bytes = u32::from_be_bytes([0, l0, l1, l2]) as usize;
                let stream = u32::from_be_bytes([s0, s1, s2, s3]) & (u32::MAX >> 1);
                let has_headers =
                    matches!(kind, kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION);
                self.in_headers = has_headers && flags & END_HEADERS == 0;
                found(Frame { kind, flags, stream });
            }
        }
    }

    /// Whether a frame has begun and is not whole yet, or headers have that go on in the next.
    pub(super) fn is_inside(&self) -> bool {
        self.header_bytes > 0 || self.content_bytes > 0 || self.in_headers
    }

    /// Bytes up to the end of the content, or of the header where that is not whole.
    pub(super) fn rest_bytes(&self) -> usize {
        if self.content_bytes > 0 { self.content_bytes } else { HEADER_BYTES - self.header_bytes }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(frame: Frame, content: usize) -> Vec<u8> {
        let length = u32::try_from(content).expect("it is short").to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([frame.kind, frame.flags]);
        bytes.extend(frame.stream.to_be_bytes());
        bytes.resize(bytes.len() + content, 7);
        bytes
    }

    proptest! {
        #[test]
        fn frames_are_found_however_they_are_cut(
            frames in prop::collection::vec((any::<u8>(), any::<u8>(), 0..1_u32 << 31, 0..40_usize), 0..8),
            cut in 1..30_usize,
        ) {
            let frames: Vec<(Frame, usize)> = frames
                .into_iter()
                .map(|(kind, flags, stream, content)| (Frame { kind, flags, stream }, content))
                .collect();
            let sent: Vec<u8> =
                frames.iter().flat_map(|(frame, content)| bytes(*frame, *content)).collect();
            let (mut reader, mut found) = (Frames::default(), Vec::new());
            for piece in sent.chunks(cut) {
                reader.pass(piece, |frame| found.push(frame));
            }
            let expected: Vec<Frame> = frames.iter().map(|(frame, _)| *frame).collect();
            prop_assert_eq!(found, expected);
            prop_assert!(reader.header_bytes == 0 && reader.content_bytes == 0);
        }
    }

    #[test]
    fn headers_are_whole_with_their_last_frame() {
        let inside = |frames: &[(u8, u8)]| {
            let mut reader = Frames::default();
            for (kind, flags) in frames {
                reader.pass(&bytes(Frame { kind: *kind, flags: *flags, stream: 1 }, 2), |_| {});
            }
            reader.is_inside()
        };
        let headers = (kind::HEADERS, END_STREAM);
        assert!(inside(&[headers]));
        assert!(inside(&[headers, (kind::CONTINUATION, 0)]));
        assert!(!inside(&[headers, (kind::CONTINUATION, END_HEADERS)]));
        assert!(!inside(&[(kind::HEADERS, END_HEADERS)]));
        assert!(!inside(&[(kind::DATA, 0)]));
    }

    #[test]
    fn a_frame_is_whole_with_its_last_byte() {
        let sent = bytes(Frame { kind: kind::DATA, flags: 0, stream: 1 }, 3);
        let mut reader = Frames::default();
        for byte in &sent[..sent.len() - 1] {
            reader.pass(&[*byte], |_| {});
            assert!(reader.is_inside());
        }
        assert_eq!(reader.rest_bytes(), 1);
        reader.pass(&sent[sent.len() - 1..], |_| {});
        assert!(!reader.is_inside());
    }
}
