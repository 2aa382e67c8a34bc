//! Steps that hit links: what is cut, slow, narrow, lossy, broken, or forgotten on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use openraft_rt::AsyncRuntime;
use sim::SimRuntime;
use sim::network::HostId;

use super::chronicle::Slot;
use super::faults::Faults;
use super::members::{Members, Place};
use crate::ailment::LinkAilment;
use crate::dice::Dice;
use crate::plan::{LinkEnd, Split, Who};

/// How often it is asked whether connections that are dead were given up.
const POLL: Duration = Duration::from_millis(50);

/// The links between a member and another, or all clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Link {
    /// A member, or 0 for the clients.
    one: usize,
    /// Another.
    other: usize,
}

impl Link {
    /// Between two members.
    pub(super) fn between(one: usize, other: usize) -> Self {
        Self { one, other }
    }

    /// Between a member and all clients.
    pub(super) fn to_clients(member: usize) -> Self {
        Self { one: member, other: 0 }
    }

    /// What only one ailment at a time can have.
    fn slot(self) -> Slot {
        let (low, high) = (self.one.min(self.other), self.one.max(self.other));
        if low == 0 { Slot::Link(high, low) } else { Slot::Link(low, high) }
    }

    /// With the words for the ends.
    fn words(self, between: &str) -> String {
        let word = |end: usize| if end == 0 { "clients".to_owned() } else { end.to_string() };
        format!("{} {between} {}", word(self.one), word(self.other))
    }
}

impl Members {
    /// Pairs of machines, from one end to the other.
    pub(super) fn machines(&self, link: Link) -> Vec<(HostId, HostId)> {
        let end = |end: usize| match end {
            0 => self.clients(),
            member => vec![self.host(member).id()],
        };
        let others = end(link.other);
        end(link.one)
            .into_iter()
            .flat_map(|one| others.iter().map(move |other| (one, *other)))
            .collect()
    }
}

impl Faults {
    /// All pairs of different members, one from each side.
    async fn pairs(&self, one: &Who, other: &Who, dice: &mut Dice) -> Vec<(usize, usize)> {
        let ones = self.members.resolve(one, dice).await;
        let others = self.members.resolve(other, dice).await;
        let all = ones.iter().flat_map(|one| others.iter().map(move |other| (*one, *other)));
        all.filter(|(one, other)| one != other).collect()
    }

    pub(super) async fn cut(&self, these: &Who, those: &Who, both_ways: bool, dice: &mut Dice) {
        for (one, other) in self.pairs(these, those, dice).await {
            self.members.cut(one, other);
            if both_ways {
                self.members.cut(other, one);
            }
            let arrow = if both_ways { "-" } else { "->" };
            self.members.begin(Place::Network, None, format!("cut {one} {arrow} {other}"));
        }
    }

    pub(super) async fn partition(&self, split: &Split, dice: &mut Dice) {
        let groups = match split {
            Split::Groups(groups) => {
                let is_there = |member: &usize| !self.members.cluster.is_gone(*member);
                groups
                    .iter()
                    .map(|group| group.iter().copied().filter(is_there).collect())
                    .collect()
            }
            Split::Ring => {
                self.ring();
                return;
            }
            Split::MinorityWith(who) => {
                let size = (self.members.count() - 1) / 2;
                self.two_groups(who, size.max(1), dice).await
            }
            Split::MajorityWith(who) => {
                self.two_groups(who, self.members.count() / 2 + 1, dice).await
            }
        };
        for (one, other) in links(&groups) {
            self.members.cut(one, other);
            self.members.cut(other, one);
        }
        let text = format!("partition {}", Split::Groups(groups));
        self.members.begin(Place::Network, None, text);
    }

