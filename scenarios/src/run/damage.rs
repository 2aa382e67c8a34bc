//! Disks that do not give back what was written to them.
//!
//! A member that finds damage stops, or does not start, and may not go on with something else: it counts as
//! lost from then on, whether it has noticed or not. So that a quorum keeps what was acknowledged, no more
//! members are hit than the cluster can do without (TigerBeetle's fault atlas, for a log that is not repaired
//! from others).

use crate::ailment::Damage;
use crate::dice::Dice;

use super::members::{Members, Place};

/// What the names of log files begin with. They sort by their age.
pub(super) const LOG: &str = "wal-";
const SECTOR_BYTES: usize = 512;

impl Members {
    /// Whether what the member has on its disk cannot be relied on.
    pub(super) fn is_damaged(&self, member: usize) -> bool {
        let state = self.lock();
        state.damaged.contains(&member) || state.astray.contains(&member)
    }

    pub(super) fn damage(&self, member: usize, damage: Damage, files: &str, dice: &mut Dice) {
        if !self.is_damaged(member) && !self.can_spare(member) {
            self.spares(format!("member {member} is needed first"));
            return;
        }
        let host = self.host(member);
        let disk = host.disk();
        let length = |name: &String| {
            let durable = disk.durable_bytes(name).map_or(0, |bytes| bytes.len());
            disk.current_bytes(name).map_or(0, |bytes| bytes.len().min(durable))
        };
        let mut names = disk.durable_names();
        names.sort();
        let newest = names.iter().rposition(|name| name.starts_with(LOG));
        let meant = names.iter().enumerate().filter(|(at, name)| {
            name.starts_with(files) && Some(*at) != newest && length(name) > 0
        });
        let meant: Vec<&String> = meant.map(|(_, name)| name).collect();
        if meant.is_empty() {
            self.spares(format!("member {member} has no such file that is old enough"));
            return;
        }
        let name = dice.pick(&meant).as_str();
        let bytes = length(&name.to_owned());
        let sectors = bytes.div_ceil(SECTOR_BYTES);
        let (at, done) = match damage {
            Damage::Bit => {
                let bit = dice.index(bytes * 8);
                (bit / 8, disk.flip_bit(name, bit as u64))
            }
            Damage::Sector => {
                let sector = dice.index(sectors);
                (sector * SECTOR_BYTES, disk.break_sector(name, sector as u64))
            }
            // At rest, and so only over what was there; one that goes astray when it is made is a fault of its own.
            Damage::Astray => {
                let content = disk.durable_bytes(name).unwrap_or_default();
                let to = dice.index(sectors);
                let sector =
                    |at: usize| &content[at * SECTOR_BYTES..((at + 1) * SECTOR_BYTES).min(bytes)];
                let others: Vec<usize> =
                    (0..sectors).filter(|from| sector(*from) != sector(to)).collect();
                if others.is_empty() {
                    self.spares(format!("all sectors of {name} are alike"));
                    return;
                }
                let from = *dice.pick(&others);
                (to * SECTOR_BYTES, disk.misplace_sector(name, from as u64, to as u64))
            }
        };
        if done.is_err() {
            // It is about to be removed, and only its removal is not durable yet.
            self.spares(format!("{name} was about to be removed"));
            return;
        }
        self.lock().damaged.insert(member);
        self.may_stop(member, Some(self.forever()));
        let text = format!("disk of {member}: {} in {name}, byte {at}", damage.name());
        self.begin(Place::Disk, None, text);
    }
}
