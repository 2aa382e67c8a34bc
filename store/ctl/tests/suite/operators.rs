//! What etcdctl 3.6.14 prints of the commands of operators, from the same answers; `operators.txt` has its
//! output, read as that of `transcript.rs`.
//!
//! Of the formats JSON (C6, C7), fields (C8) and tables (C9); leases (C19 to C23), members (C24 to C28),
//! endpoints (C30, C31), alarms (C32), `move-leader` (C34), `snapshot save` (C35), users and roles
//! (C40, C42, C43, C44, C45).

use std::collections::BTreeMap;

use detcd_api::authpb::{Permission, permission};
use detcd_api::etcdserverpb::*;
use detcd_ctl::cli::{Cli, Command, Lease, Member, Role};
use detcd_ctl::command::{access, alarm, endpoint, lease, member, role, run, user};
use detcd_ctl::failure::Failure;
use detcd_ctl::print::{Answer, Report, Style};

use crate::recorded::{ENDPOINT, MEMBER, header, status};

const LEASE: i64 = 7_587_899_047_871_163_763;

/// Output by command, as the transcript has it.
fn transcript() -> BTreeMap<String, String> {
    let blocks = include_str!("operators.txt").split("$ etcdctl ").skip(1);
    let one = |block: &str| {
        let (command, output) = block.split_once('\n').unwrap();
        (command.to_owned(), output.trim_end_matches('\n').to_owned())
    };
    blocks.map(one).collect()
}

fn cli(arguments: &str) -> Cli {
    Cli::from_arguments(arguments.split(' ').map(str::to_owned)).unwrap()
}

fn own() -> detcd_api::etcdserverpb::Member {
    detcd_api::etcdserverpb::Member {
        id: MEMBER,
        name: "default".to_owned(),
        peer_ur_ls: vec!["http://localhost:2380".to_owned()],
        client_ur_ls: vec!["http://localhost:2379".to_owned()],
        is_learner: false,
    }
}

