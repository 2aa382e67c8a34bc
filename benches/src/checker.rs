//! How long the strict serializability checker takes for a legal history.

use std::fmt;
use std::time::{Duration, Instant};

use jepsen_like::checker::{Options, Verdict, strict_serializability};
use jepsen_like::history::{
    Blob, Event, History, InfoKind, OpId, PutRequest, RangeRequest, Request, Response,
};
use jepsen_like::model::State;

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
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { operations, clients, keys, unknown_one_in } = self.shape;
        let verdict = if self.verdict == Verdict::Pass { "pass" } else { "NOT A PASS" };
        write!(
            out,
            "checker --operations {operations} --clients {clients} --keys {keys} \
             --unknown-one-in {unknown_one_in}: {:.1} ms, {:.2} us per operation \
             ({verdict}, {} unknown)",
            self.wall.as_secs_f64() * 1e3,
            self.wall.as_secs_f64() * 1e6 / operations.max(1) as f64,
            self.unknown
        )
    }
}

/// Makes a history and checks it.
pub fn run(shape: Shape) -> Checked {
    let history = generate(shape);
    let operations = history.operations();
    let begin = Instant::now();
    let analysis = strict_serializability::check(&history, &operations, &Options::default());
    let wall = begin.elapsed();
    let unknown = analysis.statistics.unknown;
    Checked { shape, verdict: analysis.verdict, unknown, wall }
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
