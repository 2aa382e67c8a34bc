//! `member` (C24 to C28).

use detcd_api::etcdserverpb::{
    self as rpc, MemberAddRequest, MemberAddResponse, MemberListRequest, MemberPromoteRequest,
    MemberRemoveRequest, MemberUpdateRequest, ResponseHeader,
};
use serde::Serialize;

use super::ids;
use crate::cli::{Global, Member, MemberAdd, MemberUpdate};
use crate::failure::Failure;
use crate::print::{
    Answer, Header, MemberJson, Report, Style, header, header_fields, member_fields,
};
use crate::session::Session;

/// Runs one of them.
pub async fn run(
    member: &Member,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let report = match member {
        Member::List(list) => {
            let request = list_request(&list.consistency)?;
            let session = Session::open(global).await?;
            let list = session.answer(session.client.cluster().member_list(request)).await?;
            say(&style.print(&Answer::Members(list))?);
            return Ok(());
        }
        Member::Add(add) => {
            let (name, request) = add_request(add)?;
            let session = Session::open(global).await?;
            added(name, &session.answer(session.client.cluster().member_add(request)).await?)
        }
        Member::Remove(remove) => {
            let id = id(&remove.arguments)?;
            let session = Session::open(global).await?;
            let request = MemberRemoveRequest { id };
            let answer = session.answer(session.client.cluster().member_remove(request)).await?;
            changed("removed from", id, &answer.header, &answer.members)
        }
        Member::Update(update) => {
            let (id, request) = update_request(update)?;
            let session = Session::open(global).await?;
            let answer = session.answer(session.client.cluster().member_update(request)).await?;
            changed("updated in", id, &answer.header, &answer.members)
        }
        Member::Promote(promote) => {
            let id = id(&promote.arguments)?;
            let session = Session::open(global).await?;
            let request = MemberPromoteRequest { id };
            let answer = session.answer(session.client.cluster().member_promote(request)).await?;
            changed("promoted in", id, &answer.header, &answer.members)
        }
    };
    say(&report.print(style)?);
    Ok(())
}

/// What `member list` asks: the list that a quorum agrees on, or the one of this member.
pub fn list_request(consistency: &str) -> Result<MemberListRequest, Failure> {
    match consistency {
        "l" => Ok(MemberListRequest { linearizable: true }),
        "s" => Ok(MemberListRequest { linearizable: false }),
        other => Err(Failure::feature(format!("unknown consistency flag \"{other}\""))),
    }
}

fn id(arguments: &[String]) -> Result<u64, Failure> {
    ids::member(ids::one(arguments, "member ID is not provided")?)
}

/// What `member add` asks, and under which name.
pub fn add_request(add: &MemberAdd) -> Result<(&str, MemberAddRequest), Failure> {
    let name = match add.arguments.as_slice() {
        [] => return Err(Failure::arguments("member name not provided")),
        [name] => name,
        _ => return Err(Failure::arguments("too many arguments")),
    };
    let peer_ur_ls = peer_urls(&add.peer_urls)?;
    Ok((name, MemberAddRequest { peer_ur_ls, is_learner: add.learner }))
}

/// What `member update` asks.
pub fn update_request(update: &MemberUpdate) -> Result<(u64, MemberUpdateRequest), Failure> {
    let id = id(&update.arguments)?;
    Ok((id, MemberUpdateRequest { id, peer_ur_ls: peer_urls(&update.peer_urls)? }))
}

fn peer_urls(urls: &[String]) -> Result<Vec<String>, Failure> {
    if urls.is_empty() {
        return Err(Failure::arguments("member peer urls not provided"));
    }
    urls.iter().try_for_each(|url| check_url(url))?;
    Ok(urls.to_vec())
}

/// What etcd's client refuses by itself.
fn check_url(url: &str) -> Result<(), Failure> {
    let refused = |text: &str| Err(Failure::error(format!("{text}: {url}")));
    let (scheme, rest) = url.trim().split_once("://").unwrap_or(("", url));
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    match scheme {
        "unix" | "unixs" => Ok(()),
        "http" | "https" if !address.contains(':') => {
            refused("URL address does not have the form \"host:port\"")
        }
        "http" | "https" if !path.is_empty() => refused("URL must not contain a path"),
        "http" | "https" => Ok(()),
        _ => refused("URL scheme must be http, https, unix, or unixs"),
    }
}

#[derive(Serialize)]
struct Added<'a> {
    header: Option<Header>,
    member: Option<MemberJson<'a>>,
    members: Vec<MemberJson<'a>>,
}

/// The answer to `member add`, and what the new member has to be started with.
pub fn added(name: &str, answer: &MemberAddResponse) -> Report {
    let member = answer.member.clone().unwrap_or_default();
    let cluster = answer.header.as_ref().map_or(0, |header| header.cluster_id);
    let kind = if member.is_learner { "added as learner to" } else { "added to" };
    let peers = answer.members.iter().flat_map(|other| {
        let name = if other.id == member.id { name } else { other.name.as_str() };
        other.peer_ur_ls.iter().map(move |url| format!("{name}={url}"))
    });
    let lines = [
        format!("Member {:16x} {kind} cluster {cluster:16x}", member.id),
        String::new(),
        format!("ETCD_NAME=\"{name}\""),
        format!("ETCD_INITIAL_CLUSTER=\"{}\"", peers.collect::<Vec<_>>().join(",")),
        format!("ETCD_INITIAL_ADVERTISE_PEER_URLS=\"{}\"", member.peer_ur_ls.join(",")),
        "ETCD_INITIAL_CLUSTER_STATE=\"existing\"".to_owned(),
    ];
    let json = Added {
        header: header(&answer.header),
        member: answer.member.as_ref().map(Into::into),
        members: answer.members.iter().map(Into::into).collect(),
    };
    Report::of_lines(lines)
        .fields(fields(&answer.header, std::slice::from_ref(&member)))
        .json(&json)
}

#[derive(Serialize)]
struct Changed<'a> {
    header: Option<Header>,
    members: Vec<MemberJson<'a>>,
}

/// The answer to a change of the member `id`.
pub fn changed(
    what: &str,
    id: u64,
    answer: &Option<ResponseHeader>,
    members: &[rpc::Member],
) -> Report {
    let cluster = answer.as_ref().map_or(0, |header| header.cluster_id);
    let json =
        Changed { header: header(answer), members: members.iter().map(Into::into).collect() };
    Report::of_lines([format!("Member {id:16x} {what} cluster {cluster:16x}")])
        .fields(fields(answer, members))
        .json(&json)
}

fn fields(header: &Option<ResponseHeader>, members: &[rpc::Member]) -> Vec<String> {
    let mut lines = header_fields(header);
    lines.extend(members.iter().flat_map(member_fields));
    lines
}
