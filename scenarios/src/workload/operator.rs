//! Who changes the membership, as a client of the store: one request, and what came of it.
//!
//! Must never know: machines, and what a change is for.

use std::time::Duration;

use detcd_api::Error;
use detcd_api::etcdserverpb::{
    Member, MemberAddRequest, MemberListRequest, MemberPromoteRequest, MemberRemoveRequest,
    MoveLeaderRequest,
};
use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use tonic::Status;

use super::Session;
use super::login::Caller;

/// Longer than a member tries: it tells then that it gave up.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long a connection may take; who does not answer then is not asked.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// How long a list may take.
const LIST_PATIENCE: Duration = Duration::from_secs(3);

/// A request about the membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A member that can be reached there.
    Add {
        /// Where.
        peer_url: String,
        /// Whether it has no vote.
        is_learner: bool,
    },
    /// The member of that id goes.
    Remove(u64),
    /// The learner of that id gets a vote.
    Promote(u64),
    /// The member of that id is to lead.
    MoveLeader(u64),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// It is done; who is a member now, where the answer says it.
    Done(Vec<Member>),
    /// It was refused, and changed nothing.
    Refused(Error),
    /// It may be done, or not, or be done later.
    Unknown,
}

/// Asks for changes.
#[derive(Debug)]
pub struct Operator {
    session: Session,
}

impl Operator {
    /// Over its connections.
    pub fn new(session: Session) -> Self {
        Self { session }
    }

    /// Asks a member for a change.
    pub async fn ask(&mut self, via: usize, ask: &Ask) -> Asked {
        let Some(client) = self.session.caller(via, CONNECT_PATIENCE).await else {
            return Asked::Unknown;
        };
        match SimRuntime::timeout(PATIENCE, send(&client, ask)).await {
            Ok(Ok(members)) => Asked::Done(members),
            Ok(Err(status)) => {
                self.session.looked_at(&status);
                refusal(&status).map_or(Asked::Unknown, Asked::Refused)
            }
            Err(_elapsed) => {
                self.session.leave(via);
                Asked::Unknown
            }
        }
    }

    /// Who is a member, if the member that is asked can tell for certain.
    pub async fn list(&mut self, via: usize) -> Option<Vec<Member>> {
        let client = self.session.caller(via, CONNECT_PATIENCE).await?;
        let request = MemberListRequest { linearizable: true };
        let mut cluster = client.cluster();
        let asking = cluster.member_list(request);
        match SimRuntime::timeout(LIST_PATIENCE, asking).await {
            Ok(Ok(reply)) => Some(reply.into_inner().members),
            Ok(Err(status)) => {
                self.session.looked_at(&status);
                None
            }
            Err(_elapsed) => {
                self.session.leave(via);
                None
            }
        }
    }
}

async fn send(client: &Caller, ask: &Ask) -> Result<Vec<Member>, Status> {
    let mut cluster = client.cluster();
    Ok(match ask {
        Ask::Add { peer_url, is_learner } => {
            let (peer_ur_ls, is_learner) = (vec![peer_url.clone()], *is_learner);
            let request = MemberAddRequest { peer_ur_ls, is_learner };
            cluster.member_add(request).await?.into_inner().members
        }
        Ask::Remove(id) => {
            cluster.member_remove(MemberRemoveRequest { id: *id }).await?.into_inner().members
        }
        Ask::Promote(id) => {
            cluster.member_promote(MemberPromoteRequest { id: *id }).await?.into_inner().members
        }
        Ask::MoveLeader(target_id) => {
            let request = MoveLeaderRequest { target_id: *target_id };
            client.maintenance().move_leader(request).await?;
            Vec::new()
        }
    })
}

/// The error that says that nothing was changed, if it is one of those.
fn refusal(status: &Status) -> Option<Error> {
    // Sent under another code (E18), and recognised by its text.
    let error = Error::from_status(status)?;
    let is_certain = matches!(
        error,
        Error::MemberExist
            | Error::PeerURLExist
            | Error::MemberNotEnoughStarted
            | Error::MemberBadURLs
            | Error::MemberNotFound
            | Error::MemberNotLearner
            | Error::LearnerNotReady
            | Error::TooManyLearners
            | Error::Unhealthy
            | Error::NotLeader
            | Error::BadLeaderTransferee
    );
    is_certain.then_some(error)
}
