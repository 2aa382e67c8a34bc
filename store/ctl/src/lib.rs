//! The command line tools.
//!
//! A command line becomes a [`Command`](cli::Command), a command becomes requests ([`command`]), and an
//! answer becomes text ([`mod@print`]). The first and the last step are pure.
//!
//! Must never know: how a member works; it speaks the public API as every client does.

#![allow(
    rustdoc::invalid_html_tags,
    rustdoc::broken_intra_doc_links,
    reason = "the doc comments of arguments are the help text"
)]

pub mod cli;
pub mod command;
pub mod duration;
pub mod environment;
pub mod failure;
pub mod key_range;
pub mod offline;
pub mod print;
pub mod session;
pub mod txn_script;
