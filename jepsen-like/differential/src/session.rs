//! One server, a connection to it, and what was learnt of it.

use std::io;
use std::path::Path;
use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::alarm_request::AlarmAction;
use detcd_api::etcdserverpb::{
    AlarmRequest, CompactionRequest, DeleteRangeRequest, LeaseRevokeRequest, PutRequest,
    RangeRequest,
};
use tonic::{Code, Status};

use crate::auth;
use crate::channel::{self, Channel};
use crate::fields::Fields;
use crate::known::Known;
use crate::request::Request;
use crate::send;
use crate::server::Server;

/// How long a server may take to serve.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer; what takes longer is itself an answer: that there is none.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);

/// etcd commits removals every 100 ms.
const REMOVED_AFTER: Duration = Duration::from_millis(250);

/// A server under test.
#[derive(Debug)]
pub struct Session {
    server: Server,
    client: Client<Channel>,
    known: Known,
}

impl Session {
    /// Starts a server and waits until it answers.
    pub async fn start(binary: &Path, folder: &Path, flags: &[String]) -> io::Result<Self> {
        let server = Server::start(binary, folder, flags)?;
        let client = serving(&server).await?;
        let mut session = Self { server, client, known: Known::default() };
        session.learn().await.map_err(io::Error::other)?;
        Ok(session)
    }

    /// Ends the server and starts it again.
    async fn restart(&mut self) -> io::Result<Fields> {
        self.server.restart()?;
        self.client = serving(&self.server).await?;
        Ok(Fields::new())
    }

    /// Sends a request and tells the answer's fields, or those of the refusal.
    pub async fn ask(&mut self, request: &Request) -> Fields {
        if *request == Request::Restart {
            let restarted = self.restart().await;
            return restarted
                .unwrap_or_else(|error| Fields::from([("restart".to_owned(), error.to_string())]));
        }
        if matches!(request.bare(), Request::HashKv(_)) {
            self.settle().await;
        }
        let mut request = request.clone();
        self.known.resolve(&mut request);
        let answer = send::send(&self.client, request, &mut self.known);
        match tokio::time::timeout(ANSWER_PATIENCE, answer).await {
            Ok(Ok(fields)) => fields,
            Ok(Err(status)) => send::refusal(&status),
            Err(_) => Fields::from([("no answer".to_owned(), format!("{ANSWER_PATIENCE:?}"))]),
        }
    }

    /// Waits until what the last compaction has removed is gone from where hashes look: where nothing
    /// lives any more, etcd hashes whatever rows it finds.
    async fn settle(&self) {
        if let Some(compacted) = self.known.compacted_when {
            tokio::time::sleep_until((compacted + REMOVED_AFTER).into()).await;
        }
    }

    /// Whether there may be users.
    pub fn has_users(&self) -> bool {
        self.known.has_users
    }

    /// How often users and roles were changed.
    pub async fn auth_revision(&self) -> Result<u64, Status> {
        auth::revision(&self.client).await
    }

    /// The revision.
    pub fn revision(&self) -> i64 {
        self.known.revision
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        self.server.log()
    }

    async fn learn(&mut self) -> Result<(), Status> {
        let answer = self.client.kv().range(probe()).await?.into_inner();
        self.known.revision = answer.header.map_or(0, |header| header.revision);
        Ok(())
    }

    /// Removes what a program left behind.
    pub async fn clear(&mut self) -> Result<(), Status> {
        if self.known.has_users {
            auth::tidy(&self.client, &mut self.known).await?;
        }
        self.disarm().await?;
        self.revoke().await?;
        let everything =
            DeleteRangeRequest { key: "\0".into(), range_end: "\0".into(), ..Default::default() };
        self.client.kv().delete_range(everything).await?;
        self.learn().await
    }

    async fn disarm(&mut self) -> Result<(), Status> {
        let list = AlarmRequest::default();
        let raised = self.client.maintenance().alarm(list).await?.into_inner().alarms;
        for alarm in raised {
            let request = AlarmRequest {
                action: AlarmAction::Deactivate.into(),
                member_id: alarm.member_id,
                alarm: alarm.alarm,
            };
            self.client.maintenance().alarm(request).await?;
        }
        Ok(())
    }

    async fn revoke(&mut self) -> Result<(), Status> {
        for id in std::mem::take(&mut self.known.leases) {
            match self.client.lease().lease_revoke(LeaseRevokeRequest { id }).await {
                Err(status) if status.code() != Code::NotFound => return Err(status),
                _ => {}
            }
        }
        Ok(())
    }

    /// Gives up all history.
    pub async fn compact(&mut self) -> Result<(), Status> {
        let revision = self.known.revision;
        let request = CompactionRequest { revision, physical: true };
        self.client.kv().compact(request).await?;
        self.known.compacted_at(revision);
        Ok(())
    }

    /// Writes until the store has this revision, and leaves nothing behind but that.
    pub async fn advance(&mut self, revision: i64) -> Result<(), Status> {
        while self.known.revision < revision {
            let put = PutRequest { key: "pad".into(), ..Default::default() };
            self.client.kv().put(put).await?;
            self.learn().await?;
        }
        Ok(())
    }
}

/// Waits until the server answers, if only that it knows nobody without a token.
async fn serving(server: &Server) -> io::Result<Client<Channel>> {
    let serves = |answer: Result<(), Status>| match answer {
        Ok(()) => true,
        Err(status) => status.code() == Code::InvalidArgument,
    };
    let serving = async {
        loop {
            if let Ok(client) = client(&server.address).await
                && serves(client.kv().range(probe()).await.map(|_| ()))
            {
                return client;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let served = tokio::time::timeout(START_PATIENCE, serving).await;
    served.map_err(|_| io::Error::other(format!("does not serve:\n{}", server.log())))
}

fn probe() -> RangeRequest {
    RangeRequest { key: "probe".into(), ..Default::default() }
}

async fn client(address: &str) -> io::Result<Client<Channel>> {
    let channel = channel::connect(address).await?;
    let origin = format!("http://{address}").parse().map_err(io::Error::other)?;
    Ok(Client::new(channel, origin))
}
