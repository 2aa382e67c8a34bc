//! Who forms the cluster, and the ids that follow from it (G64).

use std::collections::BTreeMap;

use sha1::{Digest, Sha1};

use super::Config;

/// A member as the flags describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapMember {
    /// From its peer URLs and the token.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where its peers reach it, sorted.
    pub peer_urls: Vec<String>,
}

/// The cluster as the flags describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialCluster {
    /// From the members' ids.
    pub id: u64,
    /// The id of this member.
    pub local: u64,
    /// All members by id.
    pub members: BTreeMap<u64, BootstrapMember>,
}

impl InitialCluster {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let by_name = peer_urls_by_name(config)?;
        let Some(mine) = by_name.get(&config.name) else {
            return Err(format!(
                "couldn't find local name \"{name}\" in the initial cluster configuration: \
                 --initial-cluster names {known}; set --name to one of them",
                name = config.name,
                known = by_name.keys().cloned().collect::<Vec<_>>().join(", "),
            ));
        };
        let mut advertised = config.initial_advertise_peer_urls.clone();
        advertised.sort();
        advertised.dedup();
        if let Some(missing) = mine.iter().find(|url| !advertised.contains(url)) {
            return Err(format!(
                "--initial-cluster has {missing} but missing from --initial-advertise-peer-urls={}",
                advertised.join(",")
            ));
        }
        if let Some(extra) = advertised.iter().find(|url| !mine.contains(url)) {
            return Err(format!(
                "--initial-advertise-peer-urls has {extra} but missing from --initial-cluster={}={}",
                config.name,
                mine.join(",")
            ));
        }
        let local = member_id(mine, &config.initial_cluster_token);
        let count = by_name.len();
        let members: BTreeMap<_, _> = by_name
            .into_iter()
            .map(|(name, peer_urls)| {
                let id = member_id(&peer_urls, &config.initial_cluster_token);
                (id, BootstrapMember { id, name, peer_urls })
            })
            .collect();
        if members.len() != count {
            return Err("--initial-cluster names two members with the same peer URLs".to_owned());
        }
        Ok(Self { id: cluster_id(members.keys().copied()), local, members })
    }
}

/// See [`Config::others`].
pub(super) fn others(config: &Config) -> Vec<Vec<String>> {
    let mut by_name = peer_urls_by_name(config).unwrap_or_default();
    by_name.remove(&config.name);
    by_name.into_values().collect()
}

/// Sorted peer URLs of each name in `--initial-cluster`.
fn peer_urls_by_name(config: &Config) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if config.initial_cluster.is_empty() {
        by_name.insert(config.name.clone(), config.initial_advertise_peer_urls.clone());
    }
    for pair in config.initial_cluster.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, url) = pair
            .trim()
            .split_once('=')
            .ok_or_else(|| format!("--initial-cluster: \"{pair}\" is not name=url"))?;
        super::Url::parse(url).map_err(|error| format!("--initial-cluster: {error}"))?;
        by_name.entry(name.to_owned()).or_default().push(url.to_owned());
    }
    let mut urls: Vec<&String> = by_name.values().flatten().collect();
    urls.sort();
    if let Some(twice) = urls.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("--initial-cluster has duplicated url {}", twice[0]));
    }
    for urls in by_name.values_mut() {
        urls.sort();
        urls.dedup();
    }
    Ok(by_name)
}

/// The id of a bootstrap member: the first eight bytes of the SHA-1 of its sorted peer URLs and the token.
pub fn member_id(sorted_peer_urls: &[String], token: &str) -> u64 {
    let mut sha = Sha1::new();
    for url in sorted_peer_urls {
        sha.update(url.as_bytes());
    }
    sha.update(token.as_bytes());
    first_eight(sha)
}

/// The id of a member that is added to a running cluster, at a moment in seconds of Unix time: in place
/// of the token, which etcd leaves out here, stands the moment (G64).
pub fn added_member_id(sorted_peer_urls: &[String], unix_seconds: u64) -> u64 {
    member_id(sorted_peer_urls, &unix_seconds.to_string())
}

