//! One file per command: arguments to requests, and requests to answers.

pub mod access;
pub mod alarm;
pub mod compaction;
pub mod del;
pub mod elect;
pub mod endpoint;
pub mod get;
mod ids;
pub mod lease;
pub mod lock;
pub mod member;
pub mod put;
pub mod role;
pub mod snapshot;
mod tenure;
pub mod txn;
pub mod upkeep;
pub mod user;
pub mod watch;

use detcd_node::version;

use crate::cli::{Cli, Command, Endpoint, Snapshot};
use crate::failure::Failure;
use crate::print::{Answer, Style};
use crate::session::Session;

/// Carries out a command; `say` gets what goes to stdout.
pub async fn run(cli: &Cli, say: &mut impl FnMut(&[u8])) -> Result<(), Failure> {
    let global = &cli.global;
    // Unknown formats are refused before anything is done.
    let style = Style::new(global)?;
    let answer = match &cli.command {
        Command::Version => {
            say(versions().as_bytes());
            return Ok(());
        }
        Command::Watch(watch) => {
            let request = watch::request(watch)?;
            let session = Session::open(global).await?;
            return watch::run(request, &session, &style, say).await;
        }
        Command::Endpoint(Endpoint::Health(all)) => {
            return endpoint::health(all, global, &style, say).await;
        }
        Command::Endpoint(Endpoint::Status(all)) => {
            return endpoint::status(all, global, &style, say).await;
        }
        Command::Endpoint(Endpoint::Hashkv(hashkv)) => {
            return endpoint::hashkv(hashkv, global, &style, say).await;
        }
        Command::Lease(lease) => return lease::run(lease, global, &style, say).await,
        Command::Snapshot(Snapshot::Save(save)) => return snapshot::save(save, global, say).await,
        Command::Alarm(alarm) => return alarm::run(alarm, global, &style, say).await,
        Command::Defrag(defrag) => return upkeep::defrag(defrag, global, say).await,
        Command::MoveLeader(asked) => {
            return upkeep::move_leader(asked, global, &style, say).await;
        }
        Command::Auth(auth) => return access::auth(auth, global, &style, say).await,
        Command::User(user) => return user::run(user, global, &style, say).await,
        Command::Role(role) => return role::run(role, global, &style, say).await,
        Command::Lock(lock) => return lock::run(lock, global, &style, say).await,
        Command::Elect(elect) => return elect::run(elect, global, &style, say).await,
        Command::Member(member) => return member::run(member, global, &style, say).await,
        Command::Put(put) => {
            let request = put::request(put, put::value_from_stdin(put)?)?;
            let session = Session::open(global).await?;
            Answer::Put(session.answer(session.client.kv().put(request)).await?)
        }
        Command::Get(get) => {
            let request = get::request(get)?;
            get::check_format(get, &style)?;
            let session = Session::open(global).await?;
            let found = session.answer(session.client.kv().range(request)).await?;
            if get.print_value_only { Answer::Values(found) } else { Answer::Range(found) }
        }
        Command::Del(del) => {
            let request = del::request(del)?;
            del::warn_of_range(del).await;
            let session = Session::open(global).await?;
            Answer::Del(session.answer(session.client.kv().delete_range(request)).await?)
        }
        Command::Txn(txn) => {
            let request = txn::request_from_stdin(txn, say)?;
            let session = Session::open(global).await?;
            Answer::Txn(session.answer(session.client.kv().txn(request)).await?)
        }
        Command::Compaction(compaction) => {
            let request = compaction::request(compaction)?;
            let revision = request.revision;
            let session = Session::open(global).await?;
            session.answer(session.client.kv().compact(request)).await?;
            // The same in every format, as etcdctl.
            say(format!("compacted revision {revision}\n").as_bytes());
            return Ok(());
        }
    };
    say(&style.print(&answer)?);
    Ok(())
}

/// What `version` prints (C49).
fn versions() -> String {
    let server = version::SERVER;
    let api: Vec<&str> = server.split('.').take(2).collect();
    format!("etcdctl version: {server}\nAPI version: {}\n", api.join("."))
}
