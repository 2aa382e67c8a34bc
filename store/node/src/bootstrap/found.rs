//! Founding a cluster: making sure that there is none yet, or none in which this member has ever been.

use std::sync::Arc;

use detcd_api::peer;
use futures_util::future::join_all;

use super::{BootstrapError, RETRY_INTERVAL, ask, others, patience};
use crate::config::{Config, InitialCluster};
use crate::runtime::{Network, Runtime};

/// Returns once it is certain that this member may vote with an empty log: with the highest term that
/// any of those has reached who say so. In that term, and before, it may have voted already.
pub async fn confirm_new<R: Runtime>(
    config: &Config,
    flags: &InitialCluster,
    network: &Arc<dyn Network>,
) -> Result<u64, BootstrapError> {
    let request = peer::DescribeRequest { sender: flags.local, linearizable: true };
    let mut others = others(flags);
    loop {
        let asking = others
            .iter()
            .map(|urls| ask::describe::<R>(&**network, urls, &request, patience(config)));
        let replies: Vec<peer::DescribeReply> =
            join_all(asking).await.into_iter().flatten().collect();
        if judge(flags, &replies)? {
            let own = replies.iter().filter(|reply| reply.cluster_id == flags.id);
            return Ok(own.map(|reply| reply.term).max().unwrap_or(0));
        }
        others.truncate(flags.members.len() - 1);
        learn(flags, &replies, &mut others);
        tracing::info!(
            answered = replies.len(),
            of = others.len(),
            "waiting for a quorum of the members that found the cluster, or for the leader of those that have"
        );
        R::sleep(RETRY_INTERVAL).await;
    }
}

/// Who is a member by now may lead without having been a founder, and is asked as well.
fn learn(flags: &InitialCluster, replies: &[peer::DescribeReply], others: &mut Vec<Vec<String>>) {
    for reply in replies.iter().filter(|reply| reply.cluster_id == flags.id && reply.established) {
        for member in reply.members.iter().filter(|member| member.id != flags.local) {
            if !member.peer_urls.is_empty() && !others.contains(&member.peer_urls) {
                others.push(member.peer_urls.clone());
            }
        }
    }
}

/// Whether the answers are enough. An error if they say that this member must not begin.
fn judge(flags: &InitialCluster, replies: &[peer::DescribeReply]) -> Result<bool, BootstrapError> {
    let (mut founding, mut has_begun) = (1, false);
    for reply in replies.iter().filter(|reply| reply.cluster_id == flags.id) {
        if reply.sender_removed {
            return Err(BootstrapError::Removed);
        }
        if reply.established {
            has_begun = true;
        } else if flags.members.contains_key(&reply.member_id) {
            founding += 1;
        }
        // Only a leader knows whether this member has ever acknowledged anything.
        if reply.established && reply.confirmed {
            let local = reply.members.iter().find(|member| member.id == flags.local);
            return match local {
                Some(local) if local.name.is_empty() && !local.has_log => Ok(true),
                Some(local) => Err(BootstrapError::AlreadyBootstrapped { member: local.id }),
                None => Err(BootstrapError::Removed),
            };
        }
    }
    // Who has begun did so with a quorum, of which this member may have been one: whom it voted for then,
    // only who leads by now can leave aside. So where anybody has begun, those who have not prove nothing.
    Ok(!has_begun && founding > flags.members.len() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> InitialCluster {
        let config = Config {
            name: "a".to_owned(),
            initial_cluster: "a=http://a:1,b=http://b:1,c=http://c:1".to_owned(),
            initial_advertise_peer_urls: vec!["http://a:1".to_owned()],
            ..Config::default()
        };
        config.cluster().expect("three members")
    }

    fn reply(flags: &InitialCluster, established: bool, confirmed: bool) -> peer::DescribeReply {
        let cluster_id = flags.id;
        let is_other = |id: &u64| *id != flags.local;
        let member_id = flags.members.keys().copied().find(is_other).expect("there are three");
        peer::DescribeReply { cluster_id, member_id, established, confirmed, ..Default::default() }
    }

    #[test]
    fn who_came_later_is_asked_and_founds_nothing() {
        let flags = flags();
        let mut newcomer = reply(&flags, false, false);
        newcomer.member_id = 7;
        assert_eq!(judge(&flags, &[newcomer]), Ok(false));

        let described = |id, url: &str| peer::MemberDescription {
            id,
            peer_urls: vec![url.to_owned()],
            ..Default::default()
        };
        let mut known = others(&flags);
        let mut old = reply(&flags, true, false);
        old.members = vec![
            described(flags.local, "http://a:1"),
            described(8, "http://b:1"),
            described(7, "http://d:1"),
        ];
        learn(&flags, &[old.clone(), old], &mut known);
        let expected = [["http://b:1"], ["http://c:1"], ["http://d:1"]];
        let mut known: Vec<_> = known.into_iter().flatten().collect();
        known.sort();
        assert_eq!(known, expected.concat());
    }

    #[test]
    fn a_quorum_that_is_founding_is_enough_and_less_is_not() {
        let flags = flags();
        assert_eq!(judge(&flags, &[]), Ok(false));
        assert_eq!(judge(&flags, &[reply(&flags, false, false)]), Ok(true));
    }

    #[test]
    fn a_member_that_is_up_proves_nothing_until_a_quorum_confirms_it() {
        let flags = flags();
        assert_eq!(judge(&flags, &[reply(&flags, true, false)]), Ok(false));
        let other = peer::DescribeReply { cluster_id: 1, ..Default::default() };
        assert_eq!(judge(&flags, &[other]), Ok(false));
    }

    #[test]
    fn where_somebody_has_begun_only_a_leader_lets_others_begin() {
        // Its vote for that one may have been lost with its disk; with another one it would be a quorum.
        let flags = flags();
        let (begun, founding) = (reply(&flags, true, false), reply(&flags, false, false));
        assert_eq!(judge(&flags, &[begun.clone(), founding.clone()]), Ok(false));
        assert_eq!(judge(&flags, &[founding, begun]), Ok(false));
    }

    #[test]
    fn a_late_founder_begins_and_one_that_was_there_does_not() {
        // K1, K2: etcd refuses a member whose client URLs the cluster knows.
        let flags = flags();
        let mut seen = reply(&flags, true, true);
        seen.members = vec![peer::MemberDescription { id: flags.local, ..Default::default() }];
        assert_eq!(judge(&flags, &[seen.clone()]), Ok(true));
        let member = flags.local;
        let expected = Err(BootstrapError::AlreadyBootstrapped { member });
        seen.members[0].has_log = true;
        assert_eq!(judge(&flags, &[seen.clone()]), expected);
        seen.members[0].has_log = false;
        seen.members[0].name = "a".to_owned();
        assert_eq!(judge(&flags, &[seen.clone()]), expected);
        seen.members.clear();
        assert_eq!(judge(&flags, &[seen]), Err(BootstrapError::Removed));
    }
}
