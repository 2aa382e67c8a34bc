//! The small buckets: everything but rows.

use detcd_api::{authpb, etcdserverpb as rpc, leasepb};
use detcd_machine::{Alarm, AlarmKind, Auth, Machine};
use prost::Message;
use serde::Serialize;

use crate::wire;

/// Keys and values of a bucket in order.
pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// A member as the file names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileMember {
    /// Its id.
    pub id: u64,
    /// Where its peers reach it.
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    /// Whether it has no vote.
    #[serde(rename = "isLearner", skip_serializing_if = "std::ops::Not::not")]
    pub is_learner: bool,
    /// Its name, once it has started.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where clients reach it.
    #[serde(rename = "clientURLs", skip_serializing_if = "Vec::is_empty")]
    pub client_urls: Vec<String>,
}

/// What is known about the state besides the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// The last applied entry.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// The members, by id.
    pub members: Vec<FileMember>,
}

/// The buckets in front of the rows, by name.
pub fn before_rows(machine: &Machine) -> Vec<(&'static str, Entries)> {
    let auth = machine.auth();
    vec![
        ("alarm", alarms(machine)),
        ("auth", auth_state(auth)),
        ("authRoles", roles(auth)),
        ("authUsers", users(auth)),
        // The version of the cluster is left to whoever starts from the file.
        ("cluster", Vec::new()),
    ]
}

/// The buckets behind the rows, by name.
pub fn behind_rows(machine: &Machine, state: &FileState) -> Vec<(&'static str, Entries)> {
    let members = state.members.iter().map(|member| {
        let value = serde_json::to_vec(member).expect("a member has only texts and numbers");
        (format!("{:x}", member.id).into_bytes(), value)
    });
    let mut members: Entries = members.collect();
    members.sort();
    vec![
        ("lease", leases(machine)),
        ("members", members),
        ("members_removed", Vec::new()),
        ("meta", meta(machine, state)),
    ]
}

#[derive(Serialize)]
struct ConfState {
    voters: Vec<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learners: Vec<u64>,
    auto_leave: bool,
}

fn meta(machine: &Machine, state: &FileState) -> Entries {
    let ids = |is_learner: bool| {
        let members = state.members.iter().filter(move |member| member.is_learner == is_learner);
        members.map(|member| member.id).collect()
    };
    let conf_state = ConfState { voters: ids(false), learners: ids(true), auto_leave: false };
    let conf_state = serde_json::to_vec(&conf_state).expect("it has only numbers");
    let mut entries: Entries = vec![
        (b"confState".to_vec(), conf_state),
        (b"consistent_index".to_vec(), state.index.to_be_bytes().to_vec()),
    ];
    // Done or not, whoever starts from the file goes over it again and finds nothing left.
    if machine.compact_revision() > 0 {
        let mut revision = Vec::new();
        let place = detcd_machine::Revision { main: machine.compact_revision(), sub: 0 };
        super::RowKey { revision: place, is_tombstone: false }.encode(&mut revision);
        if !machine.compaction_pending() {
            entries.push((b"finishedCompactRev".to_vec(), revision.clone()));
        }
        entries.push((b"scheduledCompactRev".to_vec(), revision));
    }
    entries.push((b"storageVersion".to_vec(), super::STORAGE_VERSION.as_bytes().to_vec()));
    entries.push((b"term".to_vec(), state.term.to_be_bytes().to_vec()));
    entries
}

fn leases(machine: &Machine) -> Entries {
    let leases = machine.leases().iter().map(|(id, lease)| {
        let message = leasepb::Lease { id, ttl: lease.ttl, remaining_ttl: lease.remaining_ttl };
        (id.to_be_bytes().to_vec(), message.encode_to_vec())
    });
    let mut leases: Entries = leases.collect();
    // Ids below zero come last in the order of bytes.
    leases.sort();
    leases
}

fn alarms(machine: &Machine) -> Entries {
    let mut alarms: Entries =
        machine.alarms().map(|alarm| (alarm_key(alarm), Vec::new())).collect();
    // Encoded numbers have another order than numbers.
    alarms.sort();
    alarms
}

fn alarm_key(alarm: Alarm) -> Vec<u8> {
    let kind = match alarm.kind {
        AlarmKind::NoSpace => rpc::AlarmType::Nospace,
        AlarmKind::Corrupt => rpc::AlarmType::Corrupt,
    };
    rpc::AlarmMember { member_id: alarm.member, alarm: kind.into() }.encode_to_vec()
}

fn auth_state(auth: &Auth) -> Entries {
    vec![
        (b"authEnabled".to_vec(), vec![u8::from(auth.is_enabled())]),
        (b"authRevision".to_vec(), auth.revision().to_be_bytes().to_vec()),
    ]
}

fn roles(auth: &Auth) -> Entries {
    let roles = auth.roles().iter().map(|(name, role)| {
        let permissions = role.permissions.iter().map(wire::permission).collect();
        let message =
            authpb::Role { name: name.clone().into_bytes().into(), key_permission: permissions };
        (name.clone().into_bytes(), message.encode_to_vec())
    });
    roles.collect()
}

fn users(auth: &Auth) -> Entries {
    let users = auth.users().iter().map(|(name, user)| {
        let message = authpb::User {
            name: name.clone().into_bytes().into(),
            password: user.password.clone(),
            roles: user.roles.clone(),
            options: Some(authpb::UserAddOptions { no_password: user.no_password }),
        };
        (name.clone().into_bytes(), message.encode_to_vec())
    });
    users.collect()
}