fn left(ttl: i64, keys: &[&'static str]) -> LeaseTimeToLiveResponse {
    LeaseTimeToLiveResponse {
        header: header(27),
        id: LEASE,
        ttl,
        granted_ttl: 600,
        keys: keys.iter().map(|key| (*key).into()).collect(),
    }
}

fn granted() -> Report {
    let (header, id) = (header(25), 0x694d_a1fb_4be2_ad3c);
    lease::granted(&LeaseGrantResponse { header, id, ttl: 600, error: String::new() })
}

fn listed() -> Report {
    let leases = [0x694d_a1fb_4be2_ad3c, LEASE].map(|id| LeaseStatus { id }).to_vec();
    lease::listed(&LeaseLeasesResponse { header: header(27), leases })
}

fn learner() -> MemberAddResponse {
    let learner = detcd_api::etcdserverpb::Member {
        id: 0x9e02_adb3_cb79_b2c2,
        peer_ur_ls: vec!["http://localhost:9".to_owned()],
        is_learner: true,
        ..Default::default()
    };
    let members = vec![own(), learner.clone()];
    MemberAddResponse { header: header(0), member: Some(learner), members }
}

fn role_r() -> AuthRoleGetResponse {
    let permit = |kind: permission::Type, key: &'static str, end: &'static str| Permission {
        perm_type: kind.into(),
        key: key.into(),
        range_end: end.into(),
    };
    let perm = vec![
        permit(permission::Type::Readwrite, "a", "c"),
        permit(permission::Type::Read, "p", "q"),
    ];
    AuthRoleGetResponse { header: header(0), perm }
}

#[test]
fn answers_are_printed_as_etcdctl_prints_them() {
    let expired = LeaseTimeToLiveResponse { id: 0x1234_abcd, ttl: -1, ..Default::default() };
    let kept = LeaseKeepAliveResponse { header: header(27), id: LEASE, ttl: 600 };
    let hash = HashKvResponse {
        header: header(25),
        hash: 3_307_807_785,
        compact_revision: 3,
        hash_revision: 25,
    };
    let hashes = || endpoint::hashes(&[(ENDPOINT.to_owned(), hash)]);
    let user_u = AuthUserGetResponse { header: header(0), roles: vec!["r2".to_owned()] };
    let auth = AuthStatusResponse { header: header(0), enabled: false, auth_revision: 12 };
    let list = MemberListResponse { header: header(0), members: vec![own()] };
    let id = format!("{LEASE:x}");
    let cases = [
        ("lease grant 600".to_owned(), Answer::Report(granted())),
        ("lease timetolive 1234abcd".to_owned(), Answer::Report(lease::left(&expired, false))),
        (
            format!("lease timetolive {id} --keys"),
            Answer::Report(lease::left(&left(599, &["lk"]), true)),
        ),
        (
            format!("lease timetolive {id} -w json"),
            Answer::Report(lease::left(&left(599, &[]), false)),
        ),
        (format!("lease keep-alive --once {id}"), Answer::Report(lease::kept(&kept))),
        ("lease list".to_owned(), Answer::Report(listed())),
        (
            format!("lease revoke {id}"),
            Answer::Report(lease::revoked(LEASE, &LeaseRevokeResponse { header: header(28) })),
        ),
        (
            "member add n1 --peer-urls=http://localhost:9 --learner".to_owned(),
            Answer::Report(member::added("n1", &learner())),
        ),
        ("member list -w fields".to_owned(), Answer::Members(list)),
        (
            "endpoint status -w fields".to_owned(),
            Answer::Status(vec![(ENDPOINT.to_owned(), status())]),
        ),
        ("endpoint hashkv".to_owned(), Answer::Report(hashes())),
        ("endpoint hashkv -w table".to_owned(), Answer::Report(hashes())),
        ("role get r".to_owned(), Answer::Report(role::permits("r", &role_r()))),
        ("user get u".to_owned(), Answer::Report(user::roles_of("u", &user_u))),
        ("auth status".to_owned(), Answer::Report(access::status(&auth))),
    ];
    let transcript = transcript();
    for (arguments, answer) in cases {
        let style = Style::new(&cli(&arguments).global).unwrap();
        let printed = String::from_utf8(style.print(&answer).unwrap()).unwrap();
        let expected = &transcript[&arguments];
        assert_eq!(printed.trim_end_matches('\n'), expected, "detcdctl {arguments}");
    }
}

/// Exit codes (C3). None of these asks anybody anything.
#[tokio::test]
async fn misuse_is_refused_as_etcdctl_refuses_it() {
    let transcript = transcript();
    let all = [
        "lease grant",
        "lease grant x",
        "lease revoke zz",
        "member remove zz",
        "member add",
        "move-leader",
        "snapshot save",
        "role grant-permission r bad a",
    ];
    for arguments in all {
        let failure: Failure = run(&cli(arguments), &mut |_| ()).await.unwrap_err();
        let told = format!("! Error: {}\n[exit {}]", failure.text.unwrap(), failure.code);
        assert_eq!(told, transcript[arguments], "detcdctl {arguments}");
    }
}

#[test]
fn permissions_are_taken_back_in_etcdctls_words() {
    let Command::Role(Role::RevokePermission(given)) = cli("role revoke-permission r a c").command
    else {
        panic!("another command")
    };
    let (name, range) = role::revoke_request(&given).unwrap();
    assert_eq!(role::revoked(&name, &range), transcript()["role revoke-permission r a c"]);
    let told = |arguments: &str| {
        let Command::Role(Role::RevokePermission(given)) = cli(arguments).command else {
            panic!("another command")
        };
        let (name, range) = role::revoke_request(&given).unwrap();
        role::revoked(&name, &range)
    };
    assert_eq!(told("role revoke-permission r a"), "Permission of key a is revoked from role r");
    assert_eq!(
        told("role revoke-permission r a --from-key"),
        "Permission of range [a, <open ended> is revoked from role r"
    );
}

#[test]
fn alarms_are_listed_by_member() {
    let alarms = vec![AlarmMember { member_id: MEMBER, alarm: AlarmType::Nospace.into() }];
    let report = alarm::report(&AlarmResponse { header: header(3), alarms });
    let style = |arguments| Style::new(&cli(arguments).global).unwrap();
    let simple = style("alarm list").print(&Answer::Report(report.clone())).unwrap();
    assert_eq!(simple, b"memberID:10276657743932975437 alarm:NOSPACE \n");
    let json = style("alarm list -w json").print(&Answer::Report(report)).unwrap();
    let expected = "{\"header\":{\"cluster_id\":14841639068965178418,\
                    \"member_id\":10276657743932975437,\"revision\":3,\"raft_term\":2},\
                    \"alarms\":[{\"memberID\":10276657743932975437,\"alarm\":1}]}\n";
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}

/// Prefixes of commands (C4), and switches that are spelled out.
#[test]
fn commands_may_be_shortened() {
    assert_eq!(cli("mem list"), cli("member list"));
    assert_eq!(cli("compact 3"), cli("compaction 3"));
    let Command::Member(Member::Add(add)) =
        cli("member add n --peer-urls=a,b --learner=true").command
    else {
        panic!("another command")
    };
    assert_eq!((add.peer_urls.len(), add.learner), (2, true));
    let Command::Lease(Lease::KeepAlive(keep)) = cli("lease keep-alive --once=false 1").command
    else {
        panic!("another command")
    };
    assert!(!keep.once);
}
