//! Random programs: whatever happens, a watcher hears the history from its start on, and nothing else.

use std::collections::BTreeMap;

use bytes::Bytes;
use detcd_api::etcdserverpb::{WatchCreateRequest, WatchResponse};
use detcd_api::mvccpb;
use detcd_machine::{Event, EventKind};
use detcd_node::watch::Limits;
use proptest::prelude::*;

use super::world::{Client, World, revision, settle};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const CLIENTS: usize = 2;

#[derive(Debug, Clone)]
enum Step {
    /// Keys by number, with whether they are put.
    Apply(Vec<(usize, bool)>),
    /// That many revisions arrive as a snapshot.
    Snapshot(Vec<(usize, bool)>),
    /// Compacts at this part of the history, in percent.
    Compact(i64),
    /// Starts this far from the current revision, or now.
    Create {
        client: usize,
        first: usize,
        last: usize,
        start: Option<i64>,
        filters: Vec<i32>,
    },
    Cancel {
        client: usize,
        watch_id: i64,
    },
    Progress {
        client: usize,
    },
    /// Reads so many responses, if they come.
    Read {
        client: usize,
        count: usize,
    },
    HoldReads,
    ReleaseReads,
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let changes = prop::collection::vec((0..KEYS.len(), prop::bool::weighted(0.7)), 1..4);
    prop_oneof![
        8 => changes.clone().prop_map(Step::Apply),
        1 => changes.prop_map(Step::Snapshot),
        1 => (0..100_i64).prop_map(Step::Compact),
        4 => create(),
        1 => (client.clone(), 0..4_i64).prop_map(|(client, watch_id)| Step::Cancel { client, watch_id }),
        2 => client.clone().prop_map(|client| Step::Progress { client }),
        3 => (client, 1..6_usize).prop_map(|(client, count)| Step::Read { client, count }),
        1 => Just(Step::HoldReads),
        2 => Just(Step::ReleaseReads),
        3 => Just(Step::Settle),
    ]
}

fn create() -> impl Strategy<Value = Step> {
    let start = prop::option::of(-12..4_i64);
    let filters = prop_oneof![4 => Just(vec![]), 1 => Just(vec![0]), 1 => Just(vec![1])];
    (0..CLIENTS, 0..KEYS.len(), 0..KEYS.len(), start, filters).prop_map(
        |(client, first, last, start, filters)| Step::Create {
            client,
            first,
            last,
            start,
            filters,
        },
    )
}

/// What a watcher was promised and has heard.
struct Heard {
    request: WatchCreateRequest,
    /// The first revision that is its to hear.
    from: i64,
    events: Vec<mvccpb::Event>,
    /// Nothing may come any more; for a compaction, with its revision.
    ended: Option<i64>,
    /// Whether its id was freed after that.
    freed: bool,
}

/// A client and what it knows.
struct Listener {
    client: Client,
    /// Creations that were not answered yet.
    asked: Vec<WatchCreateRequest>,
    watchers: BTreeMap<i64, Heard>,
    /// Watchers of ids that were used again.
    past: Vec<Heard>,
    /// Everything up to here was promised.
    progress: i64,
}

struct Run {
    world: World,
    listeners: Vec<Listener>,
    held: bool,
}

