//! Invocations joined with their ends.

use std::collections::HashMap;

use super::{ClientId, Event, History, Info, MemberId, Micros, OpId, Refusal, Request, Response};

/// One operation from its call to its end.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'h> {
    /// Its id.
    pub op: OpId,
    /// Who did it.
    pub client: ClientId,
    /// Which member was asked.
    pub member: MemberId,
    /// When it was called.
    pub call: Micros,
    /// When it ended; for an unknown outcome when the client gave up, or never.
    pub end: Option<Micros>,
    /// What was asked.
    pub request: &'h Request,
    /// How it ended.
    pub outcome: Outcome<'h>,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'h> {
    /// Answered.
    Ok(&'h Response),
    /// Refused.
    Fail(&'h Refusal),
    /// Nobody knows; `None` when the history ends before the operation does.
    Info(Option<&'h Info>),
}

/// All operations of a history in the order of their calls, and the lines that fit no operation.
#[derive(Debug, Clone, Default)]
pub struct Operations<'h> {
    /// The operations.
    pub list: Vec<Operation<'h>>,
    /// What is wrong with the history itself, one sentence each.
    pub malformed: Vec<String>,
}

impl History {
    /// Joins invocations with their ends. Lines that fit nothing are reported, never guessed at.
    pub fn operations(&self) -> Operations<'_> {
        let mut joined = Operations::default();
        let mut position: HashMap<OpId, usize> = HashMap::new();
        for (line, event) in self.events.iter().enumerate() {
            match event {
                Event::Invoke { time, op, client, member, request } => {
                    if position.insert(*op, joined.list.len()).is_some() {
                        joined
                            .malformed
                            .push(format!("event {}: operation {op} is invoked twice", line + 1));
                    }
                    let (op, client, member, call) = (*op, *client, *member, *time);
                    let outcome = Outcome::Info(None);
                    joined.list.push(Operation {
                        op,
                        client,
                        member,
                        call,
                        end: None,
                        request,
                        outcome,
                    });
                }
                Event::Ok { time, op, response } => {
                    joined.finish(&position, line, *op, *time, Outcome::Ok(response));
                }
                Event::Fail { time, op, error } => {
                    joined.finish(&position, line, *op, *time, Outcome::Fail(error));
                }
                Event::Info { time, op, error } => {
                    joined.finish(&position, line, *op, *time, Outcome::Info(Some(error)));
                }
                Event::Watch(_)
                | Event::Leader(_)
                | Event::Access(_)
                | Event::Upkeep(_)
                | Event::Applied(_)
                | Event::Lease(_)
                | Event::CompactedAt { .. }
                | Event::Observed(_)
                | Event::Healed { .. } => {}
            }
        }
        joined.list.sort_by_key(|operation| operation.call);
        joined
    }
}

impl<'h> Operations<'h> {
    fn finish(
        &mut self,
        position: &HashMap<OpId, usize>,
        line: usize,
        op: OpId,
        time: Micros,
        outcome: Outcome<'h>,
    ) {
        let line = line + 1;
        let Some(operation) = position.get(&op).and_then(|&at| self.list.get_mut(at)) else {
            self.malformed.push(format!("event {line}: operation {op} ends but was never invoked"));
            return;
        };
        if operation.end.is_some() {
            self.malformed.push(format!("event {line}: operation {op} ends twice"));
            return;
        }
        if time < operation.call {
            let call = operation.call;
            self.malformed.push(format!(
                "event {line}: operation {op} ends at {time} us, called at {call} us"
            ));
        }
        operation.end = Some(time);
        operation.outcome = outcome;
    }
}
