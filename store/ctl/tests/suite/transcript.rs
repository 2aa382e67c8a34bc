//! What etcdctl 3.6.14 prints, from the same answers: `transcript.txt` has its output, with `!` before
//! lines of stderr and `<` before lines of stdin.
//!
//! Of the formats JSON (C6, C7), fields (C8) and tables (C9); of the commands `get`, `put` and `del`
//! (C13, C14, C15), `txn` and `compaction` (C16, C17), members and endpoints (C28, C29, C30).

use std::collections::BTreeMap;
use std::time::Duration;

use detcd_api::etcdserverpb::{
    DeleteRangeResponse, Member, MemberListResponse, PutResponse, RangeResponse, ResponseHeader,
    ResponseOp, TxnResponse, response_op,
};
use detcd_api::mvccpb::KeyValue;
use detcd_ctl::cli::{Cli, Command};
use detcd_ctl::command::{compaction, get, put, watch};
use detcd_ctl::failure::Failure;
use detcd_ctl::print::{Answer, Health, Style};

use crate::recorded::{self, ENDPOINT, MEMBER, header};

/// Output by command, as the transcript has it.
fn transcript() -> BTreeMap<String, String> {
    let blocks = include_str!("transcript.txt").split("$ etcdctl ").skip(1);
    let one = |block: &str| {
        let (command, output) = block.split_once('\n').unwrap();
        let lines = output.trim_end_matches('\n').lines().filter(|line| !line.starts_with('<'));
        (command.to_owned(), lines.map(|line| format!("{line}\n")).collect())
    };
    blocks.map(one).collect()
}

/// The output of a command line whose answer is known, as a transcript shows it.
fn printed(arguments: &str, answer: &Answer) -> String {
    let cli = cli(arguments).unwrap();
    match Style::new(&cli.global).and_then(|style| style.print(answer)) {
        Ok(text) => String::from_utf8(text).unwrap(),
        Err(failure) => refusal(&failure),
    }
}

fn cli(arguments: &str) -> Result<Cli, Failure> {
    Cli::from_arguments(arguments.split(' ').map(str::to_owned))
}

fn refusal(failure: &Failure) -> String {
    format!("! Error: {}\n[exit {}]\n", failure.text.as_deref().unwrap(), failure.code)
}

fn nested(revision: i64) -> Option<ResponseHeader> {
    Some(ResponseHeader { revision, ..ResponseHeader::default() })
}

fn pair(key: &'static str, value: &'static str, revision: i64) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: value.into(),
        create_revision: revision,
        mod_revision: revision,
        version: 1,
        lease: 0,
    }
}

fn put_at(revision: i64) -> Answer {
    Answer::Put(PutResponse { header: header(revision), prev_kv: None })
}

fn range_at(revision: i64) -> Answer {
    let kvs = vec![pair("w", "v", revision)];
    Answer::Range(RangeResponse { header: header(revision), kvs, more: false, count: 1 })
}

fn del_at(revision: i64) -> Answer {
    Answer::Del(DeleteRangeResponse { header: header(revision), deleted: 1, prev_kvs: vec![] })
}

fn txn() -> Answer {
    let put = PutResponse { header: nested(25), prev_kv: None };
    let kvs = vec![pair("t", "1", 25)];
    let range = RangeResponse { header: nested(25), kvs, more: false, count: 1 };
    let responses =
        [response_op::Response::ResponsePut(put), response_op::Response::ResponseRange(range)];
    let responses = responses.map(|response| ResponseOp { response: Some(response) }).into();
    Answer::Txn(TxnResponse { header: header(25), succeeded: true, responses })
}

fn members() -> Answer {
    let member = Member {
        id: MEMBER,
        name: "default".to_owned(),
        peer_ur_ls: vec!["http://localhost:2380".to_owned()],
        client_ur_ls: vec!["http://localhost:2379".to_owned()],
        is_learner: false,
    };
    Answer::Members(MemberListResponse { header: header(0), members: vec![member] })
}

fn health(nanos: u64) -> Answer {
    let took = Duration::from_nanos(nanos);
    Answer::Health(vec![Health { endpoint: ENDPOINT.to_owned(), took, error: None }])
}

fn status() -> Answer {
    Answer::Status(vec![(ENDPOINT.to_owned(), recorded::status())])
}

#[test]
fn answers_are_printed_as_etcdctl_prints_them() {
    let transcript = transcript();
    let cases = [
        ("put w v -w json", put_at(13)),
        ("get w -w json", range_at(13)),
        ("del w -w json", del_at(14)),
        ("put w v -w fields", put_at(15)),
        ("get w -w fields", range_at(15)),
        ("del w -w fields", del_at(16)),
        ("put w v -w table", put_at(17)),
        ("put w v -w simple", put_at(17)),
        ("get w -w simple", range_at(17)),
        ("del w -w simple", del_at(17)),
        ("put w v -w nonsense", put_at(17)),
        ("txn -w json", txn()),
        ("member list", members()),
        ("member list -w table", members()),
        ("member list -w json", members()),
        ("endpoint health -w json", health(4_282_650)),
        ("endpoint health -w table", health(4_394_518)),
        ("endpoint status", status()),
        ("endpoint status -w table", status()),
        ("endpoint status -w json", status()),
    ];
    for (arguments, answer) in cases {
        let expected = &transcript[arguments];
        assert_eq!(&printed(arguments, &answer), expected, "detcdctl {arguments}");
    }
}

/// Exit codes (C3).
#[test]
fn misuse_is_refused_as_etcdctl_refuses_it() {
    let transcript = transcript();
    let refused = |arguments: &str| {
        let cli = cli(arguments).unwrap();
        match &cli.command {
            Command::Put(put) => put::request(put, None).unwrap_err(),
            Command::Get(get) => get::check_format(get, &Style::new(&cli.global).unwrap())
                .and_then(|()| get::request(get).map(drop))
                .unwrap_err(),
            Command::Compaction(compaction) => compaction::request(compaction).unwrap_err(),
            Command::Watch(watch) => watch::request(watch).unwrap_err(),
            other => panic!("{other:?}"),
        }
    };
    let all =
        ["get", "put", "get /aaa --prefix --count-only", "compaction", "compaction x", "watch"];
    for arguments in all {
        assert_eq!(refusal(&refused(arguments)), transcript[arguments], "detcdctl {arguments}");
    }
}

/// Global flags (C1).
#[test]
fn flags_stand_anywhere_and_switches_may_be_spelled_out() {
    let one = cli("--endpoints=a:1,b:2 get /var/ --keys-only=true --prefix=false").unwrap();
    let other = cli("get --keys-only /var/ --endpoints a:1,b:2").unwrap();
    assert_eq!(one, other);
    assert_eq!(one.global.endpoints, ["a:1", "b:2"]);
    let Command::Put(put) = cli("put -- -dash v").unwrap().command else { panic!("not a put") };
    assert_eq!(put.arguments, ["-dash", "v"]);
}

#[test]
fn what_is_not_there_is_said_not_to_be() {
    let unknown = cli("nonsense").unwrap_err();
    assert_eq!(unknown.text.unwrap(), "unknown command \"nonsense\" for \"detcdctl\"");
    let flag = cli("get --nonsense x").unwrap_err();
    assert_eq!((flag.text.as_deref(), flag.code), (Some("unknown flag: --nonsense"), 1));
}
