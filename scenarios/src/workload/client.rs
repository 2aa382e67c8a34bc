//! Clients that send one request after the other.

use std::time::Duration;

use jepsen_like::history::{Blob, PutRequest, Request, Response};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, Stream, Streams};

use super::generate::{Generator, key};
use super::{Endpoints, Session, StopSign};
use crate::dice::Dice;
use crate::plan::Workload;

/// How long clients wait for an answer. Short waits make unknown outcomes, long ones make long operations.
const PATIENCE_MS: [u64; 4] = [400, 1_000, 2_000, 5_000];

/// A client of the workload.
#[derive(Debug)]
pub struct Client {
    /// Its connections.
    pub session: Session,
    /// Its number, which keys its choices.
    pub number: usize,
    /// Whom it may ask.
    pub members: Endpoints,
    /// What it does.
    pub workload: Workload,
}

impl Client {
    /// Works until told to stop.
    pub async fn run(mut self, streams: Streams, stop: StopSign) {
        let mut member = self.members.at(self.number);
        for count in 0_u64.. {
            let name = format!("client {} request {count}", self.number);
            let mut dice = Dice::new(streams.source(Stream::Workload, &name));
            SimRuntime::sleep(dice.around(self.workload.pace)).await;
            if stop.is_raised() {
                return;
            }
            if dice.percent(15) {
                member = self.members.pick(&mut dice);
            }
            if !self.request(member, dice).await {
                member = self.members.after(member);
            }
        }
    }

    /// Sends one request; false if the member should be avoided.
    async fn request(&mut self, member: usize, mut dice: Dice) -> bool {
        let recorder = self.session.recorder().clone();
        let op = recorder.new_op();
        let patience = Duration::from_millis(*dice.pick(&PATIENCE_MS));
        let request = recorder.knowledge(|knowledge| {
            Generator::new(dice, op, self.workload.keys, knowledge).request(&self.workload.mix)
        });
        let compaction = match &request {
            Request::Compact(compact) => Some(compact.revision),
            _ => None,
        };
        let response = self.session.call_as(op, member, request, patience).await;
        if let (Some(Response::Compact(_)), Some(revision)) = (&response, compaction) {
            recorder.knowledge(|known| known.compacted = known.compacted.max(revision));
        }
        response.is_some()
    }
}

/// Writes one key after the other without pause, so often and values of so many bytes at least; gives up when nobody
/// answers.
pub async fn burst(
    session: &mut Session,
    members: &Endpoints,
    keys: usize,
    (puts, bytes): (u64, usize),
) {
    let mut member = members.at(0);
    let mut failures = 0;
    for count in 0..puts {
        let op = session.recorder().new_op();
        let number = usize::try_from(count).unwrap_or(0) % keys;
        let value = Blob::from(format!("{op:.<bytes$}").as_str());
        let put = PutRequest { key: key(number), value, ..PutRequest::default() };
        match session.call_as(op, member, Request::Put(put), Duration::from_secs(1)).await {
            Some(_) => failures = 0,
            None => {
                failures += 1;
                member = members.after(member);
                SimRuntime::sleep(Duration::from_millis(20)).await;
            }
        }
        if failures > 2 * members.count() {
            return;
        }
    }
}
