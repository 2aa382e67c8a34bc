//! The steps after which links work, but not well, and the ends of links.

use super::cursor::Cursor;
use super::parse::{Parsed, Parser, for_duration};
use crate::ailment::LinkAilment;
use crate::plan::{Action, LinkEnd};

/// With less, what a connection may have under way takes longer than a run.
const BANDWIDTH_MIN: u64 = 1_000;
/// With more, nobody notices.
const BANDWIDTH_MAX: u64 = 1_000_000_000;

impl Parser {
    /// A step of this kind, or one that changes who is a member.
    pub(super) fn link_ailment(&mut self, word: &str, line: &mut Cursor<'_>) -> Parsed<Action> {
        if !["delay", "lose", "bandwidth", "clog"].contains(&word) {
            return self.membership(word, line);
        }
        let (one, other) = self.link("-", line)?;
        let ailment = match word {
            "delay" => {
                line.expect("by")?;
                LinkAilment::Delay(line.moment()?)
            }
            "lose" => {
                let percent = line.small(1..=100)?;
                line.expect("percent")?;
                LinkAilment::Loss(percent)
            }
            "bandwidth" => {
                let bytes = line.count(BANDWIDTH_MIN..=BANDWIDTH_MAX)? as u64;
                ["bytes", "per", "second"].into_iter().try_for_each(|word| line.expect(word))?;
                LinkAilment::Bandwidth(bytes)
            }
            _ => LinkAilment::Clog,
        };
        Ok(Action::AilLink { one, other, ailment, lasting: for_duration(line)? })
    }

    pub(super) fn link(
        &mut self,
        between: &str,
        line: &mut Cursor<'_>,
    ) -> Parsed<(LinkEnd, LinkEnd)> {
        let one = self.link_end(line)?;
        line.expect(between)?;
        let other = self.other_end(&one, line)?;
        Ok((one, other))
    }

    pub(super) fn link_end(&mut self, line: &mut Cursor<'_>) -> Parsed<LinkEnd> {
        if line.take("clients") {
            return Ok(LinkEnd::Clients);
        }
        self.who(line).map(LinkEnd::Members)
    }

    pub(super) fn other_end(&mut self, one: &LinkEnd, line: &mut Cursor<'_>) -> Parsed<LinkEnd> {
        let other = self.link_end(line)?;
        if (one, &other) == (&LinkEnd::Clients, &LinkEnd::Clients) {
            return line.error("clients have no links to clients");
        }
        Ok(other)
    }
}
