//! `"Name" : value`, one per line (C8).

use detcd_api::etcdserverpb::{Member, ResponseHeader, StatusResponse};
use detcd_api::mvccpb::KeyValue;

use super::{Answer, Health};
use crate::duration;

/// The text, of the answers that have one in this format so far.
pub(super) fn print(answer: &Answer) -> Option<Vec<u8>> {
    let mut lines = Vec::new();
    match answer {
        Answer::Put(put) => {
            header(&mut lines, put.header.as_ref());
            put.prev_kv.iter().for_each(|kv| key_value(&mut lines, "Prev", kv));
        }
        Answer::Range(range) => {
            header(&mut lines, range.header.as_ref());
            range.kvs.iter().for_each(|kv| key_value(&mut lines, "", kv));
            lines.push(format!("\"More\" : {}", range.more));
            lines.push(format!("\"Count\" : {}", range.count));
        }
        Answer::Del(del) => {
            header(&mut lines, del.header.as_ref());
            lines.push(format!("\"Deleted\" : {}", del.deleted));
            del.prev_kvs.iter().for_each(|kv| key_value(&mut lines, "Prev", kv));
        }
        Answer::Members(list) => {
            header(&mut lines, list.header.as_ref());
            list.members.iter().for_each(|member| lines.extend(member_fields(member)));
        }
        Answer::Status(all) => {
            all.iter().for_each(|(endpoint, status)| self::status(&mut lines, endpoint, status));
        }
        Answer::Health(all) => all.iter().for_each(|health| lines.extend(self::health(health))),
        _ => return None,
    }
    Some((lines.join("\n") + "\n").into_bytes())
}

/// The lines of the head of an answer.
pub(crate) fn header_fields(answer: &Option<ResponseHeader>) -> Vec<String> {
    let mut lines = Vec::new();
    header(&mut lines, answer.as_ref());
    lines
}

/// The lines of a member.
pub(crate) fn member_fields(member: &Member) -> Vec<String> {
    let mut lines = vec![
        format!("\"ID\" : {}", member.id),
        format!("\"Name\" : {}", quoted(member.name.as_bytes())),
    ];
    let urls = |name: &'static str, urls: &[String]| {
        let line = |url: &String| format!("\"{name}\" : {}", quoted(url.as_bytes()));
        urls.iter().map(line).collect::<Vec<_>>()
    };
    lines.extend(urls("PeerURL", &member.peer_ur_ls));
    lines.extend(urls("ClientURL", &member.client_ur_ls));
    lines.extend([format!("\"IsLearner\" : {}", member.is_learner), String::new()]);
    lines
}

fn health(health: &Health) -> [String; 5] {
    let Health { endpoint, took, error } = health;
    [
        format!("\"Endpoint\" : {}", quoted(endpoint.as_bytes())),
        format!("\"Health\" : {}", error.is_none()),
        format!("\"Took\" : {}", duration::text(*took)),
        // Without quotes, as etcd's.
        format!("\"Error\" : {}", error.as_deref().unwrap_or_default()),
        String::new(),
    ]
}

fn status(lines: &mut Vec<String>, endpoint: &str, status: &StatusResponse) {
    header(lines, status.header.as_ref());
    let downgrade = status.downgrade_info.clone().unwrap_or_default();
    lines.extend([
        format!("\"Version\" : {}", quoted(status.version.as_bytes())),
        format!("\"StorageVersion\" : {}", quoted(status.storage_version.as_bytes())),
        format!("\"DBSize\" : {}", status.db_size),
        format!("\"DBSizeInUse\" : {}", status.db_size_in_use),
        format!("\"DBSizeQuota\" : {}", status.db_size_quota),
        format!("\"Leader\" : {}", status.leader),
        format!("\"IsLearner\" : {}", status.is_learner),
        format!("\"RaftIndex\" : {}", status.raft_index),
        format!("\"RaftTerm\" : {}", status.raft_term),
        format!("\"RaftAppliedIndex\" : {}", status.raft_applied_index),
        format!("\"Errors\" : [{}]", status.errors.join(" ")),
        format!("\"Endpoint\" : {}", quoted(endpoint.as_bytes())),
        format!("\"DowngradeTargetVersion\" : {}", quoted(downgrade.target_version.as_bytes())),
        format!("\"DowngradeEnabled\" : {}", downgrade.enabled),
        String::new(),
    ]);
}

fn header(lines: &mut Vec<String>, header: Option<&ResponseHeader>) {
    let Some(header) = header else { return };
    lines.push(format!("\"ClusterID\" : {}", header.cluster_id));
    lines.push(format!("\"MemberID\" : {}", header.member_id));
    if header.revision > 0 {
        lines.push(format!("\"Revision\" : {}", header.revision));
    }
    lines.push(format!("\"RaftTerm\" : {}", header.raft_term));
}

fn key_value(lines: &mut Vec<String>, prefix: &str, kv: &KeyValue) {
    lines.push(format!("\"{prefix}Key\" : {}", quoted(&kv.key)));
    lines.push(format!("\"{prefix}CreateRevision\" : {}", kv.create_revision));
    lines.push(format!("\"{prefix}ModRevision\" : {}", kv.mod_revision));
    lines.push(format!("\"{prefix}Version\" : {}", kv.version));
    lines.push(format!("\"{prefix}Value\" : {}", quoted(&kv.value)));
    lines.push(format!("\"{prefix}Lease\" : {}", kv.lease));
}

/// Text in double quotes; what cannot be printed is escaped.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => text.extend(['\\', letter]),
                '\n' => text += "\\n",
                '\t' => text += "\\t",
                '\r' => text += "\\r",
                control if control.is_ascii_control() => {
                    text += &format!("\\x{:02x}", control as u32)
                }
                other => text.push(other),
            }
        }
        chunk.invalid().iter().for_each(|byte| text += &format!("\\x{byte:02x}"));
    }
    text + "\""
}
