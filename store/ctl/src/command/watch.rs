//! `watch` without its prompt (C18).

use detcd_api::etcdserverpb::watch_request::RequestUnion;
use detcd_api::etcdserverpb::{WatchCreateRequest, WatchRequest};
use tokio_stream::StreamExt as _;
use tonic::Request;
use tonic::metadata::MetadataValue;

use crate::cli::Watch;
use crate::failure::Failure;
use crate::key_range::KeyRange;
use crate::print::{Answer, Style};
use crate::session::Session;

/// The request that creates the watcher.
pub fn request(watch: &Watch) -> Result<WatchCreateRequest, Failure> {
    let KeyRange { key, end } = match watch.arguments.as_slice() {
        [key] if watch.prefix => KeyRange::prefix(key),
        [key] => KeyRange::one(key),
        [key, end] if !watch.prefix => KeyRange::between(key, end),
        _ => return Err(Failure::arguments("bad number of arguments")),
    };
    Ok(WatchCreateRequest {
        key: key.into(),
        range_end: end.into(),
        start_revision: watch.rev,
        prev_kv: watch.prev_kv,
        progress_notify: watch.progress_notify,
        ..WatchCreateRequest::default()
    })
}

/// Prints until the watch ends.
pub async fn run(
    create: WatchCreateRequest,
    session: &Session,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    // What ends the stream of requests ends the watch; so there comes nothing more, and no end.
    let first = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    let mut request = Request::new(tokio_stream::once(first).chain(tokio_stream::pending()));
    request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
    let mut responses = session.answer(session.client.watch().watch(request)).await?;
    while let Some(response) = responses.message().await? {
        if response.created && !response.canceled {
            continue;
        }
        let canceled = response.canceled;
        let reason = response.cancel_reason.clone();
        say(&style.print(&Answer::Watch(response))?);
        if canceled {
            if !reason.is_empty() {
                eprintln!("watch was canceled ({reason})");
            }
            return Err(Failure::interrupted("watch is canceled by the server"));
        }
    }
    Err(Failure::interrupted("watch is canceled by the server"))
}
