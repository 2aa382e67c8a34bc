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
        let serving = async {
            loop {
                if let Ok(client) = client(&server.address).await
                    && client.kv().range(probe()).await.is_ok()
                {
                    return client;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(START_PATIENCE, serving).await {
            Ok(client) => {
                let mut session = Self { server, client, known: Known::default() };
                session.learn().await.map_err(io::Error::other)?;
                Ok(session)
            }
            Err(_) => Err(io::Error::other(format!(
                "{} does not serve:\n{}",
                binary.display(),
                server.log()
            ))),
        }
    }

    /// Sends a request and tells the answer's fields, or those of the refusal.
    pub async fn ask(&mut self, request: &Request) -> Fields {
        let mut request = request.clone();
        self.known.resolve(&mut request);
        let answer = send::send(&self.client, request, &mut self.known);
        match tokio::time::timeout(ANSWER_PATIENCE, answer).await {
            Ok(Ok(fields)) => fields,
            Ok(Err(status)) => send::refusal(&status),
            Err(_) => Fields::from([("no answer".to_owned(), format!("{ANSWER_PATIENCE:?}"))]),
        }
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
        self.known.compacted = revision;
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

fn probe() -> RangeRequest {
    RangeRequest { key: "probe".into(), ..Default::default() }
}

async fn client(address: &str) -> io::Result<Client<Channel>> {
    let channel = channel::connect(address).await?;
    let origin = format!("http://{address}").parse().map_err(io::Error::other)?;
    Ok(Client::new(channel, origin))
}
