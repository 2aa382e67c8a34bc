//! A run, stopped at a moment and looked into.
//!
//! Nothing is kept of a run but its seed, so it is run again up to the moment. Looking changes nothing
//! before: the stop is a timer of the run's own future, which no other task can see.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use detcd_node::window;
use sim::cluster::{Cluster, Content, DiskCopy, FileSize, Status, View};
use sim::network::NetworkOptions;
use sim::trace::{Digest, Event};
use sim::{Trace, World};

use super::phases::{Options, Run};
use crate::panics::Slot;
use crate::plan::Plan;

/// A run at one moment.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// True simulated time since its start: the moment that was asked for, or its end before that.
    pub at: Duration,
    /// The panic of a member that ended the run.
    pub panic: Option<String>,
    /// The hash of all events so far.
    pub digest: Digest,
    /// The last events.
    pub events: Vec<Event>,
    /// The members that were asked for.
    pub members: Vec<Member>,
}

/// A member at one moment.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its number.
    pub number: usize,
    /// Its id, by which members call it, once it has one.
    pub id: Option<u64>,
    /// Whether its process runs.
    pub is_up: bool,
    /// What it told of itself.
    pub status: Status,
    /// What its process thinks, if it is up and serves.
    pub view: Option<window::View>,
    /// Its files.
    pub files: Vec<FileSize>,
    /// What a process that started now would find, or why it would not start.
    pub current: Result<Content, String>,
    /// What a process would find after a loss of power that nothing pending survives.
    pub durable: Result<Content, String>,
}

/// Events that are kept.
const EVENTS_MAX: usize = 20;
/// Keys of each member that are listed.
const KEYS_MAX: usize = 12;

/// Runs a plan up to a moment, and looks into one member or all of them. A run in which a member panics is over then.
/// Panics go into the slot.
///
/// # Panics
///
/// If anything else inside panics.
pub fn inspect(
    plan: &Plan,
    seed: u64,
    at: Duration,
    only: Option<usize>,
    slot: &Slot,
) -> Inspection {
    let (plan, slot) = (plan.clone(), slot.clone());
    sim::run(seed, move || async move {
        slot.enter();
        let world = World::new(Trace::with_tail(EVENTS_MAX), NetworkOptions::default());
        let options = Options { panics: Some(slot.clone()), ..Options::default() };
        let run = Run::boot(world.clone(), plan, &options);
        let cluster = run.cluster().clone();
        {
            let (mut running, mut moment) = (pin!(run.run()), pin!(world.until(at)));
            poll_fn(|task| match running.as_mut().poll(task) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => moment.as_mut().poll(task),
            })
            .await;
        }
        let at = world.true_time();
        let digest = world.trace().digest();
        let events = world.trace().recording().events;
        let everyone = 1..=cluster.size();
        let numbers: Vec<usize> =
            everyone.filter(|member| only.is_none_or(|only| only == *member)).collect();
        // All disks at the same moment, before the copies are read: that takes time.
        let copies: Vec<[DiskCopy; 2]> = numbers
            .iter()
            .map(|member| {
                [View::Current, View::Durable].map(|view| cluster.copy_disk(*member, view))
            })
            .collect();
        let mut found: Vec<Member> =
            numbers.into_iter().map(|member| look(&cluster, member)).collect();
        for (member, [current, durable]) in found.iter_mut().zip(&copies) {
            member.current = cluster.read_copy(current).await;
            member.durable = cluster.read_copy(durable).await;
        }
        let panic = slot.judged().map(|judged| judged.message);
        Inspection { at, panic, digest, events, members: found }
    })
}

/// A member but for what is on its disk.
fn look(cluster: &Cluster, number: usize) -> Member {
    let unread = || Err("nobody has read it".to_owned());
    Member {
        number,
        id: cluster.id(number),
        is_up: cluster.is_up(number),
        status: cluster.observed().status(number),
        view: cluster.look(number, KEYS_MAX),
        files: cluster.files(number),
        current: unread(),
        durable: unread(),
    }
}
