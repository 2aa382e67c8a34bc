//! The command line.

use clap::{Args, Parser, Subcommand};

use crate::cli::told_by;
use crate::failure::Failure;

/// Works on the files of etcd and detcd.
#[derive(Parser, Debug, Clone, PartialEq)]
#[command(name = "detcdutl", disable_help_subcommand = true)]
pub struct Cli {
    /// Format of the output: simple, fields, json, table
    #[arg(short, long, global = true, default_value = "simple")]
    pub write_out: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Command {
    /// Snapshot files
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Print the hash of the key space of a file: hashkv <filename>
    Hashkv {
        /// The file
        #[arg(value_name = "FILENAME")]
        arguments: Vec<String>,
        /// Revision to hash at; 0 for the newest
        #[arg(long, default_value_t = 0)]
        rev: i64,
    },
    /// Print the version
    Version,
}

/// Commands about snapshot files.
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Snapshot {
    /// Tell what is in a file: snapshot status <filename>
    Status {
        /// The file
        #[arg(value_name = "FILENAME")]
        arguments: Vec<String>,
    },
    /// Make a data directory of a file: snapshot restore <filename>
    Restore(Restore),
}

/// `snapshot restore` (C52).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Restore {
    /// The file
    #[arg(value_name = "FILENAME")]
    pub arguments: Vec<String>,
    /// Where to; <name>.etcd when not given
    #[arg(long, default_value = "")]
    pub data_dir: String,
    /// Name of the member
    #[arg(long, default_value = "default")]
    pub name: String,
    /// The members of the new cluster: name=url,name=url
    #[arg(long, default_value = "default=http://localhost:2380")]
    pub initial_cluster: String,
    /// Token of the new cluster
    #[arg(long, default_value = "etcd-cluster")]
    pub initial_cluster_token: String,
    /// URLs that peers are told to use
    #[arg(long, value_delimiter = ',', default_value = "http://localhost:2380")]
    pub initial_advertise_peer_urls: Vec<String>,
    /// Do not ask for the hash behind the file; one copied from a data directory has none
    #[arg(long)]
    pub skip_hash_check: bool,
    /// Revisions to leave out, so that clients of the old cluster see none twice
    #[arg(long, default_value_t = 0)]
    pub bump_revision: u64,
    /// Give up the history up to there, so that watches of the old cluster end
    #[arg(long)]
    pub mark_compacted: bool,
    /// The log lies in the data directory: only accepted there
    #[arg(long, default_value = "")]
    pub wal_dir: String,
    /// Accepted for compatibility; nothing is mapped
    #[arg(long, default_value_t = 0)]
    pub initial_memory_map_size: u64,
}

impl Cli {
    /// Reads the arguments behind the program's name.
    pub fn from_arguments(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let name = std::iter::once("detcdutl".to_owned());
        let plain = crate::cli::plain_switches(arguments);
        Self::try_parse_from(name.chain(plain)).map_err(|error| told_by("etcdutl", &error))
    }
}
