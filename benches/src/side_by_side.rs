//! The same load on detcd and on a real etcd, in turns, in one run.
//!
//! Both clusters stand the whole time; an idle one takes next to nothing. Rounds alternate which of
//! them goes first, so that a noisy neighbour or a warming disk meets both alike.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::load::{self, End, Error, Load, Measured, Work};
use crate::process::{Program, Servers};

/// Longest time that a cluster may take to serve.
const READY_LIMIT: Duration = Duration::from_secs(30);

/// What is compared.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The programs, ours first.
    pub programs: Vec<Program>,
    /// Members per cluster.
    pub members: usize,
    /// Rounds per load and program.
    pub rounds: usize,
    /// The loads, one after the other.
    pub loads: Vec<Load>,
    /// Where the members keep their data.
    pub folder: PathBuf,
}

/// The loads that are measured when nobody names one: writes of one and of many, and reads.
pub fn default_loads(end: End) -> Vec<Load> {
    let load = |work, clients, connections| Load {
        work,
        clients,
        connections,
        end,
        keys: 1_000,
        key_bytes: 8,
        value_bytes: 256,
    };
    vec![
        load(Work::Put, 1, 1),
        load(Work::Put, 100, 10),
        load(Work::Range, 100, 10),
        load(Work::SerializableRange, 100, 10),
    ]
}

/// What one load gave.
#[derive(Debug, Clone)]
pub struct Line {
    /// The load.
    pub load: Load,
    /// Members per cluster.
    pub members: usize,
    /// What each program did with it.
    pub results: Vec<(&'static str, Measured)>,
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, measured) in &self.results {
            writeln!(out, "{name:>5}  {} --members {}: {measured}", self.load, self.members)?;
        }
        if let [(one, ours), (other, theirs)] = self.results.as_slice() {
            let p50 = |measured: &Measured| measured.latencies.percentile(50).as_secs_f64();
            writeln!(
                out,
                "ratio  {} --members {}: throughput {:.2}x p50 {:.2}x cpu {:.2}x ({one}/{other})",
                self.load,
                self.members,
                ours.throughput() / theirs.throughput().max(1e-9),
                p50(ours) / p50(theirs).max(1e-9),
                ours.cpu_per_1000() / theirs.cpu_per_1000().max(1e-9),
            )?;
        }
        Ok(())
    }
}

/// Starts the clusters and measures; `tell` gets each load's line when it is there.
pub async fn run(comparison: &Comparison, mut tell: impl FnMut(&Line)) -> Result<(), Error> {
    let mut clusters = Vec::new();
    for program in &comparison.programs {
        let servers = Servers::start(program, comparison.members, &comparison.folder)?;
        load::ready(&servers.endpoints(), READY_LIMIT).await?;
        clusters.push((program.name, servers));
    }
    for load in &comparison.loads {
        let mut results: Vec<_> =
            clusters.iter().map(|(name, _)| (*name, Measured::default())).collect();
        for round in 0..comparison.rounds {
            for turn in 0..clusters.len() {
                let at = (turn + round) % clusters.len();
                let servers = &clusters[at].1;
                let measured = load::run(load, &servers.endpoints(), &servers.pids()).await?;
                results[at].1.merge(measured);
            }
        }
        tell(&Line { load: load.clone(), members: comparison.members, results });
    }
    Ok(())
}
