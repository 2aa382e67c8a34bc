//! The bytes of one file: what is read now, and what a loss of power would leave.
//!
//! Only sectors that differ are kept twice. A pending sector holds what the platter has, so a sync is
//! forgetting it and a crash is putting it back.

use std::collections::BTreeMap;
use std::io;

use crate::disk::SECTOR_BYTES;
use crate::random::Draw;

const SECTOR: usize = SECTOR_BYTES as usize;

#[derive(Debug, Default)]
pub(super) struct Image {
    current: Vec<u8>,
    durable_len: usize,
    pending: BTreeMap<usize, Pending>,
    /// How the length has changed since the last sync.
    lengths: Vec<LengthChange>,
}

#[derive(Debug)]
struct LengthChange {
    from: usize,
    to: usize,
    cause: Cause,
}

/// What changed the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Writing beyond the end: any part of the growth may survive.
    Write,
    /// Setting it: it survives as a whole or not at all.
    SetLen,
}

/// A sector that was written since the last sync.
#[derive(Debug)]
struct Pending {
    /// What the platter has, padded with zeros.
    durable: Box<[u8; SECTOR]>,
    /// A failed sync has given it up: no later sync will write it.
    abandoned: bool,
}

/// What becomes of a file when power is lost.
pub(super) struct Survival<D> {
    /// How likely each pending sector is to survive.
    pub(super) per_million: u32,
    /// Decides about a sector, or about the length.
    pub(super) draw: D,
}

/// What is being decided.
#[derive(Debug, Clone, Copy)]
pub(super) enum Decision {
    Length(u64),
    Sector(usize),
}

impl Image {
    pub(super) fn len(&self) -> usize {
        self.current.len()
    }

    pub(super) fn current(&self) -> &[u8] {
        &self.current
    }

