//! `alarm` (C32).

use detcd_api::etcdserverpb::alarm_request::AlarmAction;
use detcd_api::etcdserverpb::{AlarmRequest, AlarmResponse, AlarmType};
use serde::Serialize;

use crate::cli::{Alarm, Global};
use crate::failure::Failure;
use crate::print::{Header, Report, Style, header, header_fields};
use crate::session::Session;

/// Runs one of them.
pub async fn run(
    alarm: &Alarm,
    global: &Global,
    style: &Style,
    say: &mut impl FnMut(&[u8]),
) -> Result<(), Failure> {
    let session = Session::open(global).await?;
    let ask = async |action: AlarmAction, member_id, alarm: i32| {
        let request = AlarmRequest { action: action.into(), member_id, alarm };
        session.answer(session.client.maintenance().alarm(request)).await
    };
    let active = ask(AlarmAction::Get, 0, AlarmType::None.into()).await?;
    let answer = match alarm {
        Alarm::List => active,
        Alarm::Disarm => {
            let mut disarmed = AlarmResponse::default();
            for alarm in active.alarms {
                let done = ask(AlarmAction::Deactivate, alarm.member_id, alarm.alarm).await?;
                disarmed.alarms.extend(done.alarms);
            }
            disarmed
        }
    };
    say(&report(&answer).print(style)?);
    Ok(())
}

#[derive(Serialize)]
struct Alarms {
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<Header>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alarms: Vec<AlarmJson>,
}

#[derive(Serialize)]
struct AlarmJson {
    #[serde(rename = "memberID")]
    member_id: u64,
    alarm: i32,
}

/// The alarms of an answer.
pub fn report(answer: &AlarmResponse) -> Report {
    let name = |alarm: AlarmType| match alarm {
        AlarmType::None => "NONE",
        AlarmType::Nospace => "NOSPACE",
        AlarmType::Corrupt => "CORRUPT",
    };
    let alarms = || answer.alarms.iter();
    let lines = alarms().map(|it| format!("memberID:{} alarm:{} ", it.member_id, name(it.alarm())));
    let mut fields = header_fields(&answer.header);
    fields.extend(alarms().flat_map(|it| {
        [
            format!("\"MemberID\" : {}", it.member_id),
            format!("\"AlarmType\" : {}", name(it.alarm())),
            String::new(),
        ]
    }));
    let json = Alarms {
        header: header(&answer.header),
        alarms: alarms().map(|it| AlarmJson { member_id: it.member_id, alarm: it.alarm }).collect(),
    };
    Report::of_lines(lines).fields(fields).json(&json)
}