/// The id of a cluster: the first eight bytes of the SHA-1 of its members' ids in ascending order.
pub fn cluster_id(sorted_member_ids: impl IntoIterator<Item = u64>) -> u64 {
    let mut sha = Sha1::new();
    for id in sorted_member_ids {
        sha.update(id.to_be_bytes());
    }
    first_eight(sha)
}

fn first_eight(sha: Sha1) -> u64 {
    let digest = sha.finalize();
    let (head, _) = digest.split_first_chunk::<8>().expect("a SHA-1 has twenty bytes");
    u64::from_be_bytes(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_member_has_etcds_ids() {
        let cluster = Config::default().cluster().expect("the defaults are a cluster");
        assert_eq!(format!("{:x}", cluster.local), "8e9e05c52164694d");
        assert_eq!(format!("{:x}", cluster.id), "cdf818194e3a8c32");
    }

    #[test]
    fn a_member_added_at_run_time_has_etcds_id() {
        // G64. Two members that real servers, of 3.6.14 and of 3.7.1, were asked to add.
        let urls = ["http://localhost:9".to_owned()];
        assert_eq!(added_member_id(&urls, 1_795_217_258), 5_571_312_646_146_247_727);
        assert_eq!(added_member_id(&urls, 1_795_217_181), 8_411_258_872_962_328_694);
    }

    #[test]
    fn who_is_named_is_known_without_being_named_among_them() {
        let named = |initial_cluster: &str| {
            let initial_cluster = initial_cluster.to_owned();
            Config { name: "c".to_owned(), initial_cluster, ..Config::default() }.others()
        };
        let others = [["http://a:1".to_owned()], ["http://b:1".to_owned()]];
        assert_eq!(named("a=http://a:1,c=http://c:1,b=http://b:1"), others);
        assert_eq!(named("a=http://a:1,b=http://b:1"), others);
        assert!(named("").is_empty());
        assert!(named("b").is_empty());
    }

    #[test]
    fn members_of_the_procfile_have_etcds_ids() {
        let config = Config {
            name: "infra1".to_owned(),
            initial_cluster: "infra1=http://127.0.0.1:12380,infra2=http://127.0.0.1:22380,\
                              infra3=http://127.0.0.1:32380"
                .to_owned(),
            initial_advertise_peer_urls: vec!["http://127.0.0.1:12380".to_owned()],
            initial_cluster_token: "etcd-cluster-1".to_owned(),
            ..Config::default()
        };
        let cluster = config.cluster().expect("three members");
        let ids: Vec<String> = cluster.members.keys().map(|id| format!("{id:x}")).collect();
        assert_eq!(ids, ["8211f1d0f64f3269", "91bc3c398fb3c146", "fd422379fda50e48"]);
        assert_eq!(format!("{:x}", cluster.id), "ef37ad9dc622a7c4");
    }

    #[test]
    fn a_name_that_is_not_in_the_cluster_is_refused_with_etcds_text() {
        let config = Config {
            name: "yd-ops-etcd-node1".to_owned(),
            initial_cluster: "etcd-node1=http://10.126.1.1:2380".to_owned(),
            ..Config::default()
        };
        let error = config.cluster().expect_err("the name is not there");
        assert!(error.starts_with(
            "couldn't find local name \"yd-ops-etcd-node1\" in the initial cluster configuration"
        ));
        assert!(error.contains("etcd-node1"));
    }

    #[test]
    fn peer_urls_must_agree_both_ways() {
        let config = Config {
            initial_cluster: "default=http://127.0.0.1:2380".to_owned(),
            ..Config::default()
        };
        let error = config.cluster().expect_err("the URLs differ");
        assert!(error.contains("missing from --initial-advertise-peer-urls"), "{error}");
    }

    #[test]
    fn a_name_may_have_several_urls() {
        let config = Config {
            initial_cluster:
                "default=http://localhost:2380,default=http://localhost:2381,b=http://b:1"
                    .to_owned(),
            initial_advertise_peer_urls: vec![
                "http://localhost:2381".to_owned(),
                "http://localhost:2380".to_owned(),
            ],
            ..Config::default()
        };
        let cluster = config.cluster().expect("a cluster of two");
        assert_eq!(cluster.members.len(), 2);
        assert_eq!(cluster.members[&cluster.local].peer_urls.len(), 2);
    }
}
