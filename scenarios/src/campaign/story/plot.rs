//! The story in a few rows: what the witnesses did, and what befell the members meanwhile.
//!
//! Witnesses have a row whatever happens. The room that is left goes to what explains most (faults, changes of
//! leadership, crashes), then to what the members did with the witnesses' requests, then to what the same clients did
//! beside and to what goes on all the time; and each time to what is nearest to a witness.

use std::collections::{BTreeMap, BTreeSet};

use jepsen_like::history::{Event, History, Micros};
use jepsen_like::observation::{Fact, Role};
use reports::{Plot, PlotRow};

use super::moments::{self, Actor, Moment, Weight};
use crate::run::{Judged, Ran};

/// More cannot be taken in at a glance.
const ROWS_MAX: usize = 30;
/// Even of witnesses.
const WITNESS_ROWS_MAX: usize = 60;
/// Of what goes on all the time, and as much of what witnesses did beside.
const TICKS_MAX: usize = 6;
/// How much less far than before the finding it is told of after it.
const AFTERWARDS: Micros = 10;
/// What an actor does at one time shares a cell up to this length.
const CELL_BYTES_MAX: usize = 200;
/// More actors who witness share a column.
const WITNESS_COLUMNS_MAX: usize = 3;

/// The plot of a run in which something was found; `end` is when its focus ends.
pub(super) fn of(ran: &Ran, judged: &Judged, end: Micros) -> Plot {
    let mut moments = moments::of(ran, judged);
    let mut anchors: Vec<Micros> =
        moments.iter().filter(|moment| moment.is_witness()).map(|moment| moment.at).collect();
    if anchors.is_empty() {
        anchors.push(end);
    }
    anchors.sort_unstable();
    share_column(&mut moments);
    let actors = actors(&moments, ran.members.len());
    let (rows, left_out) = rows(&moments, &anchors, &actors);
    let begin = rows.first().map_or(0, |row| row.at_us);
    let heads = actors.iter().map(|actor| head(actor, &ran.history, begin)).collect();
    Plot { actors: heads, rows, left_out }
}

/// Where more clients and watches bear witness than there are columns, they share one.
fn share_column(moments: &mut [Moment]) {
    let witnesses: BTreeSet<Actor> =
        moments.iter().map(|moment| moment.actor).filter(Actor::is_user).collect();
    if witnesses.len() <= WITNESS_COLUMNS_MAX {
        return;
    }
    for moment in moments.iter_mut().filter(|moment| moment.actor.is_user()) {
        moment.text = format!("{}: {}", moment.actor, moment.text);
        moment.actor = Actor::Users;
    }
}

/// The columns: who bears witness, what the log says if it does, every member, the faults, and what the run found.
fn actors(moments: &[Moment], members: usize) -> Vec<Actor> {
    let mut actors: BTreeSet<Actor> = moments.iter().map(|moment| moment.actor).collect();
    actors.extend((1..=members as u64).map(Actor::Member));
    actors.insert(Actor::Faults);
    actors.into_iter().collect()
}

/// The rows, and how many moments near the witnesses have none.
fn rows(moments: &[Moment], anchors: &[Micros], actors: &[Actor]) -> (Vec<PlotRow>, u64) {
    let mut near: Vec<(Weight, Micros, usize)> = Vec::new();
    for (place, moment) in moments.iter().enumerate() {
        let distance = moment.distance(anchors);
        // What came after all witnesses explains nothing; a little of it shows how it went on.
        let is_late = anchors.last().is_some_and(|last| moment.at > *last);
        let reach = moment.weight.reach() / if is_late { AFTERWARDS } else { 1 };
        if distance <= reach {
            near.push((moment.weight, distance, place));
        }
    }
    near.sort_unstable();
    let (mut rows, mut left_out) = (Vec::new(), 0);
    let mut lesser: BTreeMap<Weight, usize> = BTreeMap::new();
    for (weight, _, place) in near {
        let moment = &moments[place];
        let room = if moment.is_witness() { WITNESS_ROWS_MAX } else { ROWS_MAX };
        if weight >= Weight::Beside {
            let count = lesser.entry(weight).or_default();
            *count += 1;
            if *count <= TICKS_MAX {
                put(&mut rows, moment, actors, room);
            }
        } else if !put(&mut rows, moment, actors, room) {
            left_out += 1;
        }
    }
    rows.sort_by_key(|row| row.at_us);
    (joined(rows), left_out)
}

/// What one actor did within a millisecond, and nobody else anything between, is one row: its times look alike.
fn joined(rows: Vec<PlotRow>) -> Vec<PlotRow> {
    let only = |row: &PlotRow| {
        let mut filled = (0..row.cells.len()).filter(|column| !row.cells[*column].is_empty());
        filled.next().filter(|_| filled.next().is_none() && !row.is_witness)
    };
    let mut joined: Vec<PlotRow> = Vec::new();
    for row in rows {
        match (joined.last_mut(), only(&row)) {
            (Some(last), Some(column))
                if only(last) == Some(column) && last.at_us / 1_000 == row.at_us / 1_000 =>
            {
                last.cells[column].push_str("; ");
                last.cells[column].push_str(&row.cells[column]);
            }
            _ => joined.push(row),
        }
    }
    joined
}

