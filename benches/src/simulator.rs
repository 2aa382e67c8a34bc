//! How fast the simulator runs a whole cluster: all of a member's code, over simulated disks and links,
//! without faults and without checkers.

use std::fmt;
use std::time::{Duration, Instant};

use detcd_api::Client;
use detcd_api::etcdserverpb::PutRequest;
use detcd_node::grpc::Channel;
use openraft_rt::AsyncRuntime;
use sim::network::NetworkOptions;
use sim::{ClientHost, Cluster, ClusterConfig, SimRuntime, Trace, World};

use crate::process::cpu_time;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Simulation {
    /// The number that decides the run.
    pub seed: u64,
    /// How many members.
    pub members: usize,
    /// Puts per simulated second; 0 for one after the other without a pause.
    pub rate: u64,
    /// How many puts.
    pub puts: u64,
}

/// What it took.
#[derive(Debug, Clone, Copy)]
pub struct Speed {
    /// What was simulated.
    pub simulation: Simulation,
    /// Answered puts.
    pub answered: u64,
    /// Simulated time of the whole run, from before the first election to the last answer.
    pub simulated: Duration,
    /// Real time of the whole run.
    pub wall: Duration,
    /// CPU time of this process meanwhile, which neighbours disturb less; zero where it is not known.
    pub cpu: Duration,
}

impl fmt::Display for Speed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Simulation { seed, members, rate, puts } = self.simulation;
        let wall = self.wall.as_secs_f64().max(1e-9);
        write!(
            out,
            "simulator --members {members} --rate {rate} --puts {puts} --seed {seed}: \
             {:.0} puts and {:.1} simulated s per wall s ({} answered, {:.1} simulated s in {:.2} s, {:.2} s of CPU)",
            self.answered as f64 / wall,
            self.simulated.as_secs_f64() / wall,
            self.answered,
            self.simulated.as_secs_f64(),
            self.wall.as_secs_f64(),
            self.cpu.as_secs_f64()
        )
    }
}

/// Longest simulated time for a connection or a request.
const LIMIT: Duration = Duration::from_secs(2);

/// Runs one simulation and measures it.
pub fn run(simulation: Simulation) -> Speed {
    // Inside the run every clock is simulated, std's as well: only out here is there real time.
    let cpu = || cpu_time(&[std::process::id()]).unwrap_or_default();
    let (begin, cpu_before) = (Instant::now(), cpu());
    let (answered, simulated) = sim::run(simulation.seed, move || measure(simulation));
    let (wall, cpu) = (begin.elapsed(), cpu().saturating_sub(cpu_before));
    Speed { simulation, answered, simulated, wall, cpu }
}

async fn measure(simulation: Simulation) -> (u64, Duration) {
    let world = World::new(Trace::default(), NetworkOptions::default());
    let config = ClusterConfig { members: simulation.members, ..ClusterConfig::default() };
    let cluster = Cluster::boot(&world, &config);
    let client = cluster.client("client", 1);
    let inside = client.clone();
    let work = client.host().spawn(async move {
        let connections = boot(&inside, simulation.members).await;
        put_all(simulation, &connections).await
    });
    let answered = work.await.expect("the client does not panic");
    (answered, world.true_time())
}

/// A connection to each member, once all of them have answered a put.
async fn boot(client: &ClientHost, members: usize) -> Vec<Client<Channel>> {
    let mut connections = Vec::new();
    while connections.len() < members {
        if let Ok(channel) = client.connect(connections.len() + 1, LIMIT).await {
            let connection = Client::new(channel, http::Uri::from_static("http://member"));
            if put(&connection, 0).await {
                connections.push(connection);
                continue;
            }
        }
        SimRuntime::sleep(Duration::from_millis(50)).await;
    }
    connections
}

async fn put_all(simulation: Simulation, connections: &[Client<Channel>]) -> u64 {
    let mut answered = 0;
    let members = connections.len() as u64;
    let pause = 1_000_000u64.checked_div(simulation.rate).map(Duration::from_micros);
    for number in 0..simulation.puts {
        let member = usize::try_from(number % members).expect("members are few");
        let connection = &connections[member];
        match pause {
            None => answered += u64::from(put(connection, number).await),
            // The pause goes on while the put does: the rate is that of the clock.
            Some(pause) => {
                let rest = SimRuntime::sleep(pause);
                answered += u64::from(put(connection, number).await);
                rest.await;
            }
        }
    }
    answered
}

async fn put(connection: &Client<Channel>, number: u64) -> bool {
    let request = PutRequest {
        key: format!("k{:03}", number % 1000).into(),
        value: number.to_string().into(),
        ..PutRequest::default()
    };
    let mut kv = connection.kv();
    matches!(SimRuntime::timeout(LIMIT, kv.put(request)).await, Ok(Ok(_)))
}
