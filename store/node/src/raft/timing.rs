//! openraft's timers, derived from etcd's two flags.

use openraft::{Config, SnapshotPolicy};

use crate::config::Config as MemberConfig;

/// openraft's configuration for a member.
///
/// A follower of openraft campaigns once its leader lease (= `election_timeout_max`) and then a random
/// time between `election_timeout_min` and `election_timeout_max` have passed without a heartbeat.
/// With `T = --election-timeout` the two are 0.3 T and 0.6 T, 0.9 T to 1.2 T in all, so that an outage
/// is no longer than etcd's, which draws from T to 2 T.
/// The minimum stays above two heartbeats.
///
/// A follower that has answered what was sent within a heartbeat's interval, be it entries, is not sent a heartbeat as
/// well: under writes that is most of them. Two heartbeats are then twice their interval apart at most, and a tick of openraft's.
pub fn config(member: &MemberConfig) -> Config {
    let heartbeat = member.heartbeat_interval_ms;
    let min = (member.election_timeout_ms * 3 / 10).max(2 * heartbeat + 1);
    let max = (member.election_timeout_ms * 6 / 10).max(min + heartbeat);
    // openraft insists that a follower hears of its leader within the minimum; 0 means that none is left out.
    let tick = (heartbeat * 13 / 64).max(1);
    let spared = heartbeat.min((min - heartbeat).saturating_sub(tick + 1));
    Config {
        cluster_name: member.initial_cluster_token.clone(),
        heartbeat_interval: heartbeat,
        heartbeat_min_interval: Some(spared),
        election_timeout_min: min,
        election_timeout_max: max,
        enable_pre_vote: Some(true),
        // A leader that lost entries with its power must not resume its term: it would write other
        // entries under the same log ids (Raft 5.1; openraft restores a leader by default).
        enable_leader_restore: Some(false),
        snapshot_policy: SnapshotPolicy::LogsSinceLast(member.snapshot_count),
        max_in_snapshot_log_to_keep: member.snapshot_catchup_entries,
        purge_batch_size: 64,
        install_snapshot_timeout: 10 * member.election_timeout_ms,
        max_payload_entries: 512,
        backoff: "50ms 100ms ...1s".to_owned(),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_flags_give_a_valid_config_within_etcds_outage() {
        let raft = config(&MemberConfig::default()).validate().expect("the defaults are valid");
        assert_eq!((raft.election_timeout_min, raft.election_timeout_max), (300, 600));
        assert_eq!((raft.heartbeat_interval, raft.heartbeat_min_interval), (100, Some(100)));
        assert!(2 * raft.election_timeout_max <= 1_200);
    }

    #[test]
    fn extreme_but_allowed_flags_give_a_valid_config() {
        for (heartbeat, election) in [(1, 5), (100, 500), (10_000, 50_000), (1, 50_000)] {
            let member = MemberConfig {
                heartbeat_interval_ms: heartbeat,
                election_timeout_ms: election,
                ..MemberConfig::default()
            };
            config(&member).validate().expect("every allowed pair of flags maps to valid timers");
        }
    }
}
