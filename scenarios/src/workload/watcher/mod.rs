//! Clients that watch, and go on where they stopped when their stream breaks.
//!
//! A watcher has one stream with a few watches on it. Streams break by faults, and at random by the
//! client's own choice; each watch then resumes on another stream, mostly of another member.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{
    WatchCancelRequest, WatchProgressRequest, WatchRequest, WatchResponse,
};
use jepsen_like::history::{ClientId, WatchId};
use openraft_rt::AsyncRuntime;
use sim::{SimRuntime, Stream, Streams};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::login::{Login, authenticate, client};
use super::{Endpoints, Recorder, StopSign};
use crate::dice::Dice;
use sim::cluster::ClientHost;

use self::watch::Watch;

mod watch;

/// How long opening a stream may take.
const OPEN_PATIENCE: Duration = Duration::from_secs(2);
/// A watcher looks around this often.
const TICK: Duration = Duration::from_millis(100);
/// What a slow watcher has room for.
const SLOW_WINDOW_BYTES: u32 = 2 << 10;
/// Ticks without any answer, in spite of requests for progress, after which a stream is given up.
const SILENT_TICKS_MAX: u32 = 30;

/// How far watches have come; clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    next: Arc<Mutex<BTreeMap<WatchId, i64>>>,
}

impl Progress {
    /// The watches that have not been told everything up to `revision`, with what they wait for.
    pub fn behind(&self, revision: i64) -> Vec<(WatchId, i64)> {
        let behind = |(id, next): (&WatchId, &i64)| (*next <= revision).then_some((*id, *next));
        self.lock().iter().filter_map(behind).collect()
    }

    fn set(&self, watch: WatchId, next: i64) {
        self.lock().insert(watch, next);
    }