    /// Cuts every link but those between neighbours. Of three members everybody is a neighbour of
    /// everybody: there one link is cut.
    fn ring(&self) {
        let all: Vec<usize> = self.members.all().collect();
        let count = all.len();
        for (one, other) in (0..count).flat_map(|one| (one + 1..count).map(move |it| (one, it))) {
            let apart = (other - one).min(count - (other - one));
            if apart > 1 || (count == 3 && (one, other) == (0, 2)) {
                self.members.cut(all[one], all[other]);
                self.members.cut(all[other], all[one]);
            }
        }
        self.members.begin(Place::Network, None, "partition ring".to_owned());
    }

    /// A group of that size with that member in it, and the rest.
    async fn two_groups(&self, who: &Who, size: usize, dice: &mut Dice) -> Vec<BTreeSet<usize>> {
        let chosen = self.members.resolve(who, dice).await.first().copied();
        let mut rest: Vec<usize> = self.members.all().collect();
        let mut group = BTreeSet::new();
        if let Some(chosen) = chosen {
            rest.retain(|member| *member != chosen);
            group.insert(chosen);
        }
        while group.len() < size && !rest.is_empty() {
            let place = dice.index(rest.len());
            group.insert(rest.swap_remove(place));
        }
        vec![group, rest.into_iter().collect()]
    }

    /// The links from one end to the other.
    async fn links(&self, one: &LinkEnd, other: &LinkEnd, dice: &mut Dice) -> Vec<Link> {
        let ones = self.link_end(one, dice).await;
        let others = self.link_end(other, dice).await;
        let all = ones.iter().flat_map(|one| others.iter().map(|other| (*one, *other)));
        let links = all.filter(|(one, other)| one != other);
        links.map(|(one, other)| Link { one, other }).collect()
    }

    async fn link_end(&self, end: &LinkEnd, dice: &mut Dice) -> Vec<usize> {
        match end {
            LinkEnd::Members(who) => self.members.resolve(who, dice).await,
            LinkEnd::Clients => vec![0],
        }
    }

    /// As before, where the direction makes no difference: each once.
    async fn both_ways(&self, one: &LinkEnd, other: &LinkEnd, dice: &mut Dice) -> Vec<Link> {
        let mut seen = BTreeSet::new();
        let mut links = self.links(one, other, dice).await;
        links.retain(|link| seen.insert(link.slot()));
        links
    }

    pub(super) async fn reset(&self, one: &LinkEnd, other: &LinkEnd, dice: &mut Dice) {
        for link in self.both_ways(one, other, dice).await {
            for (one, other) in self.members.machines(link) {
                self.members.network().reset_connections(one, other);
            }
            self.members.blink(Place::Network, format!("reset {}", link.words("-")));
        }
    }

    /// The connections that there are die, and nobody is told. That is over when one of the ends has given them up.
    pub(super) async fn half_open(
        &self,
        one: &LinkEnd,
        other: &LinkEnd,
        is_one_way: bool,
        dice: &mut Dice,
    ) {
        let links = match is_one_way {
            true => self.links(one, other, dice).await,
            false => self.both_ways(one, other, dice).await,
        };
        for link in links {
            let machines = self.members.machines(link);
            let mut silenced = 0;
            for (from, to) in &machines {
                let back = || self.members.network().silence(*to, *from);
                silenced += self.members.network().silence(*from, *to);
                silenced += if is_one_way { 0 } else { back() };
            }
            if silenced == 0 {
                self.members.spares("nothing was connected there".to_owned());
                continue;
            }
            let text = format!("half-open {}", link.words(if is_one_way { "->" } else { "-" }));
            let fault = self.members.begin_incurable(Place::Network, text);
            let members = self.members.clone();
            drop(SimRuntime::spawn(async move {
                let is_dead = |(one, other): &(HostId, HostId)| {
                    members.network().half_open_count(*one, *other) > 0
                };
                while machines.iter().any(is_dead) {
                    SimRuntime::sleep(POLL).await;
                }
                members.end_fault(fault);
            }));
        }
    }

