//! Leases in a simulated cluster, judged by simulated time: none ends before its time is over, all end soon
//! after, whoever leads (G54 to G61; mutants L01, L04).

use std::collections::BTreeSet;
use std::time::Duration;

use detcd_api::Client;
use detcd_api::etcdserverpb::{LeaseGrantRequest, LeaseKeepAliveRequest, PutRequest, RangeRequest};
use futures_util::{StreamExt, stream};
use openraft_rt::{AsyncRuntime, Instant};
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimInstant, SimRuntime, Trace, World};

const LIMIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);
const TTL: i64 = 5;
const LIFE: Duration = Duration::from_secs(5);

/// The leader looks twice a second, and then its proposal takes a moment.
const LATE: Duration = Duration::from_millis(1_000);

/// What is asked of the cluster by one client, of whichever member answers.
#[derive(Clone)]
struct Asker {
    host: ClientHost,
    members: usize,
}

type Channel = detcd_node::grpc::Channel;

impl Asker {
    async fn client(&self, member: usize) -> Option<Client<Channel>> {
        let channel = self.host.connect(member, LIMIT).await.ok()?;
        Some(Client::new(channel, http::Uri::from_static("http://member")))
    }

    /// Asks one member after the other until one answers.
    async fn until_answered<T, F>(&self, ask: impl Fn(Client<Channel>) -> F) -> T
    where
        F: Future<Output = Option<T>> + Send,
        T: Send,
    {
        let mut member = 1;
        loop {
            if let Some(client) = self.client(member).await
                && let Ok(Some(answer)) = SimRuntime::timeout(LIMIT, ask(client)).await
            {
                return answer;
            }
            member = member % self.members + 1;
            SimRuntime::sleep(PAUSE).await;
        }
    }

    async fn grant(&self, id: i64) {
        self.until_answered(|client| async move {
            match client.lease().lease_grant(LeaseGrantRequest { id, ttl: TTL }).await {
                Ok(_) => Some(()),
                Err(status) => (status.code() == tonic::Code::FailedPrecondition).then_some(()),
            }
        })
        .await;
    }

    async fn attach(&self, lease: i64) {
        self.until_answered(|client| async move {
            let key = format!("k{lease:05}").into();
            client.kv().put(PutRequest { key, lease, ..PutRequest::default() }).await.ok()
        })
        .await;
    }

    /// Renews; the time from which the lease has its whole life again, or `None` where it is gone.
    async fn renew(&self, id: i64) -> Option<SimInstant> {
        self.until_answered(|client| async move {
            let called = SimInstant::now();
            let requests = stream::iter([LeaseKeepAliveRequest { id }]);
            let mut answers = client.lease().lease_keep_alive(requests).await.ok()?.into_inner();
            let answer = answers.message().await.ok()??;
            Some((answer.ttl > 0).then_some(called))
        })
        .await
    }

    /// The keys that have a lease.
    async fn keys(&self) -> i64 {
        self.until_answered(|client| async move {
            let all = RangeRequest {
                key: "k".into(),
                range_end: "l".into(),
                count_only: true,
                ..RangeRequest::default()
            };
            Some(client.kv().range(all).await.ok()?.into_inner().count)
        })
        .await
    }

    /// Waits until the keys are gone; when the last one was still there and when none was.
    async fn gone(&self) -> (SimInstant, SimInstant) {
        let mut there = SimInstant::now();
        loop {
            let asked = SimInstant::now();
            if self.keys().await == 0 {
                return (there, SimInstant::now());
            }
            there = asked;
            SimRuntime::sleep(PAUSE).await;
        }
    }
}

/// Runs a client against a cluster of three.
fn run<F>(seed: u64, work: impl FnOnce(Asker, Cluster) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    sim::run(seed, || async {
        let world = World::new(Trace::recorded(), NetworkOptions::default());
        let cluster = Cluster::boot(&world, &ClusterConfig::default());
        let host = cluster.client("client", 1);
        let asker = Asker { host: host.clone(), members: cluster.size() };
        let done = host.host().spawn(work(asker, cluster.clone()));
        done.await.expect("the client does not panic");
    });
}

