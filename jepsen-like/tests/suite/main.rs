//! The integration tests of this package, as one program.

mod checkers;
mod history_file;
mod jepsen_etcd;
