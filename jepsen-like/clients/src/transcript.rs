//! A session at a shell, as text: what is typed and what must come back.
//!
//! ```text
//! # A comment.
//! $ etcdctl put foo bar          a line of shell; all lines up to the status are its exact stdout
//! OK
//! ? 0                            its exit status ...
//! ! connection refused           ... and what its stderr must contain, if anything
//! & etcdctl watch foo --rev=2    starts in the background; its stdout so far is looked at by
//! ~                              ... the lines up to the status, which says that it still runs
//! PUT
//! foo
//! bar
//! ? running
//! @ kill 2                       kills members, or starts one again: @ restart 2
//! @ join 4                       starts one more member, which must have been added
//! @ ended 4                      its process comes to its end by itself
//! ```
//!
//! `{id1}`, `{name1}`, `{peer1}`, `{client1}` stand for what is known of the member with the least
//! id, and so on; `{*}` for anything within a line. `$~` is `$` with runs of blanks and dashes made
//! one.

use std::collections::BTreeMap;

use super::daemon::{Cluster, Member, eventually};
use super::etcdctl::{Etcdctl, Running};
use super::{daemon_binary, foreign};

/// One thing that happens.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Run { line: String, loose: bool, stdout: String, status: i32, stderr: Vec<String> },
    Start { arguments: String },
    Look { stdout: String },
    Kill { members: Vec<usize> },
    Restart { member: usize },
    Join,
    Ended,
}

/// Reads a transcript. Panics with the line's number when it makes no sense.
fn parse(text: &str) -> Vec<(usize, Step)> {
    let mut steps: Vec<(usize, Step)> = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let member = |digits: &str| digits.parse().unwrap_or_else(|_| panic!("line {number}"));
        let mut until_status = || {
            let mut stdout = String::new();
            for (line, _) in lines.by_ref() {
                if let Some(status) = line.strip_prefix("? ") {
                    return (stdout, status);
                }
                stdout += line;
                stdout.push('\n');
            }
            panic!("line {number}: no status follows");
        };
        let step = match line.split_once(' ').unwrap_or((line, "")) {
            ("#" | "", _) => continue,
            (prompt @ ("$" | "$~"), line) => {
                let (stdout, status) = until_status();
                let status = status.parse().unwrap_or_else(|_| panic!("line {number}: status"));
                let (line, loose) = (line.to_owned(), prompt == "$~");
                Step::Run { line, loose, stdout, status, stderr: Vec::new() }
            }
            ("!", expected) => {
                let Some((_, Step::Run { stderr, .. })) = steps.last_mut() else {
                    panic!("line {number}: stderr of what?");
                };
                stderr.push(expected.to_owned());
                continue;
            }
            ("&", line) => {
                let arguments = line.strip_prefix("etcdctl ");
                let arguments = arguments.unwrap_or_else(|| panic!("line {number}: no etcdctl"));
                Step::Start { arguments: arguments.to_owned() }
            }
            ("~", _) => {
                let (stdout, status) = until_status();
                assert_eq!(status, "running", "line {number}");
                Step::Look { stdout }
            }
            ("@", what) => match what.split_once(' ') {
                Some(("kill", digits)) => {
                    Step::Kill { members: digits.split(' ').map(member).collect() }
                }
                Some(("join", _)) => Step::Join,
                Some(("ended", _)) => Step::Ended,
                Some(("restart", digits)) => Step::Restart { member: member(digits) },
                _ => panic!("line {number}: {what}"),
            },
            _ => panic!("line {number}: {line}"),
        };
        steps.push((number, step));
    }
    steps
}

/// Whether `text` is what `pattern` says: equal, except that `{*}` matches anything within a line.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split("{*}");
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    for piece in pieces {
        let found = if piece.is_empty() { Some(rest.len()) } else { rest.find(piece) };
        let Some(found) = found.filter(|found| !rest[..*found].contains('\n')) else {
            return false;
        };
        rest = &rest[found + piece.len()..];
    }
    rest.is_empty()
}

fn loosened(text: &str) -> String {
    let mut loose = String::new();
    for character in text.chars() {
        if !(matches!(character, ' ' | '-') && loose.ends_with(character)) {
            loose.push(character);
        }
    }
    loose
}

