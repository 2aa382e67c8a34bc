//! Clients that are told who leads an election.

use std::time::Duration;

use detcd_api::v3electionpb::LeaderRequest;
use jepsen_like::history::{Blob, LeaderLine};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, Stream, Streams};

use super::convert::bytes;
use super::locker::election;
use super::session::member_id;
use super::{Endpoints, Session, StopSign};
use crate::dice::Dice;

const PATIENCE: Duration = Duration::from_secs(2);
/// Longest that one stream is listened to.
const STREAM_MILLIS: std::ops::RangeInclusive<u64> = 500..=8_000;

/// A client that observes an election.
#[derive(Debug)]
pub struct Observer {
    /// Its connections.
    pub session: Session,
    /// Its number, which keys its choices.
    pub number: usize,
    /// Whom it asks.
    pub members: Endpoints,
}

impl Observer {
    /// Observes one stream after the other until told to stop.
    pub async fn run(mut self, streams: Streams, stop: StopSign) {
        for count in 0_u64.. {
            if stop.is_raised() {
                return;
            }
            let name = format!("observer {} stream {count}", self.number);
            let mut dice = Dice::new(streams.source(Stream::Workload, &name));
            let (member, limit) = (self.members.pick(&mut dice), dice.millis(STREAM_MILLIS));
            let election = election(&mut dice);
            // One that ends early is followed by the next.
            let _ = SimRuntime::timeout(limit, self.observe(member, &election)).await;
            SimRuntime::sleep(dice.millis(20..=200)).await;
        }
    }

    async fn observe(&mut self, member: usize, election: &Blob) {
        let Some(caller) = self.session.caller(member, PATIENCE).await else { return };
        let recorder = self.session.recorder().clone();
        let stream = recorder.new_watch();
        let mut client = caller.election();
        let request = LeaderRequest { name: bytes(election) };
        let Ok(leaders) = client.observe(request).await else {
            self.session.leave(member);
            return;
        };
        let mut leaders = leaders.into_inner();
        while let Ok(Some(told)) = leaders.message().await {
            let Some(kv) = told.kv else { continue };
            recorder.leader(LeaderLine {
                time: recorder.now(),
                stream,
                member: member_id(member),
                election: election.clone(),
                key: Blob::from(kv.key.as_ref()),
                create_revision: kv.create_revision,
                mod_revision: kv.mod_revision,
                value: Blob::from(kv.value.as_ref()),
            });
        }
        self.session.leave(member);
    }
}
