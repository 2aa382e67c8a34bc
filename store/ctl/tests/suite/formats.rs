//! Where etcdctl's formats are less regular than one would think: what a real one printed, against the same
//! requests (C3, C6, C8, C13, C14, C16, C17, C24, C29, C42, C43).

use detcd_ctl::failure::Failure;
use detcd_node::daemon;

use crate::member;

#[tokio::test]
async fn formats_are_as_irregular_as_etcdctls() {
    let data_dir = member::directory("formats");
    let node = member::start(&data_dir).await;
    let endpoint = node.client_addresses()[0].clone();
    let run = async |line: &[&str]| -> Result<String, Failure> {
        let mut printed = Vec::new();
        let mut say = |text: &[u8]| printed.extend_from_slice(text);
        member::ctl(&endpoint, line, &mut say).await?;
        Ok(String::from_utf8(printed).unwrap())
    };
    // Further arguments are passed over.
    assert_eq!(run(&["put", "foo", "bar", "more"]).await.unwrap(), "OK\n");
    // Only the simple format knows --hex for keys and values.
    let fields = run(&["get", "foo", "--hex", "-w", "fields"]).await.unwrap();
    assert!(fields.contains("\"Key\" : \"foo\"\n") && fields.contains("\"Value\" : \"bar\"\n"));
    assert_eq!(run(&["get", "foo", "--hex"]).await.unwrap(), "\\x66\\x6f\\x6f\n\\x62\\x61\\x72\n");
    let both = run(&["get", "foo", "--keys-only", "--count-only"]).await.unwrap_err();
    assert!(both.text.unwrap().contains("cannot be set at the same time"));
    assert_eq!(run(&["compaction", "2", "-w", "json"]).await.unwrap(), "compacted revision 2\n");

    let members = run(&["member", "list", "--hex", "-w", "json"]).await.unwrap();
    let head = "{\"header\":{\"cluster_id\":\"cdf818194e3a8c32\",\"member_id\":\"8e9e05c52164694d\",\
                \"raft_term\":";
    let list = "},\"members\":[{\"ID\":\"8e9e05c52164694d\",\"name\":\"default\",\"peerURLs\":[";
    assert!(members.starts_with(head) && members.contains(list), "{members}");

    let health = run(&["endpoint", "health", "-w", "fields"]).await.unwrap();
    let lines: Vec<&str> = health.lines().collect();
    let [first, "\"Health\" : true", took, "\"Error\" : ", ""] = lines[..] else {
        panic!("{health}")
    };
    assert_eq!(first, format!("\"Endpoint\" : \"{endpoint}\""));
    assert!(took.starts_with("\"Took\" : "));

    for name in ["r", "r2"] {
        run(&["role", "add", name]).await.unwrap();
    }
    run(&["role", "grant-permission", "r", "read", "a", "c"]).await.unwrap();
    let roles = run(&["role", "list", "-w", "fields"]).await.unwrap();
    assert!(roles.ends_with("\"Roles\" : \"r\" \"r2\"\n"), "{roles}");
    let role = run(&["role", "get", "r", "-w", "fields"]).await.unwrap();
    let permits = "\"PermType\" :  READ\n\"Key\" : \"a\"\n\"RangeEnd\" : \"c\"\n";
    assert!(role.ends_with(permits), "{role}");
    run(&["user", "add", "u:p"]).await.unwrap();
    for line in [&["user", "list"][..], &["user", "get", "u"], &["auth", "status"]] {
        let refused = run(&[line, &["-w", "fields"]].concat()).await.unwrap_err();
        let expected = Failure::feature("fields not supported as output format");
        assert_eq!(refused, expected, "{line:?}");
    }
    daemon::stop(node).await;
    std::fs::remove_dir_all(&data_dir).unwrap();
}

#[tokio::test]
async fn misuse_is_told_in_etcdctls_words() {
    for (line, text) in [
        (
            &["get", "foo", "--rev=zz"][..],
            "invalid argument \"zz\" for \"--rev\" flag: strconv.ParseInt: parsing \"zz\": invalid \
             syntax",
        ),
        (
            &["get", "foo", "--dial-timeout=zz"],
            "invalid argument \"zz\" for \"--dial-timeout\" flag: time: invalid duration \"zz\"",
        ),
        (
            &["member", "add", "n", "--peer-urls=bad"],
            "URL scheme must be http, https, unix, or unixs: bad",
        ),
        (
            &["member", "add", "n", "--peer-urls=http://a"],
            "URL address does not have the form \"host:port\": http://a",
        ),
        (
            &["member", "add", "n", "--peer-urls=http://a:1/b"],
            "URL must not contain a path: http://a:1/b",
        ),
    ] {
        let refused = member::ctl("127.0.0.1:1", line, &mut |_| ()).await.unwrap_err();
        assert_eq!((refused.text.as_deref(), refused.code), (Some(text), 1));
    }
}
