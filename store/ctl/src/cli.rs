//! The command line.

mod access;
mod cluster;
mod concurrency;
mod lease;
mod upkeep;

use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand};

use crate::duration;
use crate::failure::Failure;

pub use self::access::{Auth, Names, Passwd, Permission, Role, User, UserAdd, UserGet};
pub use self::cluster::{
    Endpoint, Endpoints, Hashkv, Member, MemberAdd, MemberId, MemberList, MemberUpdate,
};
pub use self::concurrency::{Elect, Lock};
pub use self::lease::{KeepAlive, Lease, LeaseArguments, Timetolive};
pub use self::upkeep::{Alarm, Defrag, MoveLeader, Save, Snapshot};

/// Flags that are on or off; they may be written with `=true` or `=false`.
const SWITCHES: [&str; 21] = [
    "cluster",
    "count-only",
    "detail",
    "from-key",
    "hex",
    "ignore-lease",
    "ignore-value",
    "keys",
    "keys-only",
    "learner",
    "listen",
    "mark-compacted",
    "no-password",
    "once",
    "physical",
    "prefix",
    "prev-kv",
    "print-value-only",
    "progress-notify",
    "range",
    "skip-hash-check",
];

/// A client of the etcd v3 API.
#[derive(Parser, Debug, Clone, PartialEq)]
#[command(name = "detcdctl", disable_help_subcommand = true, infer_subcommands = true)]
pub struct Cli {
    /// What concerns every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command, before or behind its name and arguments (C1).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Global {
    /// Where the members are, separated by commas; the first that answers is asked
    #[arg(long, global = true, value_delimiter = ',', default_value = "127.0.0.1:2379")]
    pub endpoints: Vec<String>,
    /// Format of the output: simple, json, fields (put, get, del), table (member, endpoint)
    #[arg(short, long, global = true, default_value = "simple")]
    pub write_out: String,
    /// Print keys and values as hexadecimal digits
    #[arg(long, global = true)]
    pub hex: bool,
    /// Longest time for one attempt to connect
    #[arg(long, global = true, value_parser = duration::parse, default_value = "2s")]
    pub dial_timeout: Duration,
    /// Longest time to reach a member, and then for each answer: 5s, but for snapshots
    #[arg(long, global = true, value_parser = duration::parse)]
    pub command_timeout: Option<Duration>,
    /// Who asks: name, or name:password
    #[arg(long, global = true, default_value = "")]
    pub user: String,
    /// The password, where --user has only the name
    #[arg(long, global = true, default_value = "")]
    pub password: String,
    /// Silence before a connection is probed
    #[arg(long, global = true, value_parser = duration::parse, default_value = "2s")]
    pub keepalive_time: Duration,
    /// Silence after that before it is given up
    #[arg(long, global = true, value_parser = duration::parse, default_value = "6s")]
    pub keepalive_timeout: Duration,
}

impl Global {
    /// Longest time to reach a member, and then for each answer.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.command_timeout.unwrap_or(Duration::from_secs(5))
    }
}

/// What to do. Arguments are counted by the commands themselves, in etcd's words.
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Command {
    /// Write a key: put <key> <value>; the value may come from stdin
    Put(Put),
    /// Read a key or a range: get <key> [range_end]
    Get(Get),
    /// Delete a key or a range: del <key> [range_end]
    Del(Del),
    /// Do a transaction that stdin describes
    Txn(Txn),
    /// Give up the history before a revision: compaction <revision>
    #[command(visible_alias = "compact")]
    Compaction(Compaction),
    /// Print what happens to a key or a range: watch <key> [range_end]
    Watch(Watch),
    /// Members of the cluster
    #[command(subcommand)]
    Member(Member),
    /// The endpoints, one by one
    #[command(subcommand)]
    Endpoint(Endpoint),
    /// Leases
    #[command(subcommand)]
    Lease(Lease),
    /// Snapshots
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// Alarms
    #[command(subcommand)]
    Alarm(Alarm),
    /// Have members give unused space back
    Defrag(Defrag),
    /// Have another member lead: move-leader <id>
    MoveLeader(MoveLeader),
    /// Whether users are asked for
    #[command(subcommand)]
    Auth(Auth),
    /// Users
    #[command(subcommand)]
    User(User),
    /// Roles
    #[command(subcommand)]
    Role(Role),
    /// Hold a lock while a command runs, or until interrupted: lock <name> [command arg...]
    Lock(Lock),
    /// Lead an election until interrupted, or tell who leads: elect <name> [proposal]
    Elect(Elect),
    /// Print the version
    Version,
}

/// `put` (C14).
#[derive(Args, Debug, Clone, PartialEq, Default)]
pub struct Put {
    /// Key and value
    #[arg(value_name = "KEY VALUE")]
    pub arguments: Vec<String>,
    /// Lease to attach, in hexadecimal
    #[arg(long, default_value = "0")]
    pub lease: String,
    /// Print what was there before
    #[arg(long)]
    pub prev_kv: bool,
    /// Keep the value
    #[arg(long)]
    pub ignore_value: bool,
    /// Keep the lease
    #[arg(long)]
    pub ignore_lease: bool,
}

