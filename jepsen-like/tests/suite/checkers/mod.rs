//! Every named violation is found in a bad history, and its good twin passes.

mod metamorphic;
mod search;
mod size;
mod support;

mod consensus;
mod election;
mod ends;
mod guarantees;
mod lease;
mod local_reads;
mod lock;
mod membership;
mod strict_serializability;
mod upkeep;
mod watch;