impl Run {
    fn new() -> Self {
        let world = World::with(Limits {
            queue_bytes_max: 500,
            batch_revisions_max: 3,
            batch_bytes_max: 40,
            batch_watchers_max: 2,
        });
        let listener = |_| Listener {
            client: world.connect(),
            asked: Vec::new(),
            watchers: BTreeMap::new(),
            past: Vec::new(),
            progress: 0,
        };
        let listeners = (0..CLIENTS).map(listener).collect();
        Self { world, listeners, held: false }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Apply(changes) => {
                if let Some((revision, events)) = self.change(&changes) {
                    self.world.hub.publish(revision, &events);
                }
            }
            Step::Snapshot(changes) => {
                let arrived = changes.iter().filter_map(|change| self.change(&[*change]));
                if let Some(revision) = arrived.map(|(revision, _)| revision).max() {
                    self.world.hub.reset(revision);
                }
            }
            Step::Compact(percent) => self.compact(percent),
            Step::Create { client, first, last, start, filters } => {
                self.create(client, (first, last), start, filters);
            }
            Step::Cancel { client, watch_id } => self.listeners[client].client.cancel(watch_id),
            Step::Progress { client } => self.listeners[client].client.request_progress(),
            Step::Read { client, count } => {
                for _ in 0..count {
                    settle().await;
                    self.listeners[client].read(&self.world);
                }
            }
            Step::HoldReads if !self.held => {
                self.held = true;
                self.world.history.hold_reads();
            }
            Step::ReleaseReads if self.held => {
                self.held = false;
                self.world.history.release_reads();
            }
            Step::HoldReads | Step::ReleaseReads => {}
            Step::Settle => settle().await,
        }
    }

    /// Applies a request without telling the hub. Each key counts once, as in etcd.
    fn change(&self, changes: &[(usize, bool)]) -> Option<(i64, Vec<Event>)> {
        let unique: BTreeMap<_, _> = changes.iter().copied().collect();
        let live = self.world.history.live();
        let effective = unique.into_iter().filter(|(key, put)| *put || live.contains(KEYS[*key]));
        let changes: Vec<_> =
            effective.map(|(key, put)| (KEYS[key], put.then_some("value"))).collect();
        (!changes.is_empty()).then(|| self.world.history.apply(&changes))
    }

    fn compact(&self, percent: i64) {
        use detcd_node::watch::History;
        let history = &self.world.history;
        let revision = history.revision() * percent / 100;
        if revision > history.compact_revision() {
            history.compact(revision);
        }
    }

    fn create(
        &mut self,
        client: usize,
        (first, last): (usize, usize),
        start: Option<i64>,
        filters: Vec<i32>,
    ) {
        let current = self.world.hub.revision();
        let (first, last) = (first.min(last), first.max(last));
        let range_end = match last {
            _ if first == last => Bytes::new(),
            3 => Bytes::from_static(b"\0"),
            _ => Bytes::from_static(KEYS[last].as_bytes()),
        };
        let request = WatchCreateRequest {
            key: Bytes::from_static(KEYS[first].as_bytes()),
            range_end,
            start_revision: start.map_or(0, |distance| (current + distance).max(1)),
            filters,
            prev_kv: first == 0,
            ..Default::default()
        };
        let listener = &mut self.listeners[client];
        listener.asked.push(request.clone());
        listener.client.create(request);
    }

    async fn finish(mut self) {
        if self.held {
            self.world.history.release_reads();
        }
        for listener in &mut self.listeners {
            while {
                settle().await;
                listener.read(&self.world)
            } {}
            assert!(listener.asked.is_empty(), "every creation is answered");
            let watchers = std::mem::take(&mut listener.watchers);
            for heard in watchers.into_values().chain(listener.past.drain(..)) {
                heard.assert_complete(&self.world);
            }
        }
        assert_eq!(self.world.hub.counts().unsynced, 0, "everybody caught up");
    }
}

impl Listener {
    /// Reads a response, if there is one, and checks it against all before.
    fn read(&mut self, world: &World) -> bool {
        let Some(response) = self.client.read_one() else { return false };
        if response.created {
            self.created(&response);
        } else if response.canceled {
            let heard = self.watchers.get_mut(&response.watch_id).expect("it was created");
            match (heard.ended, response.compact_revision) {
                (None, compact_revision) => heard.ended = Some(compact_revision),
                // The client has freed the id of one that a compaction had ended.
                (Some(1..), 0) if !heard.freed => heard.freed = true,
                other => panic!("a watcher ends once: {other:?}"),
            }
        } else if response.watch_id == -1 {
            self.promised(&response, world);
        } else {
            self.told(&response);
        }
        true
    }

    fn created(&mut self, response: &WatchResponse) {
        assert!(!response.canceled, "{response:?}");
        assert!(response.events.is_empty());
        let request = self.asked.remove(0);
        let from = match request.start_revision {
            0 => revision(response) + 1,
            start => start,
        };
        let heard = Heard { request, from, events: Vec::new(), ended: None, freed: false };
        if let Some(before) = self.watchers.insert(response.watch_id, heard) {
            assert!(before.ended.is_some(), "id {} is in use", response.watch_id);
            self.past.push(before);
        }
    }

