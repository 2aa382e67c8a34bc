//! Arguments of the commands of operators.

use clap::{Args, Subcommand};

/// Commands about snapshots.
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Snapshot {
    /// Write the state of a member to a file: save <filename>
    Save(Save),
}

/// `snapshot save` (C35).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Save {
    /// The file
    #[arg(value_name = "FILENAME")]
    pub arguments: Vec<String>,
}

/// Commands about alarms (C32).
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Alarm {
    /// List those that are active
    List,
    /// Take all back
    Disarm,
}

/// `defrag` (C33).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Defrag {
    /// All members of the cluster, as the first endpoint knows them
    #[arg(long)]
    pub cluster: bool,
}

/// `move-leader` (C34).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct MoveLeader {
    /// The id of the next leader, in hexadecimal
    #[arg(value_name = "ID")]
    pub arguments: Vec<String>,
}
