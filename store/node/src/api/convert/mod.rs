//! Between the wire's types and the machine's, both ways: requests, answers, and the bytes of a
//! command as the log and the peers see them.
//!
//! Pure. What a request must fulfil was checked before ([`validate`](super::validate)).

mod alarm;
mod auth;
mod cluster;
mod command;
mod lease;
mod outcome;
mod request;
mod response;

pub(crate) use self::alarm::{alarm_command, alarm_response, kind_name, kind_of};
pub(crate) use self::auth::{
    role_grant_permission, role_revoke_permission, user_grant_role, user_revoke_role,
};
pub(crate) use self::command::{DecodeError, decode_command, encode_command};
pub(crate) use self::outcome::{outcome_from_peer, outcome_to_peer};
pub(crate) use self::request::{compact, delete_range, put, range, txn};
pub(crate) use self::response::{
    compact_response, delete_range_response, put_response, range_response, txn_response,
};
