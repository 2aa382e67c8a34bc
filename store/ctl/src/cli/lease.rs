//! Arguments of the commands about leases.

use clap::{Args, Subcommand};

/// Commands about leases.
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Lease {
    /// Make one: grant <ttl>
    Grant(LeaseArguments),
    /// End one, and delete its keys: revoke <leaseID>
    Revoke(LeaseArguments),
    /// What is left of one: timetolive <leaseID>
    Timetolive(Timetolive),
    /// List them
    List,
    /// Keep one alive: keep-alive <leaseID>
    KeepAlive(KeepAlive),
}

/// `lease grant` (C19) and `lease revoke` (C20).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct LeaseArguments {
    /// Seconds, or the id in hexadecimal
    #[arg(value_name = "ARGUMENT", allow_negative_numbers = true)]
    pub arguments: Vec<String>,
}

/// `lease timetolive` (C21).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Timetolive {
    /// The id, in hexadecimal
    #[arg(value_name = "ID")]
    pub arguments: Vec<String>,
    /// With the keys that are attached
    #[arg(long)]
    pub keys: bool,
}

/// `lease keep-alive` (C23).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct KeepAlive {
    /// The id, in hexadecimal
    #[arg(value_name = "ID")]
    pub arguments: Vec<String>,
    /// Once, and not until it ends
    #[arg(long)]
    pub once: bool,
}
