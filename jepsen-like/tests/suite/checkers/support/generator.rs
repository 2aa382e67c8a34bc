//! Legal histories: concurrent clients against the reference model.
//!
//! Each operation takes effect at a random moment between its call and its end; some answers are
//! lost, and then the operation takes effect later or never. Watches tell the model's changes.
//! The randomness is proptest's: a list of numbers that shrinks.

use std::collections::BTreeMap;

use jepsen_like::history::{
    Applied, Blob, CompactRequest, Compare, CompareResult, CompareTarget, DeleteRangeRequest,
    Event, History, InfoKind, KvEvent, Micros, OpId, PutRequest, RangeRequest, RefusalKind,
    Request, RequestOp, Response, SortOrder, SortTarget, TxnRequest, WatchLine, WatchRecord,
};
use jepsen_like::model::State;

/// Draws from a seed; splitmix64.
#[derive(Debug, Clone)]
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    pub fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

/// What kind of history.
#[derive(Debug, Clone)]
pub struct Shape {
    pub seed: u64,
    pub operations: u64,
    pub clients: u64,
    pub keys: u64,
    /// One operation in so many has an unknown outcome; 0 for none.
    pub unknown_one_in: u64,
    pub watches: u64,
    pub taps: bool,
    pub compactions: bool,
}

impl Shape {
    pub fn small(seed: u64) -> Self {
        Self {
            seed,
            operations: 60,
            clients: 4,
            keys: 4,
            unknown_one_in: 8,
            watches: 2,
            taps: false,
            compactions: true,
        }
    }
}

struct Running {
    op: OpId,
    client: u64,
    request: Request,
    /// Answer, once it has taken effect.
    answer: Option<Result<Response, RefusalKind>>,
    silent: bool,
}

struct Generator {
    draw: Draw,
    shape: Shape,
    state: State,
    running: Vec<Running>,
    history: History,
    time: Micros,
    ops: OpId,
    /// Per watch how many changes it has told.
    told: BTreeMap<u64, usize>,
    index: u64,
}

/// A legal history, and the state that it leads through.
pub fn generate(shape: Shape) -> (History, State) {
    let mut generator = Generator {
        draw: Draw(shape.seed),
        state: State::default(),
        running: Vec::new(),
        history: History::default(),
        time: 0,
        ops: 0,
        told: BTreeMap::new(),
        index: 0,
        shape,
    };
    (0..generator.shape.watches).for_each(|watch| generator.create_watch(watch));
    while generator.ops < generator.shape.operations || !generator.running.is_empty() {
        generator.step();
    }
    generator.finish();
    (generator.history, generator.state)
}

impl Generator {
    fn step(&mut self) {
        self.time += self.draw.below(3);
        match self.draw.below(4) {
            0 if self.ops < self.shape.operations => self.call(),
            1 => self.take_effect(),
            2 => self.end(),
            _ => {
                let watch = self.draw.below(self.shape.watches.max(1));
                self.tell(watch);
            }
        }
    }

    fn call(&mut self) {
        let busy: Vec<u64> =
            self.running.iter().filter(|op| !op.silent).map(|op| op.client).collect();
        let Some(client) = (0..self.shape.clients).find(|client| !busy.contains(client)) else {
            return;
        };
        self.ops += 1;
        let (time, op) = (self.time, self.ops);
        let request = self.request(op);
        self.history.push(Event::Invoke { time, op, client, member: 1, request: request.clone() });
        self.running.push(Running { op, client, request, answer: None, silent: false });
    }

    fn take_effect(&mut self) {
        let waiting: Vec<usize> = (0..self.running.len())
            .filter(|&position| self.running[position].answer.is_none())
            .collect();
        let Some(&position) = waiting.get(self.draw.below(waiting.len() as u64) as usize) else {
            return;
        };
        // A write nobody hears of may also never take effect.
        if self.running[position].silent && self.draw.one_in(3) {
            self.running.remove(position);
            return;
        }
        let running = &mut self.running[position];
        running.answer = Some(self.state.step(&running.request));
        let op = Some(running.op);
        if running.silent {
            self.running.remove(position);
        }
        if self.shape.taps {
            self.index += 1;
            let (time, index, revision) = (self.time, self.index, self.state.revision());
            let tap = Applied { time, member: 1, index, term: 1, revision, digest: index, op };
            self.history.push(Event::Applied(tap));
        }
    }

    fn end(&mut self) {
        let hearing: Vec<usize> =
            (0..self.running.len()).filter(|&position| !self.running[position].silent).collect();
        let Some(&position) = hearing.get(self.draw.below(hearing.len() as u64) as usize) else {
            return;
        };
        let (time, op) = (self.time, self.running[position].op);
        let lost = self.shape.unknown_one_in > 0 && self.draw.one_in(self.shape.unknown_one_in);
        if lost {
            self.history.push(Event::Info { time, op, error: InfoKind::Timeout.into() });
            if self.running[position].answer.is_some() {
                self.running.remove(position);
            } else {
                self.running[position].silent = true;
            }
            return;
        }
        let Some(answer) = self.running[position].answer.clone() else { return };
        self.running.remove(position);
        self.history.push(match answer {
            Ok(response) => Event::Ok { time, op, response },
            Err(kind) => Event::Fail { time, op, error: kind.into() },
        });
    }

