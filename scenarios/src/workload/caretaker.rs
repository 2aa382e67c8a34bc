//! What operators ask of members, written down for the checkers.

use std::future::Future;
use std::time::Duration;

use detcd_api::etcdserverpb::alarm_request::AlarmAction;
use detcd_api::etcdserverpb::{
    AlarmMember, AlarmRequest, AlarmType, DefragmentRequest, HashKvRequest, SnapshotRequest,
};
use jepsen_like::history::{
    AlarmKind, Blob, MemberId, Micros, PutRequest, Request, UpkeepLine, UpkeepRecord,
};
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use tonic::Status;

use super::login::Caller;
use super::session::member_id;
use super::{Endpoints, Recorder, SavedSnapshot, Session};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a stream may take.
const STREAM_PATIENCE: Duration = Duration::from_secs(8);
/// Bytes of a value that is meant to take space.
const LARGE_BYTES: usize = 4 << 10;

/// An operator in front of one member.
#[derive(Debug)]
pub struct Caretaker {
    /// Its connection.
    pub session: Session,
    /// The member.
    pub member: usize,
}

impl Caretaker {
    /// Has it give unused space back; whether it did, as below.
    pub async fn defragment(&mut self) -> bool {
        let called = self.recorder().now();
        let done = self.ask(STREAM_PATIENCE, async |client: Caller| {
            client.maintenance().defragment(DefragmentRequest {}).await.map(drop)
        });
        let is_done = done.await.is_some();
        if is_done {
            self.tell(called, UpkeepRecord::Defragmented);
        }
        is_done
    }

    /// Has it hash the key space at a revision.
    pub async fn hash(&mut self, revision: i64) -> bool {
        let called = self.recorder().now();
        let answer = self.ask(PATIENCE, async |client: Caller| {
            let request = HashKvRequest { revision };
            Ok(client.maintenance().hash_kv(request).await?.into_inner())
        });
        let Some(answer) = answer.await else { return false };
        let (revision, compacted) = (answer.hash_revision, answer.compact_revision);
        self.tell(called, UpkeepRecord::Hash { revision, compacted, hash: answer.hash });
        true
    }

    /// Has it stream its state; the file is restored after the run.
    pub async fn save_snapshot(&mut self) -> bool {
        let called = self.recorder().now();
        let file = self.ask(STREAM_PATIENCE, async |client: Caller| {
            let stream = client.maintenance().snapshot(SnapshotRequest {}).await?;
            let mut stream = stream.into_inner();
            let mut file = Vec::new();
            while let Some(piece) = stream.message().await? {
                file.extend_from_slice(&piece.blob);
            }
            Ok(file)
        });
        let Some(file) = file.await else { return false };
        let (time, member) = (self.recorder().now(), member_id(self.member));
        self.recorder().saved(SavedSnapshot { called, time, member, file });
        true
    }

    /// Asks for the alarms that are active.
    pub async fn list_alarms(&mut self) -> bool {
        let called = self.recorder().now();
        let Some(alarms) = self.alarms().await else { return false };
        let mut active: Vec<AlarmKind> = alarms.iter().filter_map(kind).collect();
        active.sort_unstable();
        active.dedup();
        self.tell(called, UpkeepRecord::Alarms { active });
        true
    }

    /// Takes back every alarm that is active.
    pub async fn disarm(&mut self) -> bool {
        let Some(alarms) = self.alarms().await else { return false };
        for alarm in alarms {
            let Some(kind) = kind(&alarm) else { continue };
            let called = self.recorder().now();
            let done = self.change(AlarmAction::Deactivate, alarm).await;
            self.tell(called, UpkeepRecord::Disarmed { kind, done });
        }
        true
    }

    /// Raises the alarm that members do not agree.
    pub async fn raise_corrupt(&mut self) -> bool {
        let member_id = member_id(self.member);
        let alarm = AlarmMember { member_id, alarm: AlarmType::Corrupt.into() };
        self.change(AlarmAction::Activate, alarm).await
    }

    async fn alarms(&mut self) -> Option<Vec<AlarmMember>> {
        self.ask(PATIENCE, async |client: Caller| {
            let request = AlarmRequest { action: AlarmAction::Get.into(), ..Default::default() };
            Ok(client.maintenance().alarm(request).await?.into_inner().alarms)
        })
        .await
    }

    async fn change(&mut self, action: AlarmAction, alarm: AlarmMember) -> bool {
        let AlarmMember { member_id, alarm } = alarm;
        let request = AlarmRequest { action: action.into(), member_id, alarm };
        let done = self.ask(PATIENCE, async |client: Caller| {
            client.maintenance().alarm(request).await.map(drop)
        });
        done.await.is_some()
    }

    /// What the member answers in time.
    async fn ask<T: Send, F: Future<Output = Result<T, Status>> + Send>(
        &mut self,
        patience: Duration,
        question: impl FnOnce(Caller) -> F,
    ) -> Option<T> {
        let client = self.session.caller(self.member, PATIENCE).await?;
        let answer = SimRuntime::timeout(patience, question(client)).await;
        match answer {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(status)) => {
                self.session.looked_at(&status);
                None
            }
            Err(_elapsed) => {
                self.session.leave(self.member);
                None
            }
        }
    }

    fn recorder(&self) -> &Recorder {
        self.session.recorder()
    }

    fn tell(&self, called: Micros, record: UpkeepRecord) {
        let member: MemberId = member_id(self.member);
        let time = self.recorder().now();
        self.recorder().upkeep(UpkeepLine { time, called, member, record });
    }
}

fn kind(alarm: &AlarmMember) -> Option<AlarmKind> {
    match alarm.alarm() {
        AlarmType::None => None,
        AlarmType::Nospace => Some(AlarmKind::NoSpace),
        AlarmType::Corrupt => Some(AlarmKind::Corrupt),
    }
}

/// Writes large values, one after the other, until the cluster has no room for them.
pub async fn fill(session: &mut Session, members: &Endpoints, keys: usize, puts: u64) {
    let mut member = members.at(0);
    for count in 0..puts {
        let op = session.recorder().new_op();
        let mut value = op.to_string().into_bytes();
        value.resize(LARGE_BYTES, b'.');
        let number = usize::try_from(count).unwrap_or(0) % keys;
        let put = PutRequest {
            key: super::generate::key(number),
            value: Blob::from(value),
            ..PutRequest::default()
        };
        let refused = session.recorder().tally().no_space;
        if session.call_as(op, member, Request::Put(put), PATIENCE).await.is_none() {
            if session.recorder().tally().no_space > refused {
                return;
            }
            member = members.after(member);
            SimRuntime::sleep(Duration::from_millis(50)).await;
        }
    }
}
