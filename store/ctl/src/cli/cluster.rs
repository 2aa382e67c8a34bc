//! Arguments of the commands about members and endpoints.

use clap::{Args, Subcommand};

/// Commands about members.
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Member {
    /// List them
    List(MemberList),
    /// Add one: add <name> --peer-urls=<urls>
    Add(MemberAdd),
    /// Remove one: remove <id>
    Remove(MemberId),
    /// Give one other peer URLs: update <id> --peer-urls=<urls>
    Update(MemberUpdate),
    /// Make a learner a voter: promote <id>
    Promote(MemberId),
}

/// `member list` (C28).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct MemberList {
    /// l for linearizable, s for serializable
    #[arg(long, default_value = "l")]
    pub consistency: String,
}

/// `member add` (C24).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct MemberAdd {
    /// The name
    #[arg(value_name = "NAME")]
    pub arguments: Vec<String>,
    /// Where it will listen to its peers, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub peer_urls: Vec<String>,
    /// Without a vote
    #[arg(long)]
    pub learner: bool,
}

/// `member remove` (C25) and `member promote` (C27).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct MemberId {
    /// The id, in hexadecimal
    #[arg(value_name = "ID")]
    pub arguments: Vec<String>,
}

/// `member update` (C26).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct MemberUpdate {
    /// The id, in hexadecimal
    #[arg(value_name = "ID")]
    pub arguments: Vec<String>,
    /// Where it listens to its peers, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub peer_urls: Vec<String>,
}

/// Commands about endpoints.
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Endpoint {
    /// Whether each serves
    Health(Endpoints),
    /// What each tells about itself
    Status(Endpoints),
    /// The hash of each one's key space
    Hashkv(Hashkv),
}

/// `endpoint health` (C29) and `endpoint status` (C30).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Endpoints {
    /// All members of the cluster, as the first endpoint knows them
    #[arg(long)]
    pub cluster: bool,
}

/// `endpoint hashkv` (C31).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Hashkv {
    /// All members of the cluster, as the first endpoint knows them
    #[arg(long)]
    pub cluster: bool,
    /// Revision to hash at; 0 for the current one
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub rev: i64,
}
