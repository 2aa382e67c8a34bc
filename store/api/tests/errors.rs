//! The error table is complete and to the letter.

use std::collections::BTreeSet;

use detcd_api::Error;
use tonic::{Code, Status};

/// Row, code as sent, text. E66 is a way of writing other rows, and the text of E78 holds a number
/// that only the transport knows.
const TABLE: &str = include_str!("errors.txt");

#[test]
fn every_row_with_a_fixed_text_is_there_in_order() {
    let rows: Vec<_> = TABLE.lines().collect();
    assert_eq!(rows.len(), 76);
    assert_eq!(Error::ALL.len(), rows.len());
    for (error, row) in Error::ALL.iter().zip(rows) {
        let (_, row) = row.split_once(' ').unwrap();
        let (code, text) = row.split_once(' ').unwrap();
        assert_eq!(error.code(), Code::from(code.parse::<i32>().unwrap()), "{text}");
        assert_eq!(error.message(), text);
    }
}

#[test]
fn rows_are_named_once_and_only_the_variable_ones_are_absent() {
    let named: BTreeSet<u32> =
        TABLE.lines().map(|row| row[1..].split_once(' ').unwrap().0.parse().unwrap()).collect();
    let absent: Vec<u32> = (1..=78).filter(|row| !named.contains(row)).collect();
    assert_eq!(absent, [66, 78]);
}

#[test]
fn an_error_is_recognised_by_its_text_whatever_the_code() {
    for error in Error::ALL {
        let status = Status::from(*error);
        assert_eq!(status.code(), error.code());
        assert_eq!(Error::from_status(&status), Some(*error));
        let relayed = Status::new(Code::Unknown, error.message());
        assert_eq!(Error::from_status(&relayed), Some(*error));
    }
    assert_eq!(Error::from_status(&Status::unknown("etcdserver: something else")), None);
}

#[test]
fn codes_that_differ_from_the_declared_ones_are_those_seen_on_the_wire() {
    assert_eq!(Error::MemberNotEnoughStarted.code(), Code::Unknown);
    assert_eq!(Error::RequestTooManyRequests.code(), Code::Unknown);
}

#[test]
fn a_reason_without_a_status_names_its_code() {
    assert_eq!(
        Error::PermissionDenied.with_code_in_text(),
        "rpc error: code = PermissionDenied desc = etcdserver: permission denied"
    );
}
