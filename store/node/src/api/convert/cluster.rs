//! What members tell each other about their cluster.

use detcd_api::peer;
use detcd_api::peer::cluster_command::Command as Sent;
use detcd_machine::{ClusterCommand, Version};

use super::command::DecodeError;

/// To the log.
pub(super) fn cluster_command_to_peer(command: ClusterCommand) -> peer::ClusterCommand {
    let sent = match command {
        ClusterCommand::SetVersion(version) => Sent::SetVersion(version_to_peer(version)),
        ClusterCommand::EnableDowngrade(target) => Sent::EnableDowngrade(version_to_peer(target)),
        ClusterCommand::CancelDowngrade => Sent::CancelDowngrade(peer::Empty {}),
    };
    peer::ClusterCommand { command: Some(sent) }
}

/// From the log.
pub(super) fn cluster_command(sent: peer::ClusterCommand) -> Result<ClusterCommand, DecodeError> {
    Ok(match sent.command.ok_or(DecodeError::Empty)? {
        Sent::SetVersion(sent) => ClusterCommand::SetVersion(version(sent)),
        Sent::EnableDowngrade(target) => ClusterCommand::EnableDowngrade(version(target)),
        Sent::CancelDowngrade(_) => ClusterCommand::CancelDowngrade,
    })
}

fn version_to_peer(version: Version) -> peer::Version {
    peer::Version { major: version.major, minor: version.minor }
}

fn version(sent: peer::Version) -> Version {
    Version { major: sent.major, minor: sent.minor }
}
