//! Alarms.

use detcd_api::etcdserverpb as rpc;
use detcd_api::etcdserverpb::alarm_request::AlarmAction;
use detcd_machine::{Alarm, AlarmCommand, AlarmKind};

/// The kind that a request names; none where it names all kinds, or one that is not known.
pub(crate) fn kind_of(alarm: i32) -> Option<AlarmKind> {
    match rpc::AlarmType::try_from(alarm) {
        Ok(rpc::AlarmType::Nospace) => Some(AlarmKind::NoSpace),
        Ok(rpc::AlarmType::Corrupt) => Some(AlarmKind::Corrupt),
        Ok(rpc::AlarmType::None) | Err(_) => None,
    }
}

/// Its name in etcd's texts.
pub(crate) fn kind_name(kind: AlarmKind) -> &'static str {
    match kind {
        AlarmKind::NoSpace => "NOSPACE",
        AlarmKind::Corrupt => "CORRUPT",
    }
}

/// The command of a request that is to change something; none if there is nothing to change.
pub(crate) fn alarm_command(request: &rpc::AlarmRequest) -> Option<AlarmCommand> {
    let alarm = Alarm { kind: kind_of(request.alarm)?, member: request.member_id };
    match AlarmAction::try_from(request.action) {
        Ok(AlarmAction::Activate) => Some(AlarmCommand::Activate(alarm)),
        Ok(AlarmAction::Deactivate) => Some(AlarmCommand::Deactivate(alarm)),
        Ok(AlarmAction::Get) | Err(_) => None,
    }
}

/// The request of a command.
pub(super) fn alarm_request(command: AlarmCommand) -> rpc::AlarmRequest {
    let (action, alarm) = match command {
        AlarmCommand::Activate(alarm) => (AlarmAction::Activate, alarm),
        AlarmCommand::Deactivate(alarm) => (AlarmAction::Deactivate, alarm),
    };
    let rpc::AlarmMember { member_id, alarm } = alarm_member(alarm);
    rpc::AlarmRequest { action: action.into(), member_id, alarm }
}

/// The answer that names these alarms.
pub(crate) fn alarm_response(
    alarms: impl IntoIterator<Item = Alarm>,
    header: Option<rpc::ResponseHeader>,
) -> rpc::AlarmResponse {
    rpc::AlarmResponse { header, alarms: alarms.into_iter().map(alarm_member).collect() }
}

/// The alarm of an answer.
pub(super) fn alarm_of(member: &rpc::AlarmMember) -> Result<Alarm, ()> {
    let kind = kind_of(member.alarm).ok_or(())?;
    Ok(Alarm { kind, member: member.member_id })
}

fn alarm_member(alarm: Alarm) -> rpc::AlarmMember {
    let kind = match alarm.kind {
        AlarmKind::NoSpace => rpc::AlarmType::Nospace,
        AlarmKind::Corrupt => rpc::AlarmType::Corrupt,
    };
    rpc::AlarmMember { member_id: alarm.member, alarm: kind.into() }
}