    fn create_watch(&mut self, watch: u64) {
        let zero = Blob::from(vec![0]);
        let record = WatchRecord::Created {
            key: zero.clone(),
            range_end: zero,
            start_revision: 1,
            prev_kv: watch % 2 == 1,
            progress_notify: true,
            filters: Vec::new(),
            fragment: false,
            revision: self.state.revision(),
        };
        self.told.insert(watch, 0);
        self.watched(watch, record);
    }

    fn watched(&mut self, watch: u64, record: WatchRecord) {
        let client = 1000 + watch;
        self.history.push(Event::Watch(WatchLine {
            time: self.time,
            watch,
            client,
            member: 1,
            record,
        }));
    }

    /// Tells a watch some whole revisions, progress, or breaks and resumes it.
    fn tell(&mut self, watch: u64) {
        let Some(&told) = self.told.get(&watch) else { return };
        let changes = self.state.changes();
        let revision = self.state.revision();
        let Some(first) = changes.get(told) else {
            if self.draw.one_in(4) {
                self.watched(watch, WatchRecord::Progress { revision });
            }
            return;
        };
        if self.draw.one_in(6) {
            let start_revision = first.kv.mod_revision;
            self.watched(watch, WatchRecord::Broken { reason: "reset".to_owned() });
            self.watched(watch, WatchRecord::Resumed { start_revision, revision });
            return;
        }
        let last = first.kv.mod_revision + self.draw.below(3) as i64;
        let until = self.state.position_of(last + 1);
        let events = (told..until).filter_map(|position| {
            let change = self.state.changes().get(position)?;
            let prev_kv = self.state.before(position).filter(|_| watch % 2 == 1).cloned();
            Some(KvEvent { kind: change.kind, kv: change.kv.clone(), prev_kv })
        });
        let events = events.collect();
        self.told.insert(watch, until);
        self.watched(watch, WatchRecord::Events { revision, fragment: false, events });
    }

    /// Heals, lets every watch arrive, and reads everything.
    fn finish(&mut self) {
        self.time += 1;
        self.history.push(Event::Healed { time: self.time });
        for watch in 0..self.shape.watches {
            while self.told[&watch] < self.state.changes().len() {
                self.time += 1;
                self.tell(watch);
            }
        }
        self.ops += 1;
        let (op, zero) = (self.ops, Blob::from(vec![0]));
        let request = Request::Range(RangeRequest {
            key: zero.clone(),
            range_end: zero,
            ..RangeRequest::default()
        });
        // Late enough that everything must have arrived.
        let time = self.time + 20_000_000;
        let response = self.state.step(&request).expect("the newest state can be read");
        self.history.push(Event::Invoke { time, op, client: 0, member: 1, request });
        self.history.push(Event::Ok { time: time + 1, op, response });
    }

    fn key(&mut self) -> Blob {
        Blob::from(format!("k{}", self.draw.below(self.shape.keys)).as_str())
    }

    fn put(&mut self, op: OpId, part: u64) -> PutRequest {
        let (key, value) = (self.key(), Blob::from(format!("v{op}.{part}").as_str()));
        PutRequest { key, value, prev_kv: self.draw.one_in(3), ..PutRequest::default() }
    }

    fn range(&mut self) -> RangeRequest {
        let mut range = RangeRequest { key: self.key(), ..RangeRequest::default() };
        if self.draw.one_in(2) {
            range.range_end = "l".into();
            range.limit = self.draw.below(3) as i64;
            range.count_only = self.draw.one_in(6);
            range.keys_only = self.draw.one_in(6);
            range.sort_target = if self.draw.one_in(2) { SortTarget::Mod } else { SortTarget::Key };
            range.sort_order =
                if self.draw.one_in(2) { SortOrder::Descend } else { SortOrder::None };
        }
        if self.draw.one_in(6) {
            range.revision = 1 + self.draw.below(self.state.revision() as u64 + 1) as i64;
        }
        range
    }

    fn request(&mut self, op: OpId) -> Request {
        match self.draw.below(10) {
            0..=3 => Request::Put(self.put(op, 0)),
            4..=6 => Request::Range(self.range()),
            7 => {
                let prev_kv = self.draw.one_in(2);
                let range_end = if self.draw.one_in(3) { "l".into() } else { "".into() };
                Request::DeleteRange(DeleteRangeRequest { key: self.key(), range_end, prev_kv })
            }
            8 if self.shape.compactions && self.draw.one_in(3) => {
                let revision = 1 + self.draw.below(self.state.revision() as u64) as i64;
                Request::Compact(CompactRequest { revision, physical: false })
            }
            _ => Request::Txn(self.txn(op)),
        }
    }

    fn txn(&mut self, op: OpId) -> TxnRequest {
        let compared = self.draw.below(self.state.revision() as u64 + 1) as i64;
        let compare = Compare {
            key: self.key(),
            range_end: "".into(),
            result: if self.draw.one_in(2) { CompareResult::Less } else { CompareResult::Greater },
            target: CompareTarget::Mod(compared),
        };
        let first = self.put(op, 1);
        let mut success = vec![RequestOp::Put(first.clone())];
        let second = self.put(op, 2);
        if second.key != first.key {
            success.push(RequestOp::Put(second));
        }
        let range = RangeRequest { key: first.key, ..RangeRequest::default() };
        success.push(RequestOp::Range(range.clone()));
        TxnRequest { compare: vec![compare], success, failure: vec![RequestOp::Range(range)] }
    }
}
