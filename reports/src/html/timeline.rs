//! Lanes over time as inline SVG.

use std::ops::Range;

use super::{Escaped, put};
use crate::story::{Bar, Lane, LaneGroup, Mark, Timeline, Tone};

const NAMES: f64 = 150.0;
const LANE: f64 = 20.0;
const HEAD: f64 = 26.0;
const GAP: f64 = 10.0;
/// A page stays readable, and a browser alive, with this many shapes in a lane.
const SHAPES_MAX: usize = 3_000;

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
    fn x(&self, at_us: u64) -> f64 {
        let inside = at_us.clamp(self.window.start, self.window.end) - self.window.start;
        let span = (self.window.end - self.window.start).max(1);
        NAMES + self.width * inside as f64 / span as f64
    }

    fn shows(&self, from_us: u64, to_us: u64) -> bool {
        from_us <= self.window.end && to_us >= self.window.start
    }
}

/// Draws a part of a timeline.
pub(super) fn svg(timeline: &Timeline, view: &View) -> String {
    let mut out = String::new();
    let (tops, height) = layout(&timeline.lanes);
    let width = NAMES + view.width + 12.0;
    put!(
        &mut out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"timeline\">\n"
    );
    if let Some((from, to)) = view.tint {
        let (left, right) = (view.x(from), view.x(to));
        let span = (right - left).max(2.0);
        put!(
            &mut out,
            "<rect class=\"focus\" x=\"{left:.1}\" y=\"0\" width=\"{span:.1}\" height=\"{height:.0}\"/>\n"
        );
    }
    grid(&mut out, view, height);
    for (lane, top) in timeline.lanes.iter().zip(tops) {
        draw_lane(&mut out, lane, top, view, timeline.end_us);
    }
    out.push_str("</svg>\n");
    out
}

/// The top of each lane, with a gap between groups, and the height of all.
fn layout(lanes: &[Lane]) -> (Vec<f64>, f64) {
    let mut y = HEAD;
    let mut last: Option<LaneGroup> = None;
    let mut tops = Vec::with_capacity(lanes.len());
    for lane in lanes {
        if last.is_some_and(|group| group != lane.group) {
            y += GAP;
        }
        last = Some(lane.group);
        tops.push(y);
        y += LANE;
    }
    (tops, y + 6.0)
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
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{height:.0}\"/>\
             <text class=\"axis\" x=\"{:.1}\" y=\"14\">{label}</text>\n",
            HEAD - 6.0,
            x + 3.0
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

fn draw_lane(out: &mut String, lane: &Lane, top: f64, view: &View, end_us: u64) {
    let middle = top + LANE / 2.0;
    put!(out, "<text x=\"4\" y=\"{:.1}\">{}</text>\n", middle + 4.0, Escaped(&lane.name));
    let bars = lane.bars.iter().filter(|bar| view.shows(bar.from_us, bar.to_us.unwrap_or(end_us)));
    let marks = lane.marks.iter().filter(|mark| view.shows(mark.at_us, mark.at_us));
    for bar in bars.take(SHAPES_MAX) {
        draw_bar(out, bar, top, view, end_us);
    }
    for mark in marks.take(SHAPES_MAX) {
        draw_mark(out, mark, middle, view);
    }
}

fn draw_bar(out: &mut String, bar: &Bar, top: f64, view: &View, end_us: u64) {
    let left = view.x(bar.from_us);
    let width = (view.x(bar.to_us.unwrap_or(end_us)) - left).max(1.2);
    let (y, height) = (top + 3.0, LANE - 6.0);
    let class = bar.tone.class();
    // An end that nobody knows stays visibly open.
    let open =
        if bar.to_us.is_none() { " fill-opacity=\".45\" stroke-dasharray=\"3 2\"" } else { "" };
    put!(
        out,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"2\"{open}><title>{}</title></rect>\n",
        Escaped(&bar.title)
    );
    let room = bar.label.chars().count() as f64 * 6.2 + 6.0;
    if !bar.label.is_empty() && width > room {
        put!(
            out,
            "<text class=\"in\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
            left + 3.0,
            top + LANE / 2.0 + 3.5,
            Escaped(&bar.label)
        );
    }
}

fn draw_mark(out: &mut String, mark: &Mark, middle: f64, view: &View) {
    let x = view.x(mark.at_us);
    let radius = if mark.tone == Tone::Witness { 5.0 } else { 3.0 };
    put!(
        out,
        "<circle class=\"{}\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"{radius}\">\
         <title>{}</title></circle>\n",
        mark.tone.class(),
        Escaped(&mark.title)
    );
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
