//! What a page has room for, in bytes as they are written: a browser has to show it, and continuous integration to
//! keep it.

use std::borrow::Cow;

/// No page is larger: a million bytes. What follows are the shares of its parts, which together are less.
pub(super) const PAGE_MAX: usize = 1_000_000;
/// Each of the two timelines.
pub(super) const TIMELINE_MAX: usize = 240_000;
/// The table that tells the story.
pub(super) const STORY_MAX: usize = 120_000;
/// All events around the finding.
pub(super) const LOG_MAX: usize = 60_000;
/// The run as a script.
pub(super) const SCRIPT_MAX: usize = 60_000;
/// Any other table.
pub(super) const TABLE_MAX: usize = 30_000;
/// What was found.
pub(super) const FINDINGS_MAX: usize = 80_000;
/// One sentence, or a cell of a table.
pub(super) const SENTENCE_MAX: usize = 2_000;
/// What a shape says of itself.
pub(super) const TITLE_MAX: usize = 400;

/// Verdict, story, two timelines, log, four tables and script, and some for what stands between them.
const _: () = assert!(
    FINDINGS_MAX + STORY_MAX + 2 * TIMELINE_MAX + LOG_MAX + 4 * TABLE_MAX + SCRIPT_MAX + 40_000
        < PAGE_MAX
);

/// As much of the beginning as has so many bytes once it is escaped; that there was more is to be seen.
pub(super) fn fit(text: &str, bytes_max: usize) -> Cow<'_, str> {
    let mut used = 0;
    let mut end = 0;
    for (at, letter) in text.char_indices() {
        used += written(letter);
        if used > bytes_max {
            return Cow::Owned(format!("{}\u{2026}", &text[..end]));
        }
        // Room for the ellipsis is kept, if it comes to that.
        if used + '\u{2026}'.len_utf8() <= bytes_max {
            end = at + letter.len_utf8();
        }
    }
    Cow::Borrowed(text)
}

/// How many bytes a letter takes once it is escaped.
fn written(letter: char) -> usize {
    match letter {
        '&' | '\'' => 5,
        '<' | '>' => 4,
        '"' => 6,
        letter => letter.len_utf8().max('\u{FFFD}'.len_utf8() * usize::from(letter.is_control())),
    }
}

/// Room for everybody: who wants less than an equal part leaves the rest to the others.
pub(super) fn shares(wanted: &[usize], room: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|place| wanted[*place]);
    let mut shares = vec![0; wanted.len()];
    let (mut room, mut left) = (room, wanted.len());
    for place in order {
        shares[place] = wanted[place].min(room / left);
        room -= shares[place];
        left -= 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::{fit, shares};
    use crate::html::Escaped;

    #[test]
    fn what_is_cut_fits_once_it_is_escaped() {
        for text in
            ["plain words", "\"\"\"\"\"\"\"\"\"\"\"\"", "a\u{0}\u{1b}<&'", "\u{20AC}\u{20AC}"]
        {
            for room in 3..90 {
                let escaped = Escaped(fit(text, room)).to_string();
                assert!(escaped.len() <= room, "{escaped:?} in {room}");
                assert_eq!(Escaped(text).to_string().len() > room, escaped.ends_with('\u{2026}'));
            }
        }
    }

    #[test]
    fn who_wants_little_leaves_the_rest() {
        assert_eq!(shares(&[10, 2, 100], 60), [10, 2, 48]);
        assert_eq!(shares(&[100, 100], 60), [30, 30]);
        assert_eq!(shares(&[], 60), [0; 0]);
    }
}
