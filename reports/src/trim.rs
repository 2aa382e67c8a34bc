//! A story in the room that a record of many failures has for it: what is near to the finding stays.
//!
//! The page leaves out shapes that lie where others of their colour are, so they go first and nobody misses them. What
//! goes then is farthest from the finding; witnesses, faults and members stay to the last.

use serde::Serialize;

use crate::story::{LaneGroup, Story, Tone};

/// All shapes of a timeline, as they are written. The page draws no more than about as many.
const SHAPES_MAX: usize = 200_000;
/// The script; `show` tells it all.
const SCRIPT_MAX: usize = 60_000;
/// The log.
const LOG_MAX: usize = 60_000;
/// On a page a shape that is nearer to the one before looks like one with it.
const PIXEL_US: u64 = 1_000_000 / 60;

/// How much a shape says, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Witness,
    /// What was done to whom, and who led.
    Frame,
    Near,
    Far,
    /// Another of its colour is there.
    Covered,
}

/// A bar or a mark by its place, and what it takes.
struct Shape {
    worth: Worth,
    distance: u64,
    bytes: usize,
    lane: usize,
    /// Its place among the bars, or behind them among the marks.
    place: usize,
}

impl Story {
    /// Cuts what there is no room for, and tells what that is. Once is as good as twice.
    pub fn trim(&mut self) {
        self.trim_to(SHAPES_MAX);
    }

    fn trim_to(&mut self, shapes_max: usize) {
        self.trim_shapes(shapes_max);
        let lines = trim_lines(&mut self.log, LOG_MAX);
        self.note(lines, "lines before those of the log");
        let end = self.script.floor_char_boundary(SCRIPT_MAX);
        let bytes = self.script.len() - end;
        self.script.truncate(end);
        self.note(bytes, "bytes at the end of the script, which `show` tells whole");
    }

    fn note(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.left_out.push(format!("{what} ({})", crate::text::grouped(count as u64)));
        }
    }

    fn trim_shapes(&mut self, shapes_max: usize) {
        let mut shapes = self.shapes();
        if shapes.iter().map(|shape| shape.bytes).sum::<usize>() <= shapes_max {
            return;
        }
        shapes.sort_by_key(|shape| (shape.worth, shape.distance));
        let mut room = shapes_max;
        let fits = |shape: &&Shape| {
            room = room.saturating_sub(shape.bytes);
            room > 0
        };
        let kept = shapes.iter().take_while(fits).count();
        let lanes = &mut self.timeline.lanes;
        let mut stays: Vec<Vec<bool>> =
            lanes.iter().map(|lane| vec![false; lane.bars.len() + lane.marks.len()]).collect();
        for shape in &shapes[..kept] {
            stays[shape.lane][shape.place] = true;
        }
        for (lane, stays) in lanes.iter_mut().zip(stays) {
            let mut stays = stays.into_iter();
            lane.bars.retain(|_| stays.next().unwrap_or(true));
            lane.marks.retain(|_| stays.next().unwrap_or(true));
        }
        self.note(shapes.len() - kept, &what(&shapes[kept..]));
    }

    fn shapes(&self) -> Vec<Shape> {
        let end = self.timeline.end_us;
        let (from, to) = self.focus.unwrap_or((end, end));
        let mut shapes = Vec::new();
        for (number, lane) in self.timeline.lanes.iter().enumerate() {
            let is_frame = !matches!(lane.group, LaneGroup::Client | LaneGroup::Watch);
            let mut drawn: Vec<(Tone, u64)> = Vec::new();
            let mut shape = |begin: u64, last: u64, tone: Tone, bytes: usize, place: usize| {
                let distance = begin.saturating_sub(to).max(from.saturating_sub(last));
                let is_covered = covers(&mut drawn, tone, last);
                let worth = match tone {
                    Tone::Witness => Worth::Witness,
                    _ if is_frame => Worth::Frame,
                    _ if distance == 0 => Worth::Near,
                    _ if is_covered => Worth::Covered,
                    _ => Worth::Far,
                };
                shapes.push(Shape { worth, distance, bytes, lane: number, place });
            };
            for (place, bar) in lane.bars.iter().enumerate() {
                shape(bar.from_us, bar.to_us.unwrap_or(end), bar.tone, written(bar), place);
            }
            for (place, mark) in lane.marks.iter().enumerate() {
                shape(mark.at_us, mark.at_us, mark.tone, written(mark), lane.bars.len() + place);
            }
        }
        shapes
    }
}

/// What is cut, in words: an empty part of a lane must not be taken for one in which nothing happened.
fn what(cut: &[Shape]) -> String {
    let seen = cut.iter().filter(|shape| shape.worth < Worth::Covered);
    match seen.map(|shape| shape.distance).min() {
        Some(0) => "much of what clients and watches did, even around the finding".to_owned(),
        Some(distance) => format!(
            "much that is farther than {} s from what is shown around the finding",
            crate::text::seconds(distance)
        ),
        None => "shapes that lie under others of their colour".to_owned(),
    }
}

