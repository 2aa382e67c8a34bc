//! Tables (C9), and the cells that other formats share with them.

use detcd_api::etcdserverpb::{Member, StatusResponse};

use super::Answer;
use crate::duration;

const MEMBER: [&str; 6] = ["ID", "STATUS", "NAME", "PEER ADDRS", "CLIENT ADDRS", "IS LEARNER"];
const HEALTH: [&str; 4] = ["ENDPOINT", "HEALTH", "TOOK", "ERROR"];
const STATUS: [&str; 16] = [
    "ENDPOINT",
    "ID",
    "VERSION",
    "STORAGE VERSION",
    "DB SIZE",
    "IN USE",
    "PERCENTAGE NOT IN USE",
    "QUOTA",
    "IS LEADER",
    "IS LEARNER",
    "RAFT TERM",
    "RAFT INDEX",
    "RAFT APPLIED INDEX",
    "ERRORS",
    "DOWNGRADE TARGET VERSION",
    "DOWNGRADE ENABLED",
];

/// The table, of the answers that have one.
pub(super) fn print(answer: &Answer) -> Option<Vec<u8>> {
    let table = match answer {
        Answer::Members(list) => {
            render(&MEMBER, &list.members.iter().map(member_cells).collect::<Vec<_>>())
        }
        Answer::Health(all) => {
            let cells = all.iter().map(|health| {
                vec![
                    health.endpoint.clone(),
                    health.error.is_none().to_string(),
                    duration::text(health.took),
                    health.error.clone().unwrap_or_default(),
                ]
            });
            render(&HEALTH, &cells.collect::<Vec<_>>())
        }
        Answer::Status(all) => {
            let cells = all.iter().map(|(endpoint, status)| status_cells(endpoint, status));
            render(&STATUS, &cells.collect::<Vec<_>>())
        }
        _ => return None,
    };
    Some(table.into_bytes())
}

/// A member's columns.
pub(super) fn member_cells(member: &Member) -> Vec<String> {
    let state = if member.name.is_empty() { "unstarted" } else { "started" };
    vec![
        format!("{:x}", member.id),
        state.to_owned(),
        member.name.clone(),
        member.peer_ur_ls.join(","),
        member.client_ur_ls.join(","),
        member.is_learner.to_string(),
    ]
}

/// An endpoint's columns.
pub(super) fn status_cells(endpoint: &str, status: &StatusResponse) -> Vec<String> {
    let member = status.header.as_ref().map_or(0, |header| header.member_id);
    let used = (status.db_size_in_use * 100).checked_div(status.db_size).unwrap_or(100);
    let downgrade = status.downgrade_info.clone().unwrap_or_default();
    vec![
        endpoint.to_owned(),
        format!("{member:x}"),
        status.version.clone(),
        status.storage_version.clone(),
        size(status.db_size),
        size(status.db_size_in_use),
        format!("{}%", 100 - used),
        size(status.db_size_quota),
        (status.leader == member).to_string(),
        status.is_learner.to_string(),
        status.raft_term.to_string(),
        status.raft_index.to_string(),
        status.raft_applied_index.to_string(),
        status.errors.join(", "),
        downgrade.target_version,
        downgrade.enabled.to_string(),
    ]
}

/// Bytes in powers of 1,000, with a digit behind the point below ten.
pub(crate) fn size(bytes: i64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = bytes.max(0) as f64;
    let mut unit = 0;
    while value >= 1000.0 {
        value /= 1000.0;
        unit += 1;
    }
    let rounded = (value * 10.0 + 0.5).floor() / 10.0;
    match (unit, rounded < 10.0) {
        (0, _) | (_, false) => format!("{value:.0} {}", units[unit]),
        (_, true) => format!("{rounded:.1} {}", units[unit]),
    }
}

/// Centred heads over cells that stand right.
pub(crate) fn render(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heads[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let border: String = widths.iter().map(|width| format!("+{}", "-".repeat(width + 2))).collect();
    let border = border + "+\n";
    let head: String =
        heads.iter().zip(&widths).map(|(head, width)| format!("| {head:^width$} ")).collect();
    let mut table = format!("{border}{head}|\n{border}");
    for row in rows {
        let line: String =
            row.iter().zip(&widths).map(|(cell, width)| format!("| {cell:>width$} ")).collect();
        table += &format!("{line}|\n");
    }
    table + &border
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_rounded_as_etcd_does() {
        let sizes = [0, 999, 24_576, 20_480, 2_147_483_648, 9_960];
        assert_eq!(sizes.map(size), ["0 B", "999 B", "25 kB", "20 kB", "2.1 GB", "10 kB"]);
    }
}
