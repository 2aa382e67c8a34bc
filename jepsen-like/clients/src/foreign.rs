//! The `etcd-client` crate as a client under load.

use std::time::Duration;

use etcd_client::{ConnectOptions, GetOptions, KeyValue, WatchOptions, WatchStream};

use super::daemon::{Cluster, eventually};
use super::load::{self, Client, Row, Status};
use crate::daemon_binary;

/// The crate's channel hides a connection that failed and tries again; a request must end in time
/// for the load to go on elsewhere.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// A client of one member.
pub struct Foreign {
    client: etcd_client::Client,
}

/// A client of some members, with requests that end when nobody answers.
pub async fn connect(addresses: &[String]) -> Result<etcd_client::Client, etcd_client::Error> {
    let options = ConnectOptions::new()
        .with_connect_timeout(REQUEST_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
        .with_require_leader(true);
    etcd_client::Client::connect(addresses, Some(options)).await
}

fn row(kv: &KeyValue) -> Result<Row, String> {
    Ok(Row {
        key: kv.key_str().map_err(words)?.to_owned(),
        value: kv.value_str().map_err(words)?.to_owned(),
        revision: kv.mod_revision(),
    })
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Client for Foreign {
    type Watch = WatchStream;

    async fn connect(address: &str) -> Result<Self, String> {
        Ok(Self { client: connect(&[address.to_owned()]).await.map_err(words)? })
    }

    async fn put(&mut self, key: &str, value: &str) -> Result<i64, String> {
        let response = self.client.put(key, value, None).await.map_err(words)?;
        Ok(response.header().ok_or("no header")?.revision())
    }

    async fn get(&mut self, key: &str, revision: i64) -> Result<Option<Row>, String> {
        let options = GetOptions::new().with_revision(revision);
        let response = self.client.get(key, Some(options)).await.map_err(words)?;
        response.kvs().first().map(row).transpose()
    }

    async fn status(&mut self) -> Result<Status, String> {
        let response = self.client.status().await.map_err(words)?;
        let member = response.header().ok_or("no header")?.member_id();
        Ok(Status { member, leader: response.leader() })
    }

    async fn watch(&mut self, prefix: &str, from: i64) -> Result<WatchStream, String> {
        let options = WatchOptions::new().with_prefix().with_start_revision(from);
        self.client.watch(prefix, Some(options)).await.map_err(words)
    }

    async fn changes(watch: &mut WatchStream) -> Result<Vec<Row>, String> {
        let response = watch.message().await.map_err(words)?.ok_or("it ended")?;
        if response.canceled() {
            return Err(response.cancel_reason().to_owned());
        }
        response.events().iter().filter_map(|event| event.kv().map(row)).collect()
    }
}

/// A new cluster all of whose members serve, and a client that knows them: this one hands a request to any
/// of them, and gives up where nobody listens yet.
pub async fn cluster(size: usize) -> (Cluster, etcd_client::Client) {
    let cluster = Cluster::start(&daemon_binary(), size);
    load::leader::<Foreign>(&cluster).await;
    for address in cluster.addresses() {
        eventually("every member", async || answering(std::slice::from_ref(&address)).await).await;
    }
    let client = eventually("a client", async || answering(&cluster.addresses()).await).await;
    (cluster, client)
}

async fn answering(addresses: &[String]) -> Option<etcd_client::Client> {
    let mut client = connect(addresses).await.ok()?;
    client.get("any", None).await.ok().map(|_| client)
}