/// Members by id, and the words that stand for them.
struct Stage<'a> {
    members: Vec<&'a Member>,
    words: BTreeMap<String, String>,
    /// Who joins later; its id is known once it was added.
    newcomer: Member,
    addresses: Vec<String>,
}

impl<'a> Stage<'a> {
    /// Waits until every member is known by name to every other.
    async fn set(cluster: &'a Cluster) -> Self {
        for member in &cluster.members {
            serves(member, cluster.members.len()).await;
        }
        let known = eventually("the members' ids", async || {
            let mut client = foreign::connect(&cluster.addresses()).await.ok()?;
            Some(client.member_list().await.ok()?.members().to_vec())
        })
        .await;
        let mut words = BTreeMap::new();
        let mut members = Vec::new();
        let mut known: Vec<_> = known.into_iter().map(|member| (member.id(), member)).collect();
        known.sort_unstable_by_key(|(id, _)| *id);
        for ((id, known), number) in known.into_iter().zip(1..) {
            let member = cluster.members.iter().find(|member| member.name == known.name());
            let member = member.expect("the cluster knows its members by name");
            words.insert(format!("{{id{number}}}"), format!("{id:x}"));
            words.insert(format!("{{name{number}}}"), member.name.clone());
            words.insert(format!("{{peer{number}}}"), member.peer_url());
            words.insert(format!("{{client{number}}}"), member.client_url());
            words.insert(format!("{{address{number}}}"), member.address());
            members.push(member);
        }
        let (number, newcomer) = (members.len() + 1, newcomer(cluster));
        words.insert(format!("{{name{number}}}"), newcomer.name.clone());
        words.insert(format!("{{peer{number}}}"), newcomer.peer_url());
        words.insert(format!("{{client{number}}}"), newcomer.client_url());
        words.insert(format!("{{address{number}}}"), newcomer.address());
        Self { members, words, newcomer, addresses: cluster.addresses() }
    }

    /// Finds out the id of the newcomer, where a line names it for the first time.
    async fn meet(&mut self, line: &str) {
        let word = format!("{{id{}}}", self.members.len() + 1);
        if !line.contains(&word) || self.words.contains_key(&word) {
            return;
        }
        let url = self.newcomer.peer_url();
        let id = eventually("the newcomer's id", async || {
            let mut client = foreign::connect(&self.addresses).await.ok()?;
            let list = client.member_list().await.ok()?;
            let found = list.members().iter().find(|member| member.peer_urls().contains(&url));
            found.map(|member| format!("{:x}", member.id()))
        });
        let id = id.await;
        self.words.insert(word, id);
    }

    fn spelled_out(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, meaning)| text.replace(word, meaning))
    }
}

/// One more member, which joins when it is started; it must have been added by then.
fn newcomer(cluster: &Cluster) -> Member {
    let directory = cluster.members[0].data_dir.parent().expect("a directory in a directory");
    let mut newcomer = Member::new(&daemon_binary(), directory, "newcomer");
    let everybody = cluster.members.iter().chain([&newcomer]);
    let pairs: Vec<String> =
        everybody.map(|member| format!("{}={}", member.name, member.peer_url())).collect();
    let all = pairs.join(",");
    let flags = ["--initial-cluster", &all, "--initial-cluster-state", "existing"];
    newcomer.flags = flags.map(str::to_owned).to_vec();
    newcomer
}

/// Waits until a member knows a leader, reads what is committed, and knows `names` members by name.
async fn serves(member: &Member, names: usize) {
    let what = format!("{} serves", member.name);
    eventually(&what, async || {
        let mut client = foreign::connect(&[member.address()]).await.ok()?;
        client.get("any", None).await.ok()?;
        let list = client.member_list().await.ok()?;
        let named = list.members().iter().filter(|member| !member.name().is_empty()).count();
        (named == names && client.status().await.ok()?.leader() != 0).then_some(())
    })
    .await;
}

