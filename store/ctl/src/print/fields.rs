//! `"Name" : value`, one per line (C8).

use detcd_api::etcdserverpb::ResponseHeader;
use detcd_api::mvccpb::KeyValue;

use super::{Answer, bytes};

/// The text, of the answers that have one in this format so far.
pub(super) fn print(answer: &Answer, hex: bool) -> Option<Vec<u8>> {
    let mut lines = Vec::new();
    match answer {
        Answer::Put(put) => {
            header(&mut lines, put.header.as_ref());
            put.prev_kv.iter().for_each(|kv| key_value(&mut lines, "Prev", kv, hex));
        }
        Answer::Range(range) => {
            header(&mut lines, range.header.as_ref());
            range.kvs.iter().for_each(|kv| key_value(&mut lines, "", kv, hex));
            lines.push(format!("\"More\" : {}", range.more));
            lines.push(format!("\"Count\" : {}", range.count));
        }
        Answer::Del(del) => {
            header(&mut lines, del.header.as_ref());
            lines.push(format!("\"Deleted\" : {}", del.deleted));
            del.prev_kvs.iter().for_each(|kv| key_value(&mut lines, "Prev", kv, hex));
        }
        _ => return None,
    }
    Some((lines.join("\n") + "\n").into_bytes())
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

fn key_value(lines: &mut Vec<String>, prefix: &str, kv: &KeyValue, hex: bool) {
    let text = |part: &[u8]| quoted(&bytes(part, hex));
    lines.push(format!("\"{prefix}Key\" : {}", text(&kv.key)));
    lines.push(format!("\"{prefix}CreateRevision\" : {}", kv.create_revision));
    lines.push(format!("\"{prefix}ModRevision\" : {}", kv.mod_revision));
    lines.push(format!("\"{prefix}Version\" : {}", kv.version));
    lines.push(format!("\"{prefix}Value\" : {}", text(&kv.value)));
    lines.push(format!("\"{prefix}Lease\" : {}", kv.lease));
}

/// Text in double quotes; what cannot be printed is escaped.
fn quoted(bytes: &[u8]) -> String {
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
