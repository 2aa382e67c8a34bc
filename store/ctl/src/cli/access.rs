//! Arguments of the commands about users, roles and permissions.

use clap::{Args, Subcommand};

/// Whether users are asked for (C40).
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Auth {
    /// Ask who every client is
    Enable,
    /// Let everybody do everything
    Disable,
    /// Which of both
    Status,
}

/// Commands about users (C41, C42).
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum User {
    /// Add one: add <name or name:password>
    Add(UserAdd),
    /// Delete one: delete <name>
    Delete(Names),
    /// What roles one has: get <name>
    Get(UserGet),
    /// List them
    List,
    /// Give one another password, from stdin: passwd <name>
    Passwd(Passwd),
    /// Give one a role: grant-role <name> <role>
    GrantRole(Names),
    /// Take a role away: revoke-role <name> <role>
    RevokeRole(Names),
}

/// Names, as many as the command needs.
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Names {
    /// Names
    #[arg(value_name = "NAME")]
    pub arguments: Vec<String>,
}

/// `user add` (C41).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct UserAdd {
    /// Name, or name:password
    #[arg(value_name = "NAME")]
    pub arguments: Vec<String>,
    /// Ask for the password twice
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub interactive: bool,
    /// The password
    #[arg(long, default_value = "")]
    pub new_user_password: String,
    /// No password: only a certificate tells who it is
    #[arg(long)]
    pub no_password: bool,
}

/// `user get` (C42).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct UserGet {
    /// Name
    #[arg(value_name = "NAME")]
    pub arguments: Vec<String>,
    /// With what the roles permit
    #[arg(long)]
    pub detail: bool,
}

/// `user passwd` (C42).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Passwd {
    /// Name
    #[arg(value_name = "NAME")]
    pub arguments: Vec<String>,
    /// Ask for the password twice
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub interactive: bool,
}

/// Commands about roles (C43, C44, C45).
#[derive(Subcommand, Debug, Clone, PartialEq)]
pub enum Role {
    /// Add one: add <name>
    Add(Names),
    /// Delete one: delete <name>
    Delete(Names),
    /// What one permits: get <name>
    Get(Names),
    /// List them
    List,
    /// Permit something: grant-permission <name> <read, write or readwrite> <key> [endkey]
    GrantPermission(Permission),
    /// Forbid it again: revoke-permission <name> <key> [endkey]
    RevokePermission(Permission),
}

/// `role grant-permission` (C44) and `role revoke-permission` (C45).
#[derive(Args, Debug, Clone, PartialEq)]
pub struct Permission {
    /// Role, kind, key and end
    #[arg(value_name = "ARGUMENT")]
    pub arguments: Vec<String>,
    /// All keys with this prefix
    #[arg(long)]
    pub prefix: bool,
    /// All keys from this one on
    #[arg(long)]
    pub from_key: bool,
}
