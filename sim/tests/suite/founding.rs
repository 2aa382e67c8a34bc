//! A founder that loses its disk while its cluster is being founded (K1, K2): it may come up again and
//! begin, but never votes twice in a term, and nobody leads beside another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use detcd_node::observer::Observation;
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{Cluster, ClusterConfig, SimRuntime, Trace, World};

/// Votes by member and term, and leaders by term.
#[derive(Debug, Default)]
struct Seen {
    votes: BTreeMap<(usize, u64), u64>,
    leaders: BTreeMap<u64, usize>,
}

impl Seen {
    fn look(cluster: &Cluster, story: &str) -> Self {
        let mut seen = Self::default();
        for record in cluster.observed().records_from(0) {
            match record.observation {
                Observation::Voted { term, candidate } => {
                    let first = *seen.votes.entry((record.member, term)).or_insert(candidate);
                    assert_eq!(
                        first, candidate,
                        "{story}: member {} in term {term}",
                        record.member
                    );
                }
                Observation::Role { term, is_leader: true, .. } => {
                    let first = *seen.leaders.entry(term).or_insert(record.member);
                    assert_eq!(first, record.member, "{story}: two lead in term {term}");
                }
                _ => {}
            }
        }
        seen
    }
}

/// Whose disk is lost.
type Choice = fn(&Cluster) -> usize;

/// Loses a disk at some moment of the first election, and has everybody in touch again later.
fn lose_a_disk(seed: u64, at: Duration, choice: Choice) {
    let story = format!("seed {seed}, at {at:?}");
    sim::run(seed, move || async move {
        let world = World::new(Trace::default(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        SimRuntime::sleep(at).await;
        let wiped = choice(&cluster);
        cluster.lose_disk(wiped);
        cluster.restart(wiped);
        SimRuntime::sleep(Duration::from_millis(20)).await;
        // Whoever leads is out of the way of the next election.
        let leader = cluster.leader().filter(|leader| *leader != wiped);
        if let Some(leader) = leader {
            cluster.power_loss(leader);
        }
        SimRuntime::sleep(Duration::from_secs(4)).await;
        if let Some(leader) = leader {
            cluster.restart(leader);
        }
        SimRuntime::sleep(Duration::from_secs(10)).await;
        let seen = Seen::look(&cluster, &story);
        assert!(!seen.leaders.is_empty(), "{story}: nobody ever led");
        assert!(!seen.votes.is_empty(), "{story}: nobody ever voted");
    });
}

#[test]
fn who_loses_its_disk_in_the_first_election_does_not_vote_twice_in_a_term() {
    for seed in 0..40 {
        let at = Duration::from_millis(300 + 40 * seed);
        lose_a_disk(seed, at, |cluster| {
            // One that has voted for somebody else, if there is one.
            let votes = cluster.observed().records_from(0).into_iter();
            let mut given = votes.filter_map(|record| match record.observation {
                Observation::Voted { candidate, .. } => Some((record.member, candidate)),
                _ => None,
            });
            let other = given.find(|(member, candidate)| cluster.id(*member) != Some(*candidate));
            other.map_or(1, |(member, _)| member)
        });
    }
}

#[test]
fn a_candidate_that_loses_its_disk_does_not_lead_in_the_same_term_again() {
    for seed in 0..40 {
        let at = Duration::from_millis(300 + 40 * seed);
        lose_a_disk(seed, at, |cluster| {
            let votes = cluster.observed().records_from(0).into_iter();
            let mut own = votes.filter_map(|record| match record.observation {
                Observation::Voted { candidate, .. } => {
                    (cluster.id(record.member) == Some(candidate)).then_some(record.member)
                }
                _ => None,
            });
            own.next().unwrap_or(1)
        });
    }
}

#[test]
fn a_founder_that_is_late_by_any_time_comes_up() {
    // It abstains from the term that the others have reached, and must not have campaigned in it before.
    let abstained = Arc::new(AtomicUsize::new(0));
    for seed in 0..60 {
        let abstained = abstained.clone();
        let late = Duration::from_millis(10 * seed);
        sim::run(seed, move || async move {
            let world = World::new(Trace::default(), NetworkOptions::default());
            let cluster = Cluster::boot(&world, &ClusterConfig::default());
            cluster.kill(3);
            SimRuntime::sleep(late).await;
            cluster.restart(3);
            SimRuntime::sleep(Duration::from_secs(10)).await;
            for record in cluster.observed().records_from(0) {
                if let Observation::Failed { reason } = record.observation {
                    panic!("late by {late:?}: member {} stopped: {reason}", record.member);
                }
            }
            assert!(cluster.is_up(3) && cluster.observed().status(3).applied > 0, "{late:?}");
            let seen = Seen::look(&cluster, &format!("late by {late:?}"));
            let first = seen.votes.keys().filter(|(member, _)| *member == 3).map(|(_, term)| *term);
            abstained.fetch_add(usize::from(first.min() != Some(1)), Ordering::Relaxed);
        });
    }
    let abstained = abstained.load(Ordering::Relaxed);
    assert!((1..60).contains(&abstained), "{abstained} of 60 came when a term had been reached");
}