/// Plays a transcript against a cluster.
///
/// # Panics
///
/// At the first step that ends otherwise than the transcript says.
pub async fn play(text: &str, etcdctl: &Etcdctl, cluster: &Cluster) {
    let mut stage = Stage::set(cluster).await;
    let endpoint = stage.members[0].client_url();
    let file = cluster.members[0].data_dir.with_extension("watched");
    let mut background: Option<Running> = None;
    let mut alive: Vec<bool> = vec![true; stage.members.len()];
    for (number, step) in parse(text) {
        match step {
            Step::Run { line, loose, stdout, status, stderr } => {
                stage.meet(&line).await;
                let line = stage.spelled_out(&line);
                let output = etcdctl.run(&line, &endpoint);
                let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
                let mut expected = stage.spelled_out(&stdout);
                let complained = String::from_utf8_lossy(&output.stderr);
                if loose {
                    (printed, expected) = (loosened(&printed), loosened(&expected));
                }
                assert!(
                    matches(&expected, &printed) && output.status.code() == Some(status),
                    "line {number}: {line}\n--- expected, status {status} ---\n{expected}\
                     --- printed, {} ---\n{printed}--- stderr ---\n{complained}",
                    output.status
                );
                for words in stderr {
                    assert!(complained.contains(&words), "line {number}: {line}\n{complained}");
                }
            }
            Step::Start { arguments } => {
                let arguments = stage.spelled_out(&arguments);
                background = Some(etcdctl.start(&arguments, &endpoint, &file));
            }
            Step::Look { stdout } => {
                let running = background.as_mut().expect("something was started");
                let what = format!("line {number}: the background prints\n{stdout}");
                let printed = async || (running.printed().len() >= stdout.len()).then_some(());
                eventually(&what, printed).await;
                assert_eq!(running.printed(), stdout, "line {number}");
                assert!(running.runs(), "line {number}: it has ended");
            }
            Step::Kill { members } => {
                for member in members {
                    stage.members[member - 1].kill();
                    alive[member - 1] = false;
                }
                let left = alive.iter().filter(|alive| **alive).count();
                if left * 2 > alive.len() {
                    for (member, _) in stage.members.iter().zip(&alive).filter(|(_, is)| **is) {
                        takes_writes(member).await;
                    }
                }
            }
            Step::Join => stage.newcomer.start(),
            Step::Ended => {
                stage.newcomer.ended().await;
            }
            Step::Restart { member } => {
                stage.members[member - 1].start();
                alive[member - 1] = true;
                serves(stage.members[member - 1], stage.members.len()).await;
            }
        }
    }
}

/// Waits until a write through the member succeeds; it deletes nothing, and so takes no revision.
async fn takes_writes(member: &Member) {
    let what = format!("{} takes writes", member.name);
    eventually(&what, async || {
        let mut client = foreign::connect(&[member.address()]).await.ok()?;
        client.delete("no such key", None).await.ok().map(drop)
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_within_a_line_is_wild_and_nothing_else() {
        assert!(matches("a {*}, c\n", "a b, c\n"));
        assert!(matches("a {*}", "a b"));
        assert!(!matches("a {*}, c\n", "a b\nb, c\n"));
        assert!(!matches("a\n", "a\nb\n"));
        assert!(!matches("a", "b"));
        assert!(!matches("a {*}c", "a cc\n"));
    }

    #[test]
    fn a_transcript_is_read_as_it_is_written() {
        let steps = parse("# S23\n$ etcdctl get /var/ --keys-only\n/var/\n\n? 0\n! some words\n");
        let line = "etcdctl get /var/ --keys-only".to_owned();
        let (stdout, stderr) = ("/var/\n\n".to_owned(), vec!["some words".to_owned()]);
        assert_eq!(steps, [(2, Step::Run { line, loose: false, stdout, status: 0, stderr })]);
        let steps = parse("& etcdctl watch k\n~\nPUT\n? running\n@ kill 2\n@ restart 2\n");
        assert_eq!(steps[0].1, Step::Start { arguments: "watch k".to_owned() });
        assert_eq!(steps[1].1, Step::Look { stdout: "PUT\n".to_owned() });
        assert_eq!(steps[2].1, Step::Kill { members: vec![2] });
        assert_eq!(steps[3].1, Step::Restart { member: 2 });
    }
}