    pub(super) fn pending_count(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn read(&self, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        let bytes = self.current.get(offset..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let end = offset + data.len();
        for sector in offset / SECTOR..end.div_ceil(SECTOR) {
            self.touch(sector);
        }
        if self.current.len() < end {
            self.resize(end, Cause::Write);
        }
        self.current[offset..end].copy_from_slice(data);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        // What is cut off is still on the platter; what is added is zeros in both worlds.
        for sector in len / SECTOR..self.current.len().min(self.durable_len).div_ceil(SECTOR) {
            self.touch(sector);
        }
        self.resize(len, Cause::SetLen);
        // A pending sector beyond the end has nothing to write, and keeps only what it would restore.
        self.pending.retain(|sector, _| sector * SECTOR < len.max(self.durable_len));
    }

    fn resize(&mut self, len: usize, cause: Cause) {
        let from = self.current.len();
        match self.lengths.last_mut() {
            // Appending piece by piece is one growth.
            Some(last) if last.cause == Cause::Write && cause == Cause::Write => last.to = len,
            _ => self.lengths.push(LengthChange { from, to: len, cause }),
        }
        self.current.resize(len, 0);
    }

    /// Saves what the platter has before a sector changes.
    fn touch(&mut self, sector: usize) {
        let start = sector * SECTOR;
        let (current, durable_len) = (&self.current, self.durable_len);
        let pending = self.pending.entry(sector).or_insert_with(|| {
            let mut durable = Box::new([0; SECTOR]);
            let end = (start + SECTOR).min(current.len()).min(durable_len);
            if start < end {
                durable[..end - start].copy_from_slice(&current[start..end]);
            }
            Pending { durable, abandoned: false }
        });
        pending.abandoned = false;
    }

    pub(super) fn sync(&mut self) {
        self.pending.retain(|_, pending| pending.abandoned);
        self.durable_len = self.current.len();
        self.lengths.clear();
    }

    /// A sync has failed: what was pending will never be written unless it is written anew.
    pub(super) fn abandon(&mut self) {
        for pending in self.pending.values_mut() {
            pending.abandoned = true;
        }
    }

    /// What a loss of power would leave if nothing that is pending survived.
    pub(super) fn durable(&self) -> Vec<u8> {
        let mut bytes = self.current.clone();
        bytes.resize(self.durable_len, 0);
        for (sector, pending) in &self.pending {
            restore(&mut bytes, *sector, pending);
        }
        bytes
    }

    /// The first of so many bytes that a loss of power might change or take, if there is one.
    pub(super) fn at_risk(&self, bytes: usize) -> Option<usize> {
        let bytes = bytes.min(self.current.len());
        let differs = |(sector, pending): (&usize, &Pending)| {
            let start = sector * SECTOR;
            let current = self.current.get(start..bytes.min(start + SECTOR)).unwrap_or_default();
            let at = current.iter().zip(pending.durable.iter()).position(|(a, b)| a != b);
            at.map(|at| start + at)
        };
        let sectors = bytes.div_ceil(SECTOR);
        let pending = self.pending.range(..sectors).find_map(differs);
        // A length that was set, too, survives or not: none but the shortest is certain.
        let shortest =
            self.lengths.iter().map(|change| change.to).fold(self.durable_len, usize::min);
        pending.into_iter().chain((shortest < bytes).then_some(shortest)).min()
    }

    /// Power is lost; afterwards nothing is pending.
    pub(super) fn crash(&mut self, mut survival: Survival<impl FnMut(Decision) -> Draw>) {
        let len = self.surviving_len(&mut survival.draw);
        self.current.resize(self.durable_len.max(self.current.len()), 0);
        for (sector, pending) in std::mem::take(&mut self.pending) {
            let draw = (survival.draw)(Decision::Sector(sector));
            if pending.abandoned || !draw.chance(survival.per_million) {
                restore(&mut self.current, sector, &pending);
            }
        }
        self.current.resize(len, 0);
        self.durable_len = len;
        self.lengths.clear();
    }

    /// The durable length, or one that the file has had since.
    fn surviving_len(&self, draw: &mut impl FnMut(Decision) -> Draw) -> usize {
        let changes = self.lengths.len() as u64;
        let survived = draw(Decision::Length(0)).below(changes + 1);
        let survived = usize::try_from(survived).expect("it counts changes of length");
        let Some(change) = survived.checked_sub(1).map(|last| &self.lengths[last]) else {
            return self.durable_len;
        };
        if change.cause == Cause::SetLen || draw(Decision::Length(1)).chance(500_000) {
            return change.to;
        }
        let part = draw(Decision::Length(2)).below((change.to - change.from) as u64);
        let part = usize::try_from(part).expect("it is less than a length");
        ((change.from + part) / SECTOR * SECTOR).max(change.from)
    }

    /// Damages the platter, and what is read from it.
    pub(super) fn flip_bit(&mut self, bit: u64) {
        let bit = usize::try_from(bit).expect("a simulated file fits into memory");
        let (offset, mask) = (bit / 8, 1u8 << (bit % 8));
        assert!(offset < self.current.len(), "bit {bit} is beyond {} bytes", self.current.len());
        self.current[offset] ^= mask;
        if let Some(pending) = self.pending.get_mut(&(offset / SECTOR)) {
            pending.durable[offset % SECTOR] ^= mask;
        }
    }

    /// Puts what the platter has of one sector over another, also where that is read. Nothing of it is pending then.
    pub(super) fn misplace(&mut self, from: usize, to: usize) {
        let durable = self.durable();
        let len = durable.len().min(self.current.len());
        let (from_start, to_start) = (from * SECTOR, to * SECTOR);
        assert!(
            from_start.max(to_start) < len,
            "sectors {from} and {to} are not both in {len} bytes"
        );
        let count = SECTOR.min(len - from_start).min(len - to_start);
        self.pending.remove(&to);
        let end = (to_start + SECTOR).min(len);
        self.current[to_start..end].copy_from_slice(&durable[to_start..end]);
        self.current[to_start..to_start + count]
            .copy_from_slice(&durable[from_start..from_start + count]);
    }
}

fn restore(bytes: &mut [u8], sector: usize, pending: &Pending) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(bytes.len());
    if start < end {
        bytes[start..end].copy_from_slice(&pending.durable[..end - start]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::random::{Key, Stream, Streams};

    #[derive(Debug, Clone)]
    enum Step {
        Write(usize, Vec<u8>),
        SetLen(usize),
        Sync,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0usize..3000, proptest::collection::vec(1u8.., 1..1500))
                .prop_map(|(offset, data)| Step::Write(offset, data)),
            2 => (0usize..4000).prop_map(Step::SetLen),
            1 => Just(Step::Sync),
        ]
    }

    fn write(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        bytes.resize(bytes.len().max(end), 0);
        bytes[offset..end].copy_from_slice(data);
    }

    /// Runs the steps on an image and on two plain vectors.
    fn perform(steps: &[Step]) -> (Image, Vec<u8>, Vec<u8>) {
        let (mut image, mut current, mut durable) = (Image::default(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Write(offset, data) => {
                    image.write(*offset, data);
                    write(&mut current, *offset, data);
                }
                Step::SetLen(len) => {
                    image.set_len(*len);
                    current.resize(*len, 0);
                }
                Step::Sync => {
                    image.sync();
                    durable.clone_from(&current);
                }
            }
        }
        (image, current, durable)
    }

    /// The durable length, those that were set, and the growth of each write.
    fn legal_lengths(steps: &[Step]) -> Vec<std::ops::RangeInclusive<usize>> {
        let (mut len, mut legal) = (0, vec![0..=0]);
        for step in steps {
            match step {
                Step::Write(offset, data) => {
                    let end = len.max(offset + data.len());
                    legal.push(len..=end);
                    len = end;
                }
                Step::SetLen(to) => {
                    legal.push(*to..=*to);
                    len = *to;
                }
                Step::Sync => legal = vec![len..=len],
            }
        }
        legal
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn current_and_durable_bytes_are_those_of_plain_vectors(
            steps in proptest::collection::vec(step(), 0..20),
        ) {
            let (image, current, durable) = perform(&steps);
            prop_assert_eq!(image.current(), &current[..]);
            prop_assert_eq!(image.durable(), durable);
        }

        #[test]
        fn a_crash_leaves_each_sector_old_or_new(
            steps in proptest::collection::vec(step(), 0..20),
            seed: u64,
            per_million in 0u32..=1_000_000,
        ) {
            let (mut image, mut current, mut durable) = perform(&steps);
            let streams = Streams::new(seed);
            let draw = |decision| {
                let key = match decision {
                    Decision::Length(part) => Key::of("length").number(part),
                    Decision::Sector(sector) => Key::of("sector").number(sector as u64),
                };
                streams.draw(Stream::Disk, key)
            };
            image.crash(Survival { per_million, draw });
            let len = image.len();
            let legal = legal_lengths(&steps);
            prop_assert!(legal.iter().any(|range| range.contains(&len)), "{} of {:?}", len, legal);
            prop_assert_eq!(image.durable(), image.current());
            current.resize(len, 0);
            durable.resize(len, 0);
            for sector in 0..len.div_ceil(SECTOR) {
                let range = sector * SECTOR..len.min((sector + 1) * SECTOR);
                let found = &image.current()[range.clone()];
                prop_assert!(found == &current[range.clone()] || found == &durable[range]);
            }
        }
    }

    #[test]
    fn what_is_not_synced_is_at_risk_and_what_is_alike_is_not() {
        let mut image = Image::default();
        image.write(0, &[1; 1024]);
        assert_eq!(image.at_risk(1024), Some(0));
        image.sync();
        assert_eq!(image.at_risk(usize::MAX), None);
        image.write(512, &[1; 100]);
        image.write(700, &[2; 100]);
        assert_eq!(image.at_risk(700), None);
        assert_eq!(image.at_risk(701), Some(700));
        image.sync();
        image.write(1024, &[3; 8]);
        assert_eq!(image.at_risk(1024), None);
        assert_eq!(image.at_risk(1025), Some(1024));
        image.abandon();
        image.sync();
        assert_eq!(image.at_risk(1032), Some(1024));
    }

    #[test]
    fn what_a_failed_sync_gave_up_stays_readable_but_never_becomes_durable() {
        let mut image = Image::default();
        image.write(0, &[1; 1024]);
        image.sync();
        image.write(0, &[2; 1024]);
        image.abandon();
        image.write(0, &[3; 512]);
        image.sync();
        assert_eq!(image.current()[..512], [3; 512]);
        assert_eq!(image.current()[512..], [2; 512]);
        assert_eq!(image.durable()[..512], [3; 512]);
        assert_eq!(image.durable()[512..], [1; 512]);
    }
}
