//! `elect` (C39).

use detcd_api::etcdserverpb::{RangeRequest, RangeResponse};
use detcd_api::v3electionpb::{
    CampaignRequest, CampaignResponse, LeaderKey, LeaderRequest, LeaderResponse, ResignRequest,
};

use super::tenure::{Interrupts, Tenure};
use crate::cli::{Elect, Global};
use crate::failure::Failure;
use crate::print::{Answer, Style};
use crate::session::Session;

/// How long a leader leads that is gone.
const TTL_SECONDS: i64 = 60;

/// Leads until somebody asks this program to end, or tells who leads.
pub async fn run(
    elect: &Elect,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let refused = |text: &str| Err(Failure::arguments(text));
    match (elect.arguments.as_slice(), elect.listen) {
        ([name], true) => observe(name, global, style, say).await,
        ([name, proposal], false) => campaign(name, proposal, global, style, say).await,
        ([_], false) => refused("no proposal argument but -l not set"),
        ([_, _], true) => refused("proposal given but -l is set"),
        _ => refused("elect takes one election name argument and an optional proposal argument"),
    }
}

async fn campaign(
    name: &str,
    proposal: &str,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::noticed()?;
    let session = Session::open(global).await?;
    let tenure = Tenure::begin(&session, TTL_SECONDS).await?;
    let request = CampaignRequest {
        name: name.to_owned().into(),
        lease: tenure.lease,
        value: proposal.to_owned().into(),
    };
    let mut election = session.client.election();
    let done = tokio::select! {
        biased;
        () = interrupts.next() => Err(Failure::error("context canceled")),
        () = tenure.expired() => Err(Failure::error("elect: session expired")),
        elected = election.campaign(request) => match elected {
            Err(status) => Err(status.into()),
            Ok(elected) => {
                let CampaignResponse { leader, .. } = elected.into_inner();
                let leader = leader.unwrap_or_default();
                show(&session, &leader, style, say).await?;
                lead(&session, leader, &tenure, &mut interrupts).await
            }
        }
    };
    tenure.end().await;
    done
}

async fn show(
    session: &Session,
    leader: &LeaderKey,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let request = RangeRequest { key: leader.key.clone(), ..RangeRequest::default() };
    let found = session.answer(session.client.kv().range(request)).await?;
    say(&style.print(&Answer::Range(found))?);
    Ok(())
}

async fn lead(
    session: &Session,
    leader: LeaderKey,
    tenure: &Tenure<'_>,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    tokio::select! {
        biased;
        () = interrupts.next() => {
            let request = ResignRequest { leader: Some(leader) };
            session.answer(session.client.election().resign(request)).await.map(drop)
        }
        () = tenure.expired() => Err(Failure::error("elect: session expired")),
    }
}

async fn observe(
    name: &str,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::noticed()?;
    let session = Session::open(global).await?;
    let request = LeaderRequest { name: name.to_owned().into() };
    let mut leaders = session.answer(session.client.election().observe(request)).await?;
    loop {
        let told = tokio::select! {
            biased;
            () = interrupts.next() => return Ok(()),
            told = leaders.message() => told?,
        };
        let Some(LeaderResponse { header, kv }) = told else {
            return Err(Failure::error("elect: observer lost"));
        };
        let kvs: Vec<_> = kv.into_iter().collect();
        let found = RangeResponse { header, kvs, ..RangeResponse::default() };
        say(&style.print(&Answer::Range(found))?);
    }
}
