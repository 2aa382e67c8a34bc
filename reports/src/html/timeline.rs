//! Lanes over time as inline SVG.

use std::ops::Range;

use super::budget::{fit, shares};
use super::shapes::{self, Shapes};
use super::stack::Stack;
use super::{Escaped, put};
use crate::story::{Lane, LaneGroup, Timeline, Tone};

const NAMES: f64 = 150.0;
const LANE: f64 = 20.0;
const HEAD: f64 = 26.0;
const GAP: f64 = 10.0;
/// A time beside a line of the grid.
const LABEL: f64 = 56.0;
/// A lane whose bars lie under each other has lower ones.
const ROW: f64 = 17.0;
/// Nobody reads more lanes.
const LANES_MAX: usize = 100;
/// The name of a lane, with the element around it.
const NAME_BYTES_MAX: usize = 200;

/// How much of a timeline is drawn, and how wide.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// In microseconds.
    pub(super) window: Range<u64>,
    /// Pixels for the window.
    pub(super) width: f64,
    /// A part to tint, in microseconds.
    pub(super) tint: Option<(u64, u64)>,
}

impl View {
    /// Where a moment is, in pixels.
    pub(super) fn x(&self, at_us: u64) -> f64 {
        let inside = at_us.clamp(self.window.start, self.window.end) - self.window.start;
        let span = (self.window.end - self.window.start).max(1);
        NAMES + self.width * inside as f64 / span as f64
    }

    /// Whether any of it is to be seen.
    pub(super) fn shows(&self, from_us: u64, to_us: u64) -> bool {
        from_us <= self.window.end && to_us >= self.window.start
    }
}

/// Where a lane is drawn.
#[derive(Debug, Clone)]
pub(super) struct Place {
    top: f64,
    pub(super) stack: Stack,
}

impl Place {
    /// The top and the height of a row.
    pub(super) fn row(&self, row: usize) -> (f64, f64) {
        let height = if self.stack.height > 1 { ROW } else { LANE };
        (self.top + row as f64 * height, height)
    }

    fn bottom(&self) -> f64 {
        let (top, height) = self.row(self.stack.height - 1);
        top + height
    }
}

/// A part of a timeline, drawn.
#[derive(Debug, Clone, Default)]
pub(super) struct Drawing {
    /// As it is written.
    pub(super) svg: String,
    /// Shapes that lie where another is.
    pub(super) covered: usize,
    /// Shapes that there was no room for.
    pub(super) dropped: usize,
}

/// Draws a part of a timeline in so many bytes, give or take the names of its lanes.
pub(super) fn draw(timeline: &Timeline, view: &View, room: usize) -> Drawing {
    let mut drawing = Drawing::default();
    let out = &mut drawing.svg;
    let end_us = timeline.end_us;
    let all: Vec<&Lane> =
        timeline.lanes.iter().filter(|lane| is_drawn(lane, view, end_us)).collect();
    let (lanes, more) = all.split_at(all.len().min(LANES_MAX));
    let (places, height) = layout(lanes, view, end_us);
    let width = NAMES + view.width + 12.0;
    put!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"timeline\">\n"
    );
    if let Some((from, to)) = view.tint {
        let (left, right) = (view.x(from), view.x(to));
        let span = (right - left).max(2.0);
        put!(
            out,
            "<rect class=\"focus\" x=\"{left:.1}\" y=\"0\" width=\"{span:.1}\" height=\"{height:.0}\"/>\n"
        );
    }
    grid(out, view, height);
    let placed = lanes.iter().zip(&places);
    let shapes: Vec<Shapes> =
        placed.clone().map(|(lane, place)| Shapes::of(lane, place, view, end_us)).collect();
    let wanted: Vec<usize> = shapes.iter().map(Shapes::bytes).collect();
    // Names and grid come first, and are bounded.
    let rooms = shares(&wanted, room.saturating_sub(out.len() + lanes.len() * NAME_BYTES_MAX));
    for (((lane, place), shapes), room) in placed.zip(&shapes).zip(rooms) {
        name(out, lane, place);
        drawing.covered += shapes.covered;
        drawing.dropped += shapes.write(out, room);
    }
    out.push_str("</svg>\n");
    drawing.dropped += more.iter().map(|lane| lane.bars.len() + lane.marks.len()).sum::<usize>();
    drawing
}

/// Who did nothing meanwhile needs no lane; of members and faults that is worth to be seen.
fn is_drawn(lane: &Lane, view: &View, end_us: u64) -> bool {
    matches!(lane.group, LaneGroup::Finding | LaneGroup::Fault | LaneGroup::Member)
        || !shapes::shown(lane, view, end_us).is_empty()
        || lane.marks.iter().any(|mark| view.shows(mark.at_us, mark.at_us))
}

/// Where each lane is, with a gap between groups, and the height of all.
fn layout(lanes: &[&Lane], view: &View, end_us: u64) -> (Vec<Place>, f64) {
    let mut y = HEAD;
    let mut last: Option<LaneGroup> = None;
    let mut places = Vec::with_capacity(lanes.len());
    for lane in lanes {
        if last.is_some_and(|group| group != lane.group) {
            y += GAP;
        }
        last = Some(lane.group);
        let place = Place { top: y, stack: shapes::stack(lane, view, end_us) };
        y = place.bottom();
        places.push(place);
    }
    (places, y + 6.0)
}

/// The name of a lane, and how many bars found no row in it.
fn name(out: &mut String, lane: &Lane, place: &Place) {
    let (top, height) = place.row(0);
    let more = match place.stack.without() {
        0 => String::new(),
        more => format!(", {more} more"),
    };
    let name = fit(&lane.name, NAME_BYTES_MAX / 2);
    let y = top + height / 2.0 + 4.0;
    put!(out, "<text x=\"4\" y=\"{y:.1}\">{}{more}</text>\n", Escaped(name));
}

fn grid(out: &mut String, view: &View, height: f64) {
    let step = tick(view.window.end - view.window.start, view.width);
    let first = view.window.start.div_ceil(step) * step;
    for at in (first..=view.window.end).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let x = view.x(at);
        let label = if step >= 1_000_000 {
            format!("{} s", at / 1_000_000)
        } else {
            format!("{:.3} s", at as f64 / 1e6)
        };
        put!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{height:.0}\"/>",
            HEAD - 6.0
        );
        // At the right end there is no room beside the line but before it.
        let (anchor, beside) =
            if x + LABEL > NAMES + view.width { ("end", x - 3.0) } else { ("start", x + 3.0) };
        put!(
            out,
            "<text class=\"axis\" text-anchor=\"{anchor}\" x=\"{beside:.1}\" y=\"14\">{label}</text>\n"
        );
    }
}

/// A round number of microseconds, so that labels stand about 90 pixels apart.
fn tick(span_us: u64, width: f64) -> u64 {
    let wanted = (span_us as f64 * 90.0 / width.max(90.0)).max(1.0);
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if (step * factor) as f64 >= wanted {
                return step * factor;
            }
        }
        step *= 10;
    }
}

/// The colours and what they say.
pub(super) fn legend() -> String {
    let mut out = String::from("<div class=\"legend\">");
    for tone in Tone::ALL {
        put!(&mut out, "<span><i class=\"{}\"></i>{}</span>", tone.class(), tone.meaning());
    }
    out.push_str("</div>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::tick;

    #[test]
    fn ticks_are_round_and_far_enough_apart() {
        assert_eq!(tick(15_000_000, 1_000.0), 2_000_000);
        assert_eq!(tick(500_000, 1_000.0), 50_000);
        assert_eq!(tick(0, 1_000.0), 1);
    }
}