/// Into the row of that time, or into a new one if there may be one more.
fn put(rows: &mut Vec<PlotRow>, moment: &Moment, actors: &[Actor], room: usize) -> bool {
    let Ok(column) = actors.binary_search(&moment.actor) else { return false };
    let is_free = |row: &&mut PlotRow| {
        row.at_us == moment.at && row.cells[column].len() + moment.text.len() <= CELL_BYTES_MAX
    };
    if let Some(row) = rows.iter_mut().find(is_free) {
        let cell = &mut row.cells[column];
        cell.push_str(if cell.is_empty() { "" } else { "; " });
        cell.push_str(&moment.text);
        row.is_witness |= moment.is_witness();
        return true;
    }
    if rows.len() >= room {
        return false;
    }
    let mut cells = vec![String::new(); actors.len()];
    cells[column].clone_from(&moment.text);
    rows.push(PlotRow { at_us: moment.at, is_witness: moment.is_witness(), cells });
    true
}

/// An actor's name; a member's with what it was before the first row, as far as it told.
fn head(actor: &Actor, history: &History, before: Micros) -> String {
    let Actor::Member(member) = actor else { return actor.to_string() };
    let mut state = None;
    for event in history.events.iter().take_while(|event| event.time() < before) {
        let Event::Observed(seen) = event else { continue };
        match &seen.fact {
            _ if seen.member != *member => {}
            Fact::Role { role, term } => state = Some(format!("{} of term {term}", word(*role))),
            Fact::Stopped => state = Some("down".to_owned()),
            Fact::Started { .. } => state = Some("started".to_owned()),
            _ => {}
        }
    }
    match state {
        Some(state) => format!("{actor} ({state})"),
        None => actor.to_string(),
    }
}

/// What a member is called.
pub(super) fn word(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Candidate => "candidate",
        Role::Follower => "follower",
        Role::Learner => "learner",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(at: Micros, actor: Actor, weight: Weight) -> Moment {
        Moment { at, until: at, actor, weight, text: format!("{weight:?} {at}") }
    }

    fn plot(moments: &[Moment]) -> (Vec<PlotRow>, u64) {
        let anchors: Vec<Micros> =
            moments.iter().filter(|moment| moment.is_witness()).map(|moment| moment.at).collect();
        rows(moments, &anchors, &actors(moments, 3))
    }

    #[test]
    fn witnesses_have_their_rows_whatever_else_happened() {
        let mut moments: Vec<Moment> =
            (0..500).map(|at| moment(at, Actor::Faults, Weight::Turn)).collect();
        moments.extend((1_000..1_040).map(|at| moment(at, Actor::Client(7), Weight::Witness)));
        let (rows, left_out) = plot(&moments);
        assert_eq!(rows.len(), 40);
        assert!(rows.iter().all(|row| row.is_witness));
        assert_eq!(left_out, 500);
    }

    #[test]
    fn the_rest_of_the_room_goes_to_what_explains_most_and_then_to_what_is_near() {
        let mut moments = vec![moment(1_000_000, Actor::Client(7), Weight::Witness)];
        moments.push(moment(900_000, Actor::Faults, Weight::Turn));
        let ticks = (0..400).map(|at| moment(999_000 + at, Actor::Member(1), Weight::Tick));
        moments.extend(ticks);
        let (rows, left_out) = plot(&moments);
        let times: Vec<Micros> = rows.iter().map(|row| row.at_us).collect();
        assert_eq!(times, [900_000, 999_394, 1_000_000]);
        let ticks: Vec<String> = (999_394..999_400).map(|at| format!("Tick {at}")).collect();
        assert_eq!(rows[1].cells[1], ticks.join("; "), "within a millisecond");
        assert_eq!(left_out, 0, "nobody misses what goes on all the time");
    }

    #[test]
    fn what_happens_at_one_time_shares_a_row() {
        let mut moments = vec![
            moment(5, Actor::Client(7), Weight::Witness),
            moment(5, Actor::Faults, Weight::Turn),
            moment(5, Actor::Faults, Weight::Turn),
        ];
        let (rows, _) = plot(&moments);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].cells, ["Witness 5", "", "", "", "Turn 5; Turn 5"]);
        moments[1].text = "long".repeat(60);
        assert_eq!(plot(&moments).0.len(), 2, "but for what is too long for one cell");
    }

    #[test]
    fn a_fault_that_lasts_is_near_to_whatever_happens_in_it() {
        let fault = Moment { until: 90_000_000, ..moment(1, Actor::Faults, Weight::Turn) };
        let (rows, _) = plot(&[fault, moment(80_000_000, Actor::Client(7), Weight::Witness)]);
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn of_what_came_after_the_witnesses_little_is_told() {
        let at = |at| {
            let witness = moment(10_000_000, Actor::Client(7), Weight::Witness);
            plot(&[witness, moment(at, Actor::Member(1), Weight::Turn)]).0.len()
        };
        assert_eq!([8_000_000, 10_200_000, 12_000_000].map(at), [2, 2, 1]);
    }

    #[test]
    fn many_witnesses_share_a_column() {
        let mut few: Vec<Moment> =
            (1..=3).map(|client| moment(client, Actor::Client(client), Weight::Witness)).collect();
        share_column(&mut few);
        assert_eq!(actors(&few, 2).len(), 3 + 2 + 1);
        few.push(moment(4, Actor::Watch(1), Weight::Witness));
        share_column(&mut few);
        assert_eq!(actors(&few, 2).len(), 1 + 2 + 1);
        assert_eq!(few[3].text, "watch 1: Witness 4");
    }
}