    pub(super) async fn flap(
        &self,
        one: &Who,
        other: &Who,
        every: Duration,
        lasting: Duration,
        dice: &mut Dice,
    ) {
        let pairs = self.pairs(one, other, dice).await;
        let (members, over, world) = (self.members.clone(), self.over.clone(), self.world.clone());
        let end = world.true_time() + lasting;
        let flapping = |(one, other): &(usize, usize)| {
            members.begin_curable(Place::Network, None, None, format!("flap {one} - {other}"))
        };
        let faults: Vec<_> = pairs.iter().map(flapping).collect();
        drop(SimRuntime::spawn(async move {
            while world.true_time() < end && !over.is_raised() {
                for (one, other) in &pairs {
                    members.cut(*one, *other);
                    members.cut(*other, *one);
                }
                SimRuntime::sleep(every).await;
                if over.is_raised() {
                    return;
                }
                for (one, other) in &pairs {
                    members.heal(*one, *other);
                    members.heal(*other, *one);
                }
                SimRuntime::sleep(every).await;
            }
            faults.into_iter().for_each(|fault| members.end_fault(fault));
        }));
    }

    pub(super) async fn ail_links(
        &self,
        one: &LinkEnd,
        other: &LinkEnd,
        ailment: &LinkAilment,
        lasting: Duration,
        dice: &mut Dice,
    ) {
        let word = match ailment {
            LinkAilment::Delay(_) => "delayed",
            LinkAilment::Loss(_) => "lost",
            LinkAilment::Bandwidth(_) => "narrow",
            LinkAilment::Clog => "clogged",
        };
        for link in self.both_ways(one, other, dice).await {
            let text = format!("{word} {} {ailment}", link.words("-"));
            let members = self.members.clone();
            if *ailment == LinkAilment::Clog {
                members.clog(link, lasting);
                let fault = members.begin_incurable(Place::Network, text);
                drop(SimRuntime::spawn(async move {
                    SimRuntime::sleep(lasting).await;
                    members.end_fault(fault);
                }));
                continue;
            }
            let fault = members.begin_curable(Place::Network, None, Some(link.slot()), text);
            members.ail_link(link, ailment);
            drop(SimRuntime::spawn(async move {
                SimRuntime::sleep(lasting).await;
                // Something else may be wrong there by now, or nothing.
                if members.lasts(fault) {
                    members.cure_link(link);
                    members.end_fault(fault);
                }
            }));
        }
    }

    /// Cuts members off one by one, and brings them back in another order.
    pub(super) fn swizzle(&self, every: Duration, dice: &mut Dice) {
        let leaving = shuffled(self.members.all().collect(), dice);
        let returning = shuffled(leaving.clone(), dice);
        let (members, over) = (self.members.clone(), self.over.clone());
        let text = format!("swizzle {leaving:?}, {returning:?}");
        let fault = members.begin_curable(Place::Network, None, None, text);
        drop(SimRuntime::spawn(async move {
            let others = |member: usize| members.all().filter(move |other| *other != member);
            for member in leaving {
                if over.is_raised() {
                    return;
                }
                for other in others(member) {
                    members.cut(member, other);
                    members.cut(other, member);
                }
                SimRuntime::sleep(every).await;
            }
            for member in returning {
                if over.is_raised() {
                    return;
                }
                for other in others(member) {
                    members.heal(member, other);
                    members.heal(other, member);
                }
                SimRuntime::sleep(every).await;
            }
            if !over.is_raised() {
                members.heal_links();
                members.end_fault(fault);
            }
        }));
    }
}

fn shuffled(mut members: Vec<usize>, dice: &mut Dice) -> Vec<usize> {
    let mut order = Vec::with_capacity(members.len());
    while !members.is_empty() {
        order.push(members.swap_remove(dice.index(members.len())));
    }
    order
}

/// All pairs of members in different groups.
fn links(groups: &[BTreeSet<usize>]) -> Vec<(usize, usize)> {
    let mut links = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        for other in &groups[place + 1..] {
            links.extend(group.iter().flat_map(|one| other.iter().map(move |two| (*one, *two))));
        }
    }
    links
}
