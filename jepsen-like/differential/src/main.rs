//! `differential run`: requests from a seed to both servers. `differential replay`: one program again.

#![expect(clippy::print_stdout, reason = "what was found is what was asked for")]

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use differential::fetch;
use differential::fields::Difference;
use differential::generate::{Area, program};
use differential::pair::{Pair, Setup};
use differential::request::Request;
use differential::rules::{Hits, RULES};
use differential::shrink::shrink;

/// Sends the same generated requests to detcd and to a real etcd, and compares what they answer.
#[derive(Parser, Debug)]
#[command(name = "differential")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    servers: Servers,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Programs of a seed, one after the other, to the first few that differ.
    Run {
        /// Decides all requests.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// What they are about.
        #[arg(long, value_enum, default_value = "kv")]
        area: Area,
        /// Stops after so many requests.
        #[arg(long, default_value_t = 2000)]
        requests: u64,
        /// Stops after so many programs that differ.
        #[arg(long, default_value_t = 1)]
        findings: usize,
    },
    /// One program on fresh servers, with every request and its answers' differences.
    Replay {
        /// The seed of the run.
        #[arg(long)]
        seed: u64,
        /// What the run was about.
        #[arg(long, value_enum, default_value = "kv")]
        area: Area,
        /// The program's number.
        #[arg(long)]
        program: u64,
        /// Only these requests of it.
        #[arg(long, value_delimiter = ',')]
        keep: Vec<usize>,
    },
    /// The known differences.
    Rules,
}

#[derive(Args, Debug)]
struct Servers {
    /// A real etcd 3.5.1.
    #[arg(long, global = true)]
    etcd: Option<PathBuf>,
    /// Where it is downloaded to with pip if none is named.
    #[arg(long, global = true)]
    cache: Option<PathBuf>,
    /// detcd.
    #[arg(long, global = true, default_value = "target/debug/detcd")]
    detcd: PathBuf,
    /// Where the servers' directories go; a file system in memory is fastest.
    #[arg(long, global = true, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
}

impl Servers {
    fn setup(&self) -> Result<Setup, String> {
        let etcd = match (&self.etcd, &self.cache) {
            (Some(etcd), _) => etcd.clone(),
            (None, Some(cache)) => fetch::etcd(cache).map_err(|error| error.to_string())?,
            (None, None) => return Err("neither --etcd nor --cache is given".to_owned()),
        };
        Ok(Setup { etcd, detcd: self.detcd.clone(), folder: self.folder.clone() })
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Rules = cli.command {
        for rule in RULES {
            println!("{}: {}", rule.id, rule.says);
        }
        return ExitCode::SUCCESS;
    }
    let setup = match cli.servers.setup() {
        Ok(setup) => setup,
        Err(reason) => {
            println!("skipped: there is no etcd to compare with: {reason}");
            return ExitCode::SUCCESS;
        }
    };
    let ended = match cli.command {
        Command::Run { seed, area, requests, findings } => {
            run(&setup, (seed, area), requests, findings).await
        }
        Command::Replay { seed, area, program: number, keep } => {
            replay(&setup, program(seed, number, area), &keep).await
        }
        Command::Rules => Ok(true),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("the servers could not be compared: {error}");
            ExitCode::from(3)
        }
    }
}

async fn run(
    setup: &Setup,
    (seed, area): (u64, Area),
    requests: u64,
    findings_max: usize,
) -> io::Result<bool> {
    let mut pair = Pair::start(setup).await?;
    let mut hits = Hits::new();
    let mut sent = 0;
    let mut findings = 0;
    for number in 0.. {
        if sent >= requests || findings >= findings_max {
            break;
        }
        let requests = program(seed, number, area);
        let Some(finding) = pair.run(&requests, &mut hits).await? else {
            sent += requests.len() as u64;
            continue;
        };
        sent += finding.index as u64 + 1;
        findings += 1;
        println!("program {number} differs at request {}", finding.index);
        if finding.differences.iter().any(|field| field.path == "code") {
            let [etcd, detcd] = pair.last_words();
            println!("  etcd logged: {etcd:.300}\n  detcd logged: {detcd:.300}");
        }
        show(&finding.differences);
        match shrink(&mut pair, &requests, &finding).await? {
            Some(shrunk) => {
                let kept: Vec<String> = shrunk.kept.iter().map(usize::to_string).collect();
                let area = area
                    .to_possible_value()
                    .map_or_else(String::new, |area| area.get_name().to_owned());
                println!(
                    "  replay --seed {seed} --area {area} --program {number} --keep {}",
                    kept.join(",")
                );
                for (place, request) in shrunk.kept.iter().zip(&shrunk.requests) {
                    println!("  {place}: {request}");
                }
                show(&shrunk.finding.differences);
            }
            None => {
                println!("  only after what came before: {}", requests[finding.index]);
                show(&finding.differences);
                pair = Pair::start(setup).await?;
            }
        }
    }
    println!("{sent} requests, {findings} programs with an unexplained difference");
    for (id, count) in &hits {
        println!("  rule {id}: {count} fields");
    }
    Ok(findings == 0)
}

async fn replay(setup: &Setup, requests: Vec<Request>, keep: &[usize]) -> io::Result<bool> {
    let kept: Vec<Request> = match keep {
        [] => requests,
        keep => keep.iter().filter_map(|place| requests.get(*place).cloned()).collect(),
    };
    for (place, request) in kept.iter().enumerate() {
        println!("{place}: {request}");
    }
    let found = Pair::start(setup).await?.run(&kept, &mut Hits::new()).await?;
    if let Some(finding) = &found {
        println!("request {} is answered differently", finding.index);
        show(&finding.differences);
    }
    Ok(found.is_none())
}

fn show(differences: &[Difference]) {
    for Difference { path, etcd, detcd } in differences {
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        println!("    {path}: etcd {}, detcd {}", said(etcd), said(detcd));
    }
}
