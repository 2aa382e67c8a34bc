//! Joining a cluster that exists (K3).

use std::sync::Arc;

use detcd_api::peer;
use futures_util::future::join_all;
use openraft_rt::{AsyncRuntime, Instant};

use super::{BootstrapError, Origin, RETRY_INTERVAL, ask, others, patience};
use crate::config::{Config, InitialCluster};
use crate::runtime::{Network, Runtime};

/// Asks the members that the flags name who is in the cluster, and finds itself there.
pub(super) async fn join<R: Runtime>(
    config: &Config,
    flags: &InitialCluster,
    network: &Arc<dyn Network>,
) -> Result<Origin, BootstrapError> {
    let request = peer::DescribeRequest { sender: 0, linearizable: true };
    let others = others(flags);
    let begin = <R as AsyncRuntime>::Instant::now();
    loop {
        let asking = others
            .iter()
            .map(|urls| ask::describe::<R>(&**network, urls, &request, patience(config)));
        let replies: Vec<_> = join_all(asking).await;
        if let Some(reply) = replies.iter().flatten().find(|reply| reply.confirmed) {
            let member_id = find(flags, reply)?;
            return Ok(Origin { cluster_id: reply.cluster_id, member_id, founders: None });
        }
        if begin.elapsed() > config.request_timeout() {
            let problems = replies.iter().map(|reply| match reply {
                Ok(reply) => format!("member {:x} knows no leader", reply.member_id),
                Err(error) => error.to_string(),
            });
            let problems: Vec<String> = problems.collect();
            return Err(BootstrapError::NobodyAnswers(problems.join("; ")));
        }
        R::sleep(RETRY_INTERVAL).await;
    }
}

/// The id of this member in the cluster.
fn find(flags: &InitialCluster, reply: &peer::DescribeReply) -> Result<u64, BootstrapError> {
    let unlike = |problem: String| BootstrapError::Unlike { members: list(reply), problem };
    if reply.members.len() != flags.members.len() {
        return Err(unlike("member count is unequal".to_owned()));
    }
    let mut local = None;
    for member in &reply.members {
        let mut urls = member.peer_urls.clone();
        urls.sort();
        let Some(named) = flags.members.values().find(|named| named.peer_urls == urls) else {
            return Err(unlike(format!(
                "PeerURLs: no match found for existing member ({:x}, [{}]), last resolver error \
                 (no member in --initial-cluster has these URLs)",
                member.id,
                member.peer_urls.join(" ")
            )));
        };
        if named.id == flags.local {
            local = Some(member);
        }
    }
    let local = local.ok_or_else(|| unlike("this member is not among them".to_owned()))?;
    // Its data is gone, or it would not ask.
    if local.votes || local.has_log || !local.name.is_empty() {
        return Err(BootstrapError::AlreadyBootstrapped { member: local.id });
    }
    Ok(local.id)
}

fn list(reply: &peer::DescribeReply) -> String {
    let member = |member: &peer::MemberDescription| {
        format!("{:x}={}", member.id, member.peer_urls.join(","))
    };
    let members: Vec<String> = reply.members.iter().map(member).collect();
    format!("{{ClusterID:{:x} Members:[{}]}}", reply.cluster_id, members.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> InitialCluster {
        let config = Config {
            name: "b".to_owned(),
            initial_cluster: "a=http://a:1,b=http://b:2,b=http://b:1".to_owned(),
            initial_advertise_peer_urls: vec!["http://b:1".to_owned(), "http://b:2".to_owned()],
            ..Config::default()
        };
        config.cluster().expect("two members")
    }

    fn reply() -> peer::DescribeReply {
        let member = |id, name: &str, urls: &[&str], votes| peer::MemberDescription {
            id,
            name: name.to_owned(),
            peer_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            votes,
            ..Default::default()
        };
        peer::DescribeReply {
            cluster_id: 7,
            members: vec![
                member(1, "a", &["http://a:1"], true),
                member(2, "", &["http://b:2", "http://b:1"], false),
            ],
            ..Default::default()
        }
    }

    #[test]
    fn a_new_member_finds_its_id_by_its_urls() {
        assert_eq!(find(&flags(), &reply()), Ok(2));
    }

    #[test]
    fn flags_that_do_not_agree_with_the_cluster_are_refused_in_etcds_words() {
        // K3.
        let mut fewer = reply();
        fewer.members.pop();
        let error = find(&flags(), &fewer).expect_err("a member is missing").to_string();
        assert!(error.starts_with("error validating peerURLs {ClusterID:7 Members:["), "{error}");
        assert!(error.ends_with("member count is unequal"), "{error}");
        let mut moved = reply();
        moved.members[0].peer_urls = vec!["http://c:1".to_owned()];
        let error = find(&flags(), &moved).expect_err("a member is elsewhere").to_string();
        let text = "PeerURLs: no match found for existing member (1, [http://c:1]), \
                    last resolver error (";
        assert!(error.contains(text), "{error}");
    }

    #[test]
    fn a_member_that_was_there_before_must_not_come_back_empty() {
        let mut named = reply();
        named.members[1].name = "b".to_owned();
        let mut voting = reply();
        voting.members[1].votes = true;
        for reply in [named, voting] {
            let error = find(&flags(), &reply).expect_err("its disk is lost");
            assert_eq!(error, BootstrapError::AlreadyBootstrapped { member: 2 });
            let text = "member 2 has already been bootstrapped";
            assert!(error.to_string().starts_with(text));
        }
    }
}
