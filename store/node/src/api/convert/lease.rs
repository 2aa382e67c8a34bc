//! Leases between the wire's types and the machine's.

use detcd_api::peer::command::Command as SentCommand;
use detcd_api::peer::outcome::Result as SentOutcome;
use detcd_api::peer::{self, lease_checkpoints};
use detcd_machine::{LeaseCheckpoint, LeaseCommand, LeaseGrant, LeaseOutcome};

/// To the log and to peers.
pub(super) fn command_to_peer(command: &LeaseCommand) -> SentCommand {
    match command {
        LeaseCommand::Grant(grant) => SentCommand::LeaseGrant(grant_to_peer(*grant)),
        LeaseCommand::Revoke { id } => SentCommand::LeaseRevoke(*id),
        LeaseCommand::Checkpoint(checkpoints) => {
            let leases = checkpoints.iter().map(|checkpoint| lease_checkpoints::Lease {
                id: checkpoint.id,
                remaining_ttl: checkpoint.remaining_ttl,
            });
            let leases = leases.collect();
            SentCommand::LeaseCheckpoint(peer::LeaseCheckpoints { leases })
        }
    }
}

/// A grant, as proposed and as answered.
pub(super) fn grant(sent: peer::LeaseGrant) -> LeaseGrant {
    LeaseGrant { id: sent.id, ttl: sent.ttl }
}

/// Checkpoints.
pub(super) fn checkpoints(sent: &peer::LeaseCheckpoints) -> LeaseCommand {
    let checkpoints = sent
        .leases
        .iter()
        .map(|lease| LeaseCheckpoint { id: lease.id, remaining_ttl: lease.remaining_ttl });
    LeaseCommand::Checkpoint(checkpoints.collect())
}

/// What came of a command.
pub(super) fn outcome_to_peer(outcome: LeaseOutcome) -> SentOutcome {
    match outcome {
        LeaseOutcome::Granted(grant) => SentOutcome::LeaseGrant(grant_to_peer(grant)),
        LeaseOutcome::Revoked { id } => SentOutcome::LeaseRevoke(id),
        LeaseOutcome::Checkpointed => SentOutcome::LeaseCheckpoint(peer::Empty {}),
    }
}

fn grant_to_peer(grant: LeaseGrant) -> peer::LeaseGrant {
    peer::LeaseGrant { id: grant.id, ttl: grant.ttl }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(in crate::api::convert) fn command() -> impl Strategy<Value = LeaseCommand> {
        let checkpoint =
            any::<[i64; 2]>().prop_map(|[id, remaining_ttl]| LeaseCheckpoint { id, remaining_ttl });
        prop_oneof![
            any::<[i64; 2]>().prop_map(|[id, ttl]| LeaseCommand::Grant(LeaseGrant { id, ttl })),
            any::<i64>().prop_map(|id| LeaseCommand::Revoke { id }),
            prop::collection::vec(checkpoint, 0..3).prop_map(LeaseCommand::Checkpoint),
        ]
    }
}
