//! Bars and marks of one lane as SVG, and how many of them there is room for.

use super::budget::{TITLE_MAX, fit};
use super::stack::Stack;
use super::timeline::{Place, View};
use super::{Escaped, put};
use crate::story::{Bar, Lane, LaneGroup, Mark, Tone};

/// Shapes nearer to the one before look like one with it.
const NEAR: f64 = 1.0;
/// What is shorter could not be seen.
const BAR_MIN: f64 = 1.2;

/// Something drawn.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    is_witness: bool,
    /// As it is written.
    svg: String,
}

/// The shapes of a lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    list: Vec<Shape>,
    /// So many others lie where one like them is.
    pub(super) covered: usize,
}

impl Shapes {
    /// What of a lane lies in the view.
    pub(super) fn of(lane: &Lane, place: &Place, view: &View, end_us: u64) -> Self {
        let mut shapes = Self::default();
        let mut last: Vec<(Tone, usize, f64)> = Vec::new();
        for (bar, row) in shown(lane, view, end_us).into_iter().zip(&place.stack.rows) {
            let Some(row) = *row else { continue };
            let (_, right) = extent(bar, view, end_us);
            if is_new(&mut last, (bar.tone, row, right)) {
                let svg = draw_bar(bar, place.row(row), view, end_us);
                shapes.list.push(Shape { is_witness: bar.tone == Tone::Witness, svg });
            } else {
                shapes.covered += 1;
            }
        }
        last.clear();
        for mark in lane.marks.iter().filter(|mark| view.shows(mark.at_us, mark.at_us)) {
            if is_new(&mut last, (mark.tone, 0, view.x(mark.at_us))) {
                let svg = draw_mark(mark, place.row(0), view);
                shapes.list.push(Shape { is_witness: mark.tone == Tone::Witness, svg });
            } else {
                shapes.covered += 1;
            }
        }
        shapes
    }

    /// How many bytes they are.
    pub(super) fn bytes(&self) -> usize {
        self.list.iter().map(|shape| shape.svg.len()).sum()
    }

    /// Writes as many as have room, witnesses before all others and the others evenly spread, and says how many
    /// that leaves out.
    pub(super) fn write(&self, out: &mut String, room: usize) -> usize {
        let bytes = |is_witness| -> usize {
            let these = self.list.iter().filter(|shape| shape.is_witness == is_witness);
            these.map(|shape| shape.svg.len()).sum()
        };
        let for_others = room.saturating_sub(bytes(true));
        let all_others = bytes(false);
        let (mut witnesses, mut others, mut passed, mut dropped) = (0, 0, 0, 0);
        for shape in &self.list {
            let size = shape.svg.len();
            // What has been written is never more than its part of what has been passed.
            let (used, limit) = if shape.is_witness {
                (&mut witnesses, room)
            } else {
                passed += size;
                let part = passed as u128 * for_others as u128 / all_others as u128;
                (&mut others, usize::try_from(part).unwrap_or(usize::MAX))
            };
            if *used + size <= limit {
                *used += size;
                out.push_str(&shape.svg);
            } else {
                dropped += 1;
            }
        }
        dropped
    }
}

/// Whether it reaches beyond the last of its kind. A witness always does.
fn is_new(last: &mut Vec<(Tone, usize, f64)>, (tone, row, right): (Tone, usize, f64)) -> bool {
    let before = last.iter_mut().find(|(old, at, _)| (*old, *at) == (tone, row));
    match before {
        Some((_, _, end)) if tone != Tone::Witness && right < *end + NEAR => false,
        Some((_, _, end)) => {
            *end = right;
            true
        }
        None => {
            last.push((tone, row, right));
            true
        }
    }
}

/// The bars of a lane that the view shows.
pub(super) fn shown<'a>(lane: &'a Lane, view: &View, end_us: u64) -> Vec<&'a Bar> {
    let is_shown = |bar: &&Bar| view.shows(bar.from_us, bar.to_us.unwrap_or(end_us));
    lane.bars.iter().filter(is_shown).collect()
}

/// How the bars of a lane lie: faults and findings are many at a time and under each other, everything else is one after the other,
/// or means to lie over what was before.
pub(super) fn stack(lane: &Lane, view: &View, end_us: u64) -> Stack {
    let bars = shown(lane, view, end_us);
    if !matches!(lane.group, LaneGroup::Finding | LaneGroup::Fault) {
        return Stack::flat(bars.len());
    }
    let spans: Vec<_> = bars
        .into_iter()
        .map(|bar| {
            let (left, right) = extent(bar, view, end_us);
            left..right
        })
        .collect();
    Stack::of(&spans)
}

fn extent(bar: &Bar, view: &View, end_us: u64) -> (f64, f64) {
    let left = view.x(bar.from_us);
    (left, view.x(bar.to_us.unwrap_or(end_us)).max(left + BAR_MIN))
}

fn draw_bar(bar: &Bar, (top, height): (f64, f64), view: &View, end_us: u64) -> String {
    let mut out = String::new();
    let (left, right) = extent(bar, view, end_us);
    let (y, width, height) = (top + 2.0, right - left, height - 4.0);
    let class = bar.tone.class();
    // An end that nobody knows stays visibly open.
    let open =
        if bar.to_us.is_none() { " fill-opacity=\".45\" stroke-dasharray=\"3 2\"" } else { "" };
    put!(
        &mut out,
        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
         height=\"{height:.1}\" rx=\"2\"{open}><title>{}</title></rect>\n",
        Escaped(fit(&bar.title, TITLE_MAX))
    );
    let room = bar.label.chars().count() as f64 * 6.2 + 6.0;
    if !bar.label.is_empty() && width > room {
        put!(
            &mut out,
            "<text class=\"in\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
            left + 3.0,
            y + height / 2.0 + 3.5,
            Escaped(fit(&bar.label, TITLE_MAX))
        );
    }
    out
}

fn draw_mark(mark: &Mark, (top, height): (f64, f64), view: &View) -> String {
    let x = view.x(mark.at_us);
    let middle = top + height / 2.0;
    let radius = if mark.tone == Tone::Witness { 5.0 } else { 3.0 };
    format!(
        "<circle class=\"{}\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"{radius}\">\
         <title>{}</title></circle>\n",
        mark.tone.class(),
        Escaped(fit(&mark.title, TITLE_MAX))
    )
}
