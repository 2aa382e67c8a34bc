//! The command line tools.
//!
//! A command line becomes a [`Command`](cli::Command), a command becomes requests ([`command`]), and an
//! answer becomes text ([`print`]). The first and the last step are pure.
//!
//! Must never know: how a member works; it speaks the public API as every client does.

pub mod cli;
pub mod command;
pub mod duration;
pub mod failure;
pub mod key_range;
pub mod print;
pub mod session;
pub mod txn_script;