/// Whether one of that colour before it ends where it does; else it is the one that others may lie behind.
fn covers(drawn: &mut Vec<(Tone, u64)>, tone: Tone, last: u64) -> bool {
    match drawn.iter_mut().find(|(old, _)| *old == tone) {
        Some((_, end)) if last < *end + PIXEL_US => true,
        Some((_, end)) => {
            *end = last;
            false
        }
        None => {
            drawn.push((tone, last));
            false
        }
    }
}

/// The bytes that something takes in a record, with what separates it from the next.
fn written(shape: &impl Serialize) -> usize {
    serde_json::to_string(shape).map_or(0, |text| text.len() + 1)
}

/// Keeps the last lines, which are nearest to what was found, and tells how many went.
fn trim_lines(lines: &mut Vec<String>, bytes_max: usize) -> usize {
    let mut used = 0;
    let fits = |line: &&String| {
        used += line.len();
        used <= bytes_max
    };
    let kept = lines.iter().rev().take_while(fits).count();
    let cut = lines.len() - kept;
    lines.drain(..cut);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{Bar, Lane, Mark, Timeline};

    const SECOND: u64 = 1_000_000;

    fn bar(from_us: u64, tone: Tone) -> Bar {
        let title = format!("operation at {from_us}");
        Bar { from_us, to_us: Some(from_us + 1_000), tone, label: String::new(), title }
    }

    fn lane(group: LaneGroup, bars: Vec<Bar>) -> Lane {
        let marks = vec![Mark { at_us: 1, tone: Tone::Quiet, title: "started".to_owned() }];
        Lane { group, name: String::new(), bars, marks }
    }

    /// A minute with an operation in each millisecond; something is found in the middle.
    fn story() -> Story {
        let busy = (0..60_000).map(|at| bar(at * 1_000, Tone::Good)).collect();
        let lanes = vec![
            lane(LaneGroup::Fault, vec![bar(SECOND, Tone::Fault)]),
            lane(LaneGroup::Client, busy),
            lane(LaneGroup::Client, vec![bar(2 * SECOND, Tone::Witness)]),
        ];
        let timeline = Timeline { end_us: 60 * SECOND, lanes };
        Story { timeline, focus: Some((30 * SECOND, 30 * SECOND + 500_000)), ..Story::default() }
    }

    #[test]
    fn what_is_near_stays_and_the_rest_is_counted() {
        let mut story = story();
        story.trim();
        let size = serde_json::to_vec(&story).unwrap().len();
        assert!(size < SHAPES_MAX + 2_000, "{size} bytes");
        let [fault, busy, witness] = &story.timeline.lanes[..] else { panic!("three lanes stay") };
        assert_eq!((fault.bars.len(), fault.marks.len()), (1, 1));
        assert_eq!(witness.bars.len(), 1);
        let near = busy.bars.iter().filter(|bar| bar.from_us.abs_diff(30 * SECOND) <= 500_000);
        assert!(near.count() > 500, "all of the focus is there");
        assert!(busy.bars.is_sorted_by_key(|bar| bar.from_us));
        let left = 60_000 - busy.bars.len() + 2 - busy.marks.len() - witness.marks.len();
        let [note] = &story.left_out[..] else { panic!("{:?}", story.left_out) };
        assert!(note.ends_with(&format!("({})", crate::text::grouped(left as u64))), "{note}");
        let once = story.clone();
        story.trim();
        assert_eq!(story, once);
    }

    #[test]
    fn what_is_covered_goes_before_what_is_far() {
        let mut story = story();
        story.trim_to(500_000);
        // Of the operations beyond the focus one in each seventeen is seen at all.
        let far = |bar: &&Bar| bar.from_us < 29 * SECOND;
        let seen = story.timeline.lanes[1].bars.iter().filter(far).count();
        assert!((1_000..2_000).contains(&seen), "{seen}");
    }

    #[test]
    fn a_story_that_has_room_stays_as_it_is() {
        let mut story = story();
        story.timeline.lanes[1].bars.truncate(9);
        story.log = vec!["1.000 something".to_owned(); 100];
        story.script = "members 3\n".to_owned();
        let whole = story.clone();
        story.trim();
        assert_eq!(story, whole);
    }

    #[test]
    fn a_long_script_loses_its_end_and_a_long_log_its_beginning() {
        let lines = (0..9_000).map(|line| format!("{line} something happened")).collect();
        let script = "\u{20AC}".repeat(90_000);
        let mut story = Story { log: lines, script, ..Story::default() };
        story.trim();
        assert!(story.script.len() <= SCRIPT_MAX && story.script.len() > SCRIPT_MAX - 3);
        assert_eq!(story.log.last().map(String::as_str), Some("8999 something happened"));
        assert_eq!(story.left_out.len(), 2, "{:?}", story.left_out);
    }
}