    fn promised(&mut self, response: &WatchResponse, world: &World) {
        let promised = revision(response);
        assert!(response.events.is_empty());
        assert!(promised >= self.progress, "progress went back to {promised}");
        self.progress = promised;
        for heard in self.watchers.values().filter(|heard| heard.ended.is_none()) {
            let due = heard.expected(world, promised);
            assert_eq!(heard.brief(), due, "promised {promised} to {:?}", heard.request);
        }
    }

    fn told(&mut self, response: &WatchResponse) {
        let heard = self.watchers.get_mut(&response.watch_id).expect("it was created");
        assert_eq!(heard.ended, None, "events behind the end");
        assert!(!response.events.is_empty());
        let last_heard = heard.events.last().map_or(0, mod_revision);
        let revisions: Vec<_> = response.events.iter().map(mod_revision).collect();
        assert!(revisions[0] > last_heard, "revision {} was told before", revisions[0]);
        assert!(*revisions.last().unwrap() <= revision(response));
        heard.events.extend(response.events.iter().cloned());
    }
}

impl Heard {
    /// Everything that is its to hear up to a revision.
    fn expected(&self, world: &World, to: i64) -> Vec<(i64, Bytes, bool)> {
        let wants = |event: &&Event| {
            let (key, end) = (&self.request.key, &self.request.range_end);
            let in_range = match end.as_ref() {
                [] => event.kv.key == key,
                [0] => event.kv.key >= key,
                end => event.kv.key >= key && event.kv.key.as_ref() < end,
            };
            in_range && !self.request.filters.contains(&i32::from(event.kind == EventKind::Delete))
        };
        let all = world.history.all(self.from, to);
        let events = all.iter().flat_map(|(_, events)| events.iter().filter(wants));
        let brief = |event: &Event| {
            (event.kv.mod_revision, event.kv.key.clone(), event.kind == EventKind::Put)
        };
        events.map(brief).collect()
    }

    fn brief(&self) -> Vec<(i64, Bytes, bool)> {
        let brief = |event: &mvccpb::Event| {
            let kv = event.kv.as_ref().unwrap();
            (kv.mod_revision, kv.key.clone(), event.r#type() == mvccpb::event::EventType::Put)
        };
        self.events.iter().map(brief).collect()
    }

    fn assert_complete(&self, world: &World) {
        use detcd_node::watch::History;
        let heard = self.brief();
        let to = match self.ended {
            None => world.history.revision(),
            // What it heard of a revision must still be all of it.
            Some(_) => heard.last().map_or(0, |last| last.0),
        };
        assert_eq!(heard, self.expected(world, to), "{:?} from {}", self.request, self.from);
        if let Some(compact_revision @ 1..) = self.ended {
            assert!(compact_revision <= world.history.compact_revision());
            assert!(self.from < compact_revision, "{} needs nothing compacted", self.from);
        }
        for event in &self.events {
            self.assert_previous(event, world);
        }
    }

    fn assert_previous(&self, event: &mvccpb::Event, world: &World) {
        use detcd_node::watch::History;
        let kv = event.kv.as_ref().unwrap();
        let earlier = world.history.all(1, kv.mod_revision - 1);
        let before =
            earlier.iter().flat_map(|(_, events)| events).rfind(|one| one.kv.key == kv.key);
        let before = before.filter(|before| before.kind == EventKind::Put && self.request.prev_kv);
        match &event.prev_kv {
            Some(previous) => {
                let before = before.expect("there was a value, and it is wanted");
                assert_eq!(previous.mod_revision, before.kv.mod_revision);
            }
            None => assert!(
                before.is_none() || kv.mod_revision <= world.history.compact_revision(),
                "the previous value of {event:?} is missing"
            ),
        }
    }
}

fn mod_revision(event: &mvccpb::Event) -> i64 {
    event.kv.as_ref().unwrap().mod_revision
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_watcher_hears_its_part_of_the_history_once_and_in_order(
        steps in prop::collection::vec(step(), 1..120)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async move {
            let mut run = Run::new();
            for step in steps {
                run.step(step).await;
            }
            run.finish().await;
        });
    }
}
