//! How long the strict serializability checker takes for a legal history, and beside it, where that comes to an end, a
//! search of the Wing-Gong/Lowe kind that takes no revision for granted.

use std::fmt;
use std::time::{Duration, Instant};

use jepsen_like::checker::linearizability::{self, EtcdModel};
use jepsen_like::checker::{Options, Verdict, strict_serializability};
use jepsen_like::history::{
    Blob, Event, History, InfoKind, OpId, PutRequest, RangeRequest, Request, Response,
};
use jepsen_like::model::State;

/// Steps after which the search gives up.
const SEARCH_STEPS_MAX: usize = 1_000_000;

/// What the history is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many operations.
    pub operations: u64,
    /// How many clients at once.
    pub clients: u64,
    /// How many keys.
    pub keys: u64,
    /// One operation in so many has an unknown outcome; 0 for none.
    pub unknown_one_in: u64,
}

/// What checking it took.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The history's shape.
    pub shape: Shape,
    /// What the checker said; a legal history must pass.
    pub verdict: Verdict,
    /// Operations without a known outcome.
    pub unknown: usize,
    /// How long it took, from the joined operations to the verdict.
    pub wall: Duration,
    /// What the search said, and how long it took; nothing where it was not tried.
    pub search: Option<(Verdict, Duration)>,
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { operations, clients, keys, unknown_one_in } = self.shape;
        let verdict = word(&self.verdict);
        write!(
            out,
            "checker --operations {operations} --clients {clients} --keys {keys} \
             --unknown-one-in {unknown_one_in}: {:.1} ms, {:.2} us per operation \
             ({verdict}, {} unknown)",
            self.wall.as_secs_f64() * 1e3,
            self.wall.as_secs_f64() * 1e6 / operations.max(1) as f64,
            self.unknown
        )?;
        match &self.search {
            Some((verdict, wall)) => {
                let milliseconds = wall.as_secs_f64() * 1e3;
                write!(out, "; by search {milliseconds:.1} ms ({})", word(verdict))
            }
            None => Ok(()),
        }
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Inconclusive { .. } => "gave up",
        Verdict::Violation(_) => "NOT A PASS",
    }
}

/// Makes a history and checks it, by search as well if it has no more operations than that.
pub fn run(shape: Shape, search_max: u64) -> Checked {
    let history = generate(shape);
    let operations = history.operations();
    let begin = Instant::now();
    let analysis = strict_serializability::check(&history, &operations, &Options::default());
    let wall = begin.elapsed();
    let unknown = analysis.statistics.unknown;
    let search = (shape.operations <= search_max).then(|| {
        let calls = EtcdModel::calls(&operations);
        let begin = Instant::now();
        let verdict = linearizability::check(&EtcdModel, &calls, SEARCH_STEPS_MAX);
        (verdict, begin.elapsed())
    });
    Checked { shape, verdict: analysis.verdict, unknown, wall, search }
}

/// A legal history: each client has one operation in flight at all times, and each takes effect in the
/// model when its turn comes, somewhere between its call and its end.
///
/// Puts carry a value of their own and are three of four operations; the rest are reads of one key.
pub fn generate(shape: Shape) -> History {
    let mut history = History::default();
    let mut state = State::default();
    let mut time = 0;
    for op in 1..=shape.operations + shape.clients {
        time += 1;
        // The operation that this client called last ends, and its next one begins.
        if let Some(earlier) = op.checked_sub(shape.clients).filter(|earlier| *earlier > 0) {
            let response = state.step(&request(shape, earlier)).expect("its requests are valid");
            history.push(end(shape, earlier, time, response));
        }
        if op <= shape.operations {
            let (client, request) = (op % shape.clients, request(shape, op));
            history.push(Event::Invoke { time, op, client, member: 1, request });
        }
    }
    history
}

fn request(shape: Shape, op: OpId) -> Request {
    let number = op.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let key = Blob::from(format!("k{}", number % shape.keys.max(1)).as_str());
    if op.is_multiple_of(4) {
        return Request::Range(RangeRequest { key, ..RangeRequest::default() });
    }
    let value = Blob::from(format!("v{op}").as_str());
    Request::Put(PutRequest { key, value, ..PutRequest::default() })
}

fn end(shape: Shape, op: OpId, time: u64, response: Response) -> Event {
    if shape.unknown_one_in > 0 && op.is_multiple_of(shape.unknown_one_in) {
        return Event::Info { time, op, error: InfoKind::Timeout.into() };
    }
    Event::Ok { time, op, response }
}