#[test]
fn lease_that_is_kept_alive_outlives_its_leaders_and_ends_soon_after() {
    for seed in 0..6 {
        run(seed, move |asker, cluster| async move {
            asker.grant(7).await;
            asker.attach(7).await;
            let mut last = SimInstant::now();
            for round in 0..8 {
                if round % 3 == 1 {
                    let leader = cluster.leader().expect("somebody leads");
                    cluster.power_loss(leader);
                    asker.renew(7).await.expect("it was kept alive");
                    cluster.restart(leader);
                }
                SimRuntime::sleep(Duration::from_secs(3)).await;
                last = asker.renew(7).await.expect("it was kept alive");
                assert_eq!(asker.keys().await, 1, "seed {seed}, round {round}");
            }
            let (_, gone) = asker.gone().await;
            assert!(gone - last >= LIFE, "seed {seed}: gone after {:?}", gone - last);
            assert!(gone - last <= LIFE + LATE, "seed {seed}: gone after {:?}", gone - last);
            assert_eq!(asker.renew(7).await, None, "seed {seed}: a lease that has ended");
        });
    }
}

#[test]
fn new_leader_gives_a_lease_its_time_anew_and_no_more() {
    for seed in 0..4 {
        run(seed, move |asker, cluster| async move {
            asker.grant(7).await;
            asker.attach(7).await;
            let last = asker.renew(7).await.expect("it was just granted");
            SimRuntime::sleep(Duration::from_secs(3)).await;
            cluster.kill(cluster.leader().expect("somebody leads"));
            let (_, gone) = asker.gone().await;
            let election = Duration::from_secs(2);
            let most = Duration::from_secs(3) + election + LIFE + Duration::from_secs(1) + LATE;
            assert!(gone - last >= LIFE, "seed {seed}: gone after {:?}", gone - last);
            assert!(gone - last <= most, "seed {seed}: gone after {:?}", gone - last);
        });
    }
}

#[test]
fn deposed_leader_ends_no_lease_that_is_kept_alive_at_the_new_one() {
    for seed in 0..4 {
        run(seed, move |asker, cluster| async move {
            asker.grant(7).await;
            asker.attach(7).await;
            let deposed = cluster.leader().expect("somebody leads");
            cluster.isolate(deposed);
            let mut renewals = 0;
            for _ in 0..6 {
                asker.renew(7).await.expect("it was kept alive");
                renewals += 1;
                SimRuntime::sleep(Duration::from_secs(2)).await;
            }
            cluster.heal_all();
            for _ in 0..4 {
                asker.renew(7).await.expect("it was kept alive");
                SimRuntime::sleep(Duration::from_secs(2)).await;
            }
            assert_eq!(asker.keys().await, 1, "seed {seed} after {renewals} renewals");
        });
    }
}

#[test]
fn two_thousand_leases_that_expire_together_all_end_while_others_are_served() {
    const LEASES: i64 = 2_000;
    run(1, |asker, _cluster| async move {
        let ids: BTreeSet<i64> = (1..=LEASES).collect();
        let granting = SimInstant::now();
        let granted: Vec<()> = stream::iter(ids)
            .map(|id| {
                let asker = asker.clone();
                async move {
                    asker.grant(id).await;
                    asker.attach(id).await;
                }
            })
            .buffer_unordered(100)
            .collect()
            .await;
        assert_eq!(granted.len(), 2_000);
        // All of them once more, so that they expire within the same moment.
        let renewed: Vec<Option<SimInstant>> = stream::iter(1..=LEASES)
            .map(|id| {
                let asker = asker.clone();
                async move { asker.renew(id).await }
            })
            .buffer_unordered(500)
            .collect()
            .await;
        let renewed: Vec<SimInstant> =
            renewed.into_iter().map(|at| at.expect("nothing has expired yet")).collect();
        let first = *renewed.iter().min().expect("two thousand");
        let last = *renewed.iter().max().expect("two thousand");
        assert!(first - granting < LIFE, "granting took too long to tell anything");
        while first + LIFE > SimInstant::now() + PAUSE {
            let asked = asker.keys().await;
            if SimInstant::now() < first + LIFE {
                assert_eq!(asked, LEASES, "a lease ended early");
            }
            SimRuntime::sleep(PAUSE).await;
        }
        let mut slowest = Duration::ZERO;
        while asker.keys().await > 0 {
            let asked = SimInstant::now();
            asker
                .until_answered(|client| async move {
                    let put = PutRequest { key: "other".into(), ..PutRequest::default() };
                    client.kv().put(put).await.ok()
                })
                .await;
            slowest = slowest.max(SimInstant::now() - asked);
            let bound = LIFE + Duration::from_secs(2) + 2 * LATE;
            assert!(SimInstant::now() - last <= bound, "leases are left after {bound:?}");
            SimRuntime::sleep(PAUSE).await;
        }
        assert!(slowest < Duration::from_secs(1), "a put took {slowest:?} meanwhile");
    });
}