    fn forget(&self, watch: WatchId) {
        self.lock().remove(&watch);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WatchId, i64>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client that watches.
#[derive(Debug)]
pub struct Watcher {
    /// Its machine.
    pub host: ClientHost,
    /// Where everything is written down.
    pub recorder: Recorder,
    /// Its number, which keys its choices.
    pub number: usize,
    /// Whom it may ask.
    pub members: Endpoints,
    /// How many keys there are.
    pub keys: usize,
    /// Where it tells how far it is.
    pub progress: Progress,
    /// From then on it makes no choices of its own, and asks for progress all the time.
    pub hurry: StopSign,
    /// When it ends.
    pub stop: StopSign,
    /// As whom.
    pub login: Option<Login>,
    /// Whether it has many watches on a stream, little room for what it has not read, and stops reading for
    /// long.
    pub is_slow: bool,
}

/// One stream and what is on it.
struct Connection {
    member: usize,
    requests: mpsc::Sender<WatchRequest>,
    responses: Streaming<WatchResponse>,
}

impl Watcher {
    /// Watches until told to stop.
    pub async fn run(self, streams: Streams) {
        let client = self.recorder.new_client();
        let mut watches: Vec<Watch> = Vec::new();
        for count in 0_u64.. {
            let name = format!("watcher {} stream {count}", self.number);
            let mut dice = Dice::new(streams.source(Stream::Workload, &name));
            if self.stop.is_raised() {
                return;
            }
            self.plan_watches(&mut watches, client, &mut dice);
            let member = self.members.pick(&mut dice);
            let Some(connection) = self.open(member, &mut watches, &mut dice).await else {
                SimRuntime::sleep(dice.millis(50..=300)).await;
                continue;
            };
            let reason = self.follow(connection, &mut watches, &mut dice).await;
            for watch in &mut watches {
                watch.broken(&reason);
            }
            watches.retain(|watch| !watch.is_over());
            // A store that refuses at once must not make this loop hot.
            SimRuntime::sleep(dice.millis(1..=50)).await;
        }
    }

    /// Keeps one to three watches going; many, if it is slow.
    fn plan_watches(&self, watches: &mut Vec<Watch>, client: ClientId, dice: &mut Dice) {
        let wanted = if self.is_slow { 4 + dice.index(9) } else { 1 + dice.index(3) };
        while watches.len() < wanted {
            let watch = Watch::draw(&self.recorder, client, self.keys, &self.progress, dice);
            watches.push(watch);
        }
    }

    /// Opens a stream and asks for all watches on it.
    async fn open(
        &self,
        member: usize,
        watches: &mut [Watch],
        dice: &mut Dice,
    ) -> Option<Connection> {
        let channel = match self.is_slow {
            true => {
                let window = SLOW_WINDOW_BYTES;
                self.host.connect_with_window(member, OPEN_PATIENCE, window).await.ok()?
            }
            false => self.host.connect(member, OPEN_PATIENCE).await.ok()?,
        };
        let (requests, queue) = mpsc::channel(64);
        let own_ids = dice.percent(50);
        for (index, watch) in watches.iter_mut().enumerate() {
            let id = if own_ids { index as i64 + 1 } else { 0 };
            requests.try_send(watch.create(member, id)).ok()?;
        }
        let token = authenticate(channel.clone(), self.login.as_ref(), OPEN_PATIENCE).await?;
        let mut client = client(channel, token).watch();
        let opening = client.watch(ReceiverStream::new(queue));
        let response = SimRuntime::timeout(OPEN_PATIENCE, opening).await.ok()?.ok()?;
        Some(Connection { member, requests, responses: response.into_inner() })
    }

    /// Takes what comes until the stream ends; says why it ended.
    async fn follow(
        &self,
        mut connection: Connection,
        watches: &mut [Watch],
        dice: &mut Dice,
    ) -> String {
        let mut lifetime = dice.between(10..=120);
        let mut silent = 0;
        loop {
            if self.stop.is_raised() {
                return "the client is done".to_owned();
            }
            if self.is_slow && !self.hurry.is_raised() && dice.percent(4) {
                pause(&connection, dice).await;
            }
            match SimRuntime::timeout(TICK, connection.responses.message()).await {
                Ok(Ok(Some(response))) => {
                    silent = 0;
                    if !route(watches, connection.member, response) {
                        return "a watch was refused".to_owned();
                    }
                    if watches.iter().all(Watch::is_over) {
                        return "all watches are over".to_owned();
                    }
                }
                Ok(Ok(None)) => return "the stream ended".to_owned(),
                Ok(Err(status)) => return status.message().to_owned(),
                Err(_elapsed) => {
                    silent += 1;
                    lifetime = lifetime.saturating_sub(1);
                    if silent > SILENT_TICKS_MAX {
                        return "the stream is silent".to_owned();
                    }
                    if lifetime == 0 && !self.hurry.is_raised() {
                        return "the client moves on".to_owned();
                    }
                    if !self.speak(&connection, watches, dice) {
                        return "the stream takes no requests".to_owned();
                    }
                }
            }
        }
    }

    /// Asks for progress, or gives a watch up, by chance; false if the stream takes nothing.
    fn speak(&self, connection: &Connection, watches: &mut [Watch], dice: &mut Dice) -> bool {
        let send = |union| {
            let request = WatchRequest { request_union: Some(union) };
            connection.requests.try_send(request).is_ok()
        };
        if self.hurry.is_raised() || dice.percent(15) {
            return send(RequestUnion::ProgressRequest(WatchProgressRequest {}));
        }
        if dice.percent(2) {
            let place = dice.index(watches.len());
            if let Some(watch_id) = watches[place].cancel() {
                return send(RequestUnion::CancelRequest(WatchCancelRequest { watch_id }));
            }
        }
        true
    }
}

/// Reads nothing for long, and asks meanwhile how far the watches are.
async fn pause(connection: &Connection, dice: &mut Dice) {
    for _ in 0..dice.between(1..=4) {
        SimRuntime::sleep(dice.millis(50..=1_200)).await;
        let union = RequestUnion::ProgressRequest(WatchProgressRequest {});
        let request = WatchRequest { request_union: Some(union) };
        // A stream that takes nothing is noticed by who reads it.
        connection.requests.try_send(request).ok();
    }
    SimRuntime::sleep(dice.millis(50..=1_200)).await;
}

/// Gives an answer to its watch; false if the stream is of no use any more.
fn route(watches: &mut [Watch], member: usize, response: WatchResponse) -> bool {
    let id = response.watch_id;
    if response.created {
        // Watches are confirmed in the order in which they were asked for.
        let waiting = watches.iter_mut().find(|watch| watch.is_waiting(id));
        return match waiting {
            Some(watch) if id >= 0 => {
                watch.confirmed(member, response);
                true
            }
            _ => false,
        };
    }
    if id < 0 {
        let revision = response.header.as_ref().map_or(0, |header| header.revision);
        watches.iter_mut().for_each(|watch| watch.progressed(revision));
        return !response.canceled;
    }
    // What is left of a watch that was given up may still be under way.
    if let Some(watch) = watches.iter_mut().find(|watch| watch.has_id(id)) {
        watch.take(response);
    }
    true
}
