//! `get` (C13).

use detcd_api::etcdserverpb::RangeRequest;
use detcd_api::etcdserverpb::range_request::{SortOrder, SortTarget};

use crate::cli::Get;
use crate::failure::Failure;
use crate::key_range::KeyRange;
use crate::print::{Format, Style};

/// A bare count would look like a bare nothing in the other formats.
pub fn check_format(get: &Get, style: &Style) -> Result<(), Failure> {
    if get.count_only && style.format != Format::Fields {
        return Err(Failure::arguments("--count-only is only for `--write-out=fields`"));
    }
    Ok(())
}

/// The request.
pub fn request(get: &Get) -> Result<RangeRequest, Failure> {
    let KeyRange { key, end } = keys(get)?;
    let (sort_order, sort_target) = sorting(get)?;
    Ok(RangeRequest {
        key: key.into(),
        range_end: end.into(),
        limit: get.limit,
        revision: get.rev,
        sort_order: sort_order.into(),
        sort_target: sort_target.into(),
        serializable: is_serializable(get)?,
        keys_only: get.keys_only,
        count_only: get.count_only,
        min_mod_revision: get.min_mod_rev,
        max_mod_revision: get.max_mod_rev,
        min_create_revision: get.min_create_rev,
        max_create_revision: get.max_create_rev,
    })
}

fn keys(get: &Get) -> Result<KeyRange, Failure> {
    if get.prefix && get.from_key {
        let text = "`--prefix` and `--from-key` cannot be set at the same time, choose one";
        return Err(Failure::arguments(text));
    }
    if get.keys_only && get.count_only {
        let text = "`--keys-only` and `--count-only` cannot be set at the same time, choose one";
        return Err(Failure::arguments(text));
    }
    match get.arguments.as_slice() {
        [] => Err(Failure::arguments(
            "get command needs one argument as key and an optional argument as range_end",
        )),
        [_, _, ..] if get.prefix || get.from_key => Err(Failure::arguments(
            "too many arguments, only accept one argument when `--prefix` or `--from-key` is set",
        )),
        [key, ..] if get.prefix => Ok(KeyRange::prefix(key)),
        [key, ..] if get.from_key => Ok(KeyRange::from_key(key)),
        [key] => Ok(KeyRange::one(key)),
        // etcdctl passes over further arguments.
        [key, end, ..] => Ok(KeyRange::between(key, end)),
    }
}

fn is_serializable(get: &Get) -> Result<bool, Failure> {
    match get.consistency.as_str() {
        "l" => Ok(false),
        "s" => Ok(true),
        other => Err(Failure::feature(format!("unknown consistency flag \"{other}\""))),
    }
}

fn sorting(get: &Get) -> Result<(SortOrder, SortTarget), Failure> {
    let order = match get.order.to_uppercase().as_str() {
        "" => SortOrder::None,
        "ASCEND" => SortOrder::Ascend,
        "DESCEND" => SortOrder::Descend,
        _ => return Err(Failure::feature(format!("bad sort order {}", get.order))),
    };
    let target = match get.sort_by.to_uppercase().as_str() {
        "" | "KEY" => SortTarget::Key,
        "CREATE" => SortTarget::Create,
        "MODIFY" => SortTarget::Mod,
        "VALUE" => SortTarget::Value,
        "VERSION" => SortTarget::Version,
        _ => return Err(Failure::feature(format!("bad sort target {}", get.sort_by))),
    };
    // Whoever says by what wants it sorted, by 3.6's servers as well.
    let order = match (order, target) {
        (SortOrder::None, target) if target != SortTarget::Key => SortOrder::Ascend,
        (order, _) => order,
    };
    Ok((order, target))
}
