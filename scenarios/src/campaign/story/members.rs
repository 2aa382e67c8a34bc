//! The members at the end of a run.

use reports::Table;

use crate::run::Ran;

/// A row for each.
pub(super) fn table(ran: &Ran) -> Table {
    let columns = [
        "member",
        "starts",
        "term",
        "leads",
        "applied",
        "durable",
        "revision",
        "state",
        "installed",
    ];
    let rows = ran.members.iter().enumerate().map(|(index, status)| {
        vec![
            (index + 1).to_string(),
            status.starts.to_string(),
            status.term.to_string(),
            if status.is_leader { "yes" } else { "no" }.to_owned(),
            status.applied.to_string(),
            status.durable.to_string(),
            status.revision.to_string(),
            format!("{:016x}", status.digest),
            status.snapshots_installed.to_string(),
        ]
    });
    Table { columns: columns.map(str::to_owned).to_vec(), rows: rows.collect() }
}
