//! Makes a program that differs as short as it still differs.

use std::io;

use crate::pair::{Finding, Pair};
use crate::request::{self, Request};
use crate::rules::Hits;

/// A short program and how it differs.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The places of its requests in the long program.
    pub kept: Vec<usize>,
    /// Its requests, with nothing in them that does not matter.
    pub requests: Vec<Request>,
    /// What differs; its index counts the kept requests.
    pub finding: Finding,
}

/// Leaves requests out of `program`, halves first, then smaller pieces, as long as it differs; then
/// parts of those that are left.
///
/// `None` if the program differs no more: what came before it had its part in the difference.
pub async fn shrink(
    pair: &mut Pair,
    program: &[Request],
    finding: &Finding,
) -> io::Result<Option<Shrunk>> {
    let kept: Vec<usize> = (0..=finding.index).collect();
    let requests = program[..=finding.index].to_vec();
    let Some(mut best) = attempt(pair, kept, requests).await? else { return Ok(None) };
    let mut piece = best.kept.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < best.kept.len() {
            let end = (at + piece).min(best.kept.len());
            let (mut kept, mut requests) = (best.kept.clone(), best.requests.clone());
            kept.drain(at..end);
            requests.drain(at..end);
            match attempt(pair, kept, requests).await? {
                Some(shorter) => best = shorter,
                None => at += piece,
            }
        }
        piece /= 2;
    }
    while let Some(simpler) = simplify(pair, &best).await? {
        best = simpler;
    }
    Ok(Some(best))
}

async fn simplify(pair: &mut Pair, best: &Shrunk) -> io::Result<Option<Shrunk>> {
    for at in 0..best.requests.len() {
        for simpler in request::simpler(&best.requests[at]) {
            let mut requests = best.requests.clone();
            requests[at] = simpler;
            let found = attempt(pair, best.kept.clone(), requests).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

async fn attempt(
    pair: &mut Pair,
    mut kept: Vec<usize>,
    mut requests: Vec<Request>,
) -> io::Result<Option<Shrunk>> {
    let Some(finding) = pair.run(&requests, &mut Hits::new()).await? else { return Ok(None) };
    kept.truncate(finding.index + 1);
    requests.truncate(finding.index + 1);
    Ok(Some(Shrunk { kept, requests, finding }))
}
