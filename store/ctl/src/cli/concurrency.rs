//! Arguments of the commands about locks and elections.

use clap::Args;

/// `lock` (C38).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Lock {
    /// Name of the lock, and a command to run under it
    #[arg(value_name = "NAME [COMMAND ARGUMENT...]")]
    pub arguments: Vec<String>,
    /// Seconds after which the lock is free when this program is gone
    #[arg(long, default_value_t = 10)]
    pub ttl: i64,
}

/// `elect` (C39).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Elect {
    /// Name of the election, and what to proclaim
    #[arg(value_name = "NAME [PROPOSAL]")]
    pub arguments: Vec<String>,
    /// Tell who leads, and do not campaign
    #[arg(short, long)]
    pub listen: bool,
}
