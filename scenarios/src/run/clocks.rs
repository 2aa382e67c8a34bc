//! Wall clocks that are wrong from the start.

use std::time::Duration;

use sim::World;
use sim::cluster::Cluster;
use sim::random::{Key, Stream};

/// Puts wall clocks ahead or behind, by the seed, before any member has looked at one.
pub(super) fn set(world: &World, cluster: &Cluster, offset_max: Duration) {
    let span = nanos(offset_max).saturating_mul(2);
    for member in cluster.members().filter(|_| span > 0) {
        let key = Key::of("wall clock offset").number(member as u64);
        let drawn = world.streams().draw(Stream::Clock, key).below(span + 1);
        cluster.host(member).step_wall_clock(drawn.cast_signed() - nanos(offset_max).cast_signed());
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX / 4)
}
