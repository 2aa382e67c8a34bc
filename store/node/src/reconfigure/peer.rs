//! Changes and refusals on the wire.

use detcd_api::peer;
use detcd_api::peer::reconfigure_request::Change as Sent;

use super::rules::{Change, Refusal};

/// To the wire.
pub fn change_to_peer(change: &Change) -> Sent {
    match change {
        Change::Add { id, peer_urls, is_learner } => Sent::Add(peer::MemberDescription {
            id: *id,
            peer_urls: peer_urls.clone(),
            is_learner: *is_learner,
            ..Default::default()
        }),
        Change::Remove(id) => Sent::Remove(*id),
        Change::Update { id, peer_urls } => Sent::Update(peer::MemberDescription {
            id: *id,
            peer_urls: peer_urls.clone(),
            ..Default::default()
        }),
        Change::Promote(id) => Sent::Promote(*id),
    }
}

/// From the wire.
pub fn change_from_peer(sent: Sent) -> Change {
    match sent {
        Sent::Add(member) => Change::Add {
            id: member.id,
            peer_urls: member.peer_urls,
            is_learner: member.is_learner,
        },
        Sent::Remove(id) => Change::Remove(id),
        Sent::Update(member) => Change::Update { id: member.id, peer_urls: member.peer_urls },
        Sent::Promote(id) => Change::Promote(id),
    }
}

const REFUSALS: [(Refusal, peer::MembershipRefusal); 8] = [
    (Refusal::MemberExists, peer::MembershipRefusal::MemberExists),
    (Refusal::PeerUrlExists, peer::MembershipRefusal::PeerUrlExists),
    (Refusal::NotEnoughStarted, peer::MembershipRefusal::NotEnoughStarted),
    (Refusal::NotFound, peer::MembershipRefusal::NotFound),
    (Refusal::NotLearner, peer::MembershipRefusal::NotLearner),
    (Refusal::LearnerNotReady, peer::MembershipRefusal::LearnerNotReady),
    (Refusal::TooManyLearners, peer::MembershipRefusal::TooManyLearners),
    (Refusal::Unhealthy, peer::MembershipRefusal::Unhealthy),
];

/// To the wire.
pub fn refusal_to_peer(refusal: Refusal) -> peer::MembershipRefusal {
    let known = REFUSALS.iter().find(|(mine, _)| *mine == refusal);
    known.map_or(peer::MembershipRefusal::Unspecified, |(_, theirs)| *theirs)
}

/// From the wire; nothing for what is none.
pub fn refusal_from_peer(sent: peer::MembershipRefusal) -> Option<Refusal> {
    REFUSALS.iter().find(|(_, theirs)| *theirs == sent).map(|(mine, _)| *mine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_refusals_survive_the_wire() {
        let peer_urls = vec!["http://a".to_owned(), "http://b".to_owned()];
        for change in [
            Change::Add { id: 1, peer_urls: peer_urls.clone(), is_learner: true },
            Change::Add { id: 2, peer_urls: peer_urls.clone(), is_learner: false },
            Change::Remove(3),
            Change::Update { id: 4, peer_urls },
            Change::Promote(5),
        ] {
            assert_eq!(change_from_peer(change_to_peer(&change)), change);
        }
        for (refusal, _) in REFUSALS {
            assert_eq!(refusal_from_peer(refusal_to_peer(refusal)), Some(refusal));
        }
    }
}