/// `get` (C13).
#[derive(Args, Debug, Clone, PartialEq, Default)]
pub struct Get {
    /// Key, and end of the range
    #[arg(value_name = "KEY [RANGE_END]")]
    pub arguments: Vec<String>,
    /// l for linearizable, s for serializable
    #[arg(long, default_value = "l")]
    pub consistency: String,
    /// ASCEND or DESCEND
    #[arg(long, default_value = "")]
    pub order: String,
    /// CREATE, KEY, MODIFY, VALUE or VERSION
    #[arg(long, default_value = "")]
    pub sort_by: String,
    /// Most results; 0 for all
    #[arg(long, default_value_t = 0)]
    pub limit: i64,
    /// All keys with this prefix
    #[arg(long)]
    pub prefix: bool,
    /// All keys from this one on
    #[arg(long)]
    pub from_key: bool,
    /// Revision to read at; 0 for the current one
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub rev: i64,
    /// Only keys
    #[arg(long)]
    pub keys_only: bool,
    /// Only how many
    #[arg(long)]
    pub count_only: bool,
    /// Only values
    #[arg(long)]
    pub print_value_only: bool,
    /// Lowest create revision
    #[arg(long, default_value_t = 0)]
    pub min_create_rev: i64,
    /// Highest create revision
    #[arg(long, default_value_t = 0)]
    pub max_create_rev: i64,
    /// Lowest mod revision
    #[arg(long, default_value_t = 0)]
    pub min_mod_rev: i64,
    /// Highest mod revision
    #[arg(long, default_value_t = 0)]
    pub max_mod_rev: i64,
}

/// `del` (C15).
#[derive(Args, Debug, Clone, PartialEq, Default)]
pub struct Del {
    /// Key, and end of the range
    #[arg(value_name = "KEY [RANGE_END]")]
    pub arguments: Vec<String>,
    /// All keys with this prefix
    #[arg(long)]
    pub prefix: bool,
    /// Print what was deleted
    #[arg(long)]
    pub prev_kv: bool,
    /// All keys from this one on
    #[arg(long)]
    pub from_key: bool,
    /// A range is meant: no warning and no delay
    #[arg(long)]
    pub range: bool,
}

/// `txn` (C16).
#[derive(Args, Debug, Clone, PartialEq, Default)]
pub struct Txn {
    /// Ask for each part
    #[arg(short, long)]
    pub interactive: bool,
}

/// `compaction` (C17).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Compaction {
    /// The revision
    #[arg(value_name = "REVISION")]
    pub arguments: Vec<String>,
    /// Wait until the space is free
    #[arg(long)]
    pub physical: bool,
}

/// `watch` without its prompt (C18).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Watch {
    /// Key, and end of the range
    #[arg(value_name = "KEY [RANGE_END]")]
    pub arguments: Vec<String>,
    /// All keys with this prefix
    #[arg(long)]
    pub prefix: bool,
    /// Revision to begin at; 0 for now
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub rev: i64,
    /// Print what was there before
    #[arg(long)]
    pub prev_kv: bool,
    /// Print how far the watch is when nothing happens
    #[arg(long)]
    pub progress_notify: bool,
}

impl Cli {
    /// Reads the arguments behind the program's name.
    pub fn from_arguments(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let name = std::iter::once("detcdctl".to_owned());
        Self::try_parse_from(name.chain(plain_switches(arguments))).map_err(|error| told(&error))
    }
}

/// Without `=true`, and without flags that are `=false`.
pub(crate) fn plain_switches(arguments: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut options_end = false;
    let mut plain = Vec::new();
    for argument in arguments {
        options_end |= argument == "--";
        let switch = argument.strip_prefix("--").and_then(|flag| flag.split_once('='));
        match switch {
            Some((name, "true")) if !options_end && SWITCHES.contains(&name) => {
                plain.push(format!("--{name}"));
            }
            Some((name, "false")) if !options_end && SWITCHES.contains(&name) => {}
            _ => plain.push(argument),
        }
    }
    plain
}

fn told(error: &clap::Error) -> Failure {
    told_by("detcdctl", error)
}

/// A misuse of a program in etcd's words, where it has some; help is no failure.
pub(crate) fn told_by(program: &str, error: &clap::Error) -> Failure {
    let invalid = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Help goes where it was asked for; there is nobody to tell when that fails.
            let _ = error.print();
            Failure::said()
        }
        ErrorKind::InvalidSubcommand => {
            let command = invalid(ContextKind::InvalidSubcommand);
            Failure::error(format!("unknown command \"{command}\" for \"{program}\""))
        }
        ErrorKind::UnknownArgument => {
            let argument = invalid(ContextKind::InvalidArg);
            Failure::error(format!("unknown flag: {argument}"))
        }
        ErrorKind::ValueValidation => {
            let value = invalid(ContextKind::InvalidValue);
            let flag = invalid(ContextKind::InvalidArg);
            let flag = flag.split(' ').next().unwrap_or_default();
            let is_time = flag.ends_with("-timeout") || flag.ends_with("-time");
            let reason = match is_time {
                true => format!("time: invalid duration \"{value}\""),
                false => format!("strconv.ParseInt: parsing \"{value}\": invalid syntax"),
            };
            Failure::error(format!("invalid argument \"{value}\" for \"{flag}\" flag: {reason}"))
        }
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Failure::error(first.strip_prefix("error: ").unwrap_or(first))
        }
    }
}
