//! What is done with files alone: no member is asked, and none may be running on them.

pub mod cli;
mod file;
mod print;
mod restore;
mod status;

use detcd_node::etcd_format::{RowHasher, SnapshotContent};
use detcd_node::version;

use self::cli::{Cli, Command, Snapshot};
use self::file::SnapshotPath;
use self::print::{Hash, Style};
use crate::failure::Failure;

/// Carries out a command; the text for stdout.
pub async fn run(cli: &Cli) -> Result<Vec<u8>, Failure> {
    let style = Style::new(&cli.write_out)?;
    match &cli.command {
        Command::Snapshot(Snapshot::Status { arguments }) => {
            let path = one(arguments, "snapshot status requires exactly one argument")?;
            style.status(&status::status(path)?)
        }
        Command::Snapshot(Snapshot::Restore(flags)) => {
            restore::restore(flags).await?;
            Ok(Vec::new())
        }
        Command::Hashkv { arguments, rev } => {
            let path = one(arguments, "hashkv requires exactly one argument")?;
            style.hash(&hash(path, *rev)?)
        }
        Command::Version => {
            let server = version::SERVER;
            let api: Vec<&str> = server.split('.').take(2).collect();
            Ok(format!("etcdutl version: {server}\nAPI version: {}\n", api.join(".")).into())
        }
    }
}

fn one<'a>(arguments: &'a [String], problem: &str) -> Result<&'a str, Failure> {
    match arguments {
        [one] => Ok(one),
        _ => Err(Failure::arguments(problem)),
    }
}

/// C54.
fn hash(path: &str, revision: i64) -> Result<Hash, Failure> {
    let file = SnapshotPath::open(path)?;
    let content = SnapshotContent::open(&file).map_err(file::damaged)?;
    let machine = content.state().and_then(|state| content.machine(state));
    let machine = machine.map_err(file::damaged)?;
    let source = machine.hash_source(revision).map_err(|rejection| {
        let text = match rejection {
            detcd_machine::Rejection::Compacted => "mvcc: required revision has been compacted",
            _ => "mvcc: required revision is a future revision",
        };
        Failure::error(text)
    })?;
    let span = match source {
        detcd_machine::HashSource::Known(known) => known.span,
        detcd_machine::HashSource::Rows(span) => span,
    };
    let mut hasher = RowHasher::new(span);
    let hashed = content.rows(|revision, row| {
        if revision.main <= span.revision {
            let seen = hasher.look(&machine, revision, &row);
            hasher.take(revision, &row, seen);
        }
        Ok(())
    });
    hashed.map_err(file::damaged)?;
    Ok(Hash {
        hash: hasher.finish(),
        revision: span.revision,
        compact_revision: span.compact_revision,
    })
}
