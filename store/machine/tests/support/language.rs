//! The language of the scripts: words to commands, and results to lines.
//!
//! ```text
//! put KEY VALUE [lease=N] [prev] [ignore_value] [ignore_lease]
//! get KEYS [rev=N] [limit=N] [sort=TARGET] [asc|desc] [keys] [count] [min_mod=N] [max_create=N] ..
//! del KEYS [prev]
//! txn { COMPARE ; COMPARE } { OP ; OP } { OP ; OP }     if, then, else
//! grant ID TTL | revoke ID | checkpoint ID REMAINING ..
//! COMPARE: version|create|mod|lease|value KEYS =|!=|<|> OPERAND
//! KEYS: one key | a..c (exclusive) | a.. (to the last) | .. (all) | a* (prefix)
//! auth WHAT ..                                          see `auth_language`
//! ```
//! Bytes are written `\xff` and `\0`; no bytes at all are written `""`.

#[path = "auth_language.rs"]
mod auth;

use std::fmt::Write as _;
use std::str::SplitWhitespace;

use bytes::Bytes;
use detcd_machine::{
    Alarm, AlarmCommand, AlarmKind, ClusterCommand, Command, Compact, Compare, CompareResult,
    CompareTarget, DeleteRange, Event, EventKind, KeyValue, LeaseCheckpoint, LeaseCommand,
    LeaseGrant, LeaseOutcome, MemberAttributes, Outcome, Put, Range, RangeOutcome, SortOrder,
    SortTarget, Txn, TxnOp, Version,
};

pub(crate) use self::auth::{requester, show_auth};

/// The words of a line.
pub(crate) struct Words<'a>(std::iter::Peekable<SplitWhitespace<'a>>);

impl<'a> Words<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        Self(line.split_whitespace().peekable())
    }

    pub(crate) fn next(&mut self) -> &'a str {
        self.0.next().expect("another word")
    }

    pub(crate) fn maybe(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    pub(crate) fn number(&mut self) -> i64 {
        number(self.next())
    }

    pub(crate) fn take(&mut self, word: &str) -> bool {
        self.0.next_if_eq(&word).is_some()
    }

    fn expect(&mut self, word: &str) {
        assert_eq!(self.next(), word);
    }

    /// The next word, unless the operation ends here.
    fn option(&mut self) -> Option<&'a str> {
        self.0.next_if(|word| !matches!(*word, ";" | "}"))
    }

    pub(crate) fn command(&mut self) -> Command {
        match self.next() {
            "put" => Command::Put(self.put()),
            "del" => Command::DeleteRange(self.delete_range()),
            "txn" => Command::Txn(self.txn()),
            "compact" => Command::Compact(Compact { revision: self.number() }),
            "grant" => Command::Lease(LeaseCommand::Grant(LeaseGrant {
                id: self.number(),
                ttl: self.number(),
            })),
            "revoke" => Command::Lease(LeaseCommand::Revoke { id: self.number() }),
            "checkpoint" => Command::Lease(LeaseCommand::Checkpoint(
                std::iter::from_fn(|| {
                    let id = number(self.maybe()?);
                    Some(LeaseCheckpoint { id, remaining_ttl: self.number() })
                })
                .collect(),
            )),
            "member" => Command::SetMember(MemberAttributes {
                id: self.number().cast_unsigned(),
                name: self.next().to_owned(),
                client_urls: std::iter::from_fn(|| self.maybe()).map(str::to_owned).collect(),
            }),
            "auth" => Command::Auth(auth::command(self)),
            "raise" => Command::Alarm(AlarmCommand::Activate(self.alarm())),
            "disarm" => Command::Alarm(AlarmCommand::Deactivate(self.alarm())),
            "cluster-version" => Command::Cluster(ClusterCommand::SetVersion(self.version())),
            "downgrade" => Command::Cluster(ClusterCommand::EnableDowngrade(self.version())),
            "downgrade-cancel" => Command::Cluster(ClusterCommand::CancelDowngrade),
            other => panic!("no command {other:?}"),
        }
    }

    fn alarm(&mut self) -> Alarm {
        let kind = match self.next() {
            "nospace" => AlarmKind::NoSpace,
            "corrupt" => AlarmKind::Corrupt,
            other => panic!("no alarm {other:?}"),
        };
        Alarm { kind, member: self.number().cast_unsigned() }
    }

    fn version(&mut self) -> Version {
        self.next().parse().expect("a version")
    }

    fn put(&mut self) -> Put {
        let (key, value) = (bytes(self.next()), bytes(self.next()));
        let mut put = Put { key, value, ..Put::default() };
        while let Some(option) = self.option() {
            match option.split_once('=').unwrap_or((option, "")) {
                ("lease", id) => put.lease = number(id),
                ("prev", "") => put.prev_kv = true,
                ("ignore_value", "") => put.ignore_value = true,
                ("ignore_lease", "") => put.ignore_lease = true,
                _ => panic!("no option {option:?} of put"),
            }
        }
        put
    }

    fn delete_range(&mut self) -> DeleteRange {
        let (key, range_end) = keys(self.next());
        let mut delete = DeleteRange { key, range_end, prev_kv: false };
        while let Some(option) = self.option() {
            assert_eq!(option, "prev", "option of del");
            delete.prev_kv = true;
        }
        delete
    }

    pub(crate) fn range(&mut self) -> Range {
        let (key, range_end) = keys(self.next());
        let mut range = Range { key, range_end, ..Range::default() };
        while let Some(option) = self.option() {
            match option.split_once('=').unwrap_or((option, "")) {
                ("rev", at) => range.revision = number(at),
                ("limit", most) => range.limit = number(most),
                ("sort", target) => range.sort_target = sort_target(target),
                ("asc", "") => range.sort_order = SortOrder::Ascend,
                ("desc", "") => range.sort_order = SortOrder::Descend,
                ("keys", "") => range.keys_only = true,
                ("count", "") => range.count_only = true,
                ("min_mod", at) => range.min_mod_revision = number(at),
                ("max_mod", at) => range.max_mod_revision = number(at),
                ("min_create", at) => range.min_create_revision = number(at),
                ("max_create", at) => range.max_create_revision = number(at),
                _ => panic!("no option {option:?} of get"),
            }
        }
        range
    }

    fn txn(&mut self) -> Txn {
        Txn {
            compare: self.list(Self::compare),
            success: self.list(Self::op),
            failure: self.list(Self::op),
        }
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        self.expect("{");
        let mut items = Vec::new();
        while !self.take("}") {
            items.push(item(self));
            self.take(";");
        }
        items
    }

    fn op(&mut self) -> TxnOp {
        match self.next() {
            "get" => TxnOp::Range(self.range()),
            "put" => TxnOp::Put(self.put()),
            "del" => TxnOp::DeleteRange(self.delete_range()),
            "txn" => TxnOp::Txn(self.txn()),
            other => panic!("no operation {other:?}"),
        }
    }

    fn compare(&mut self) -> Compare {
        let field = self.next();
        let (key, range_end) = keys(self.next());
        let result = match self.next() {
            "=" => CompareResult::Equal,
            "!=" => CompareResult::NotEqual,
            "<" => CompareResult::Less,
            ">" => CompareResult::Greater,
            other => panic!("no relation {other:?}"),
        };
        let target = match field {
            "version" => CompareTarget::Version(self.number()),
            "create" => CompareTarget::CreateRevision(self.number()),
            "mod" => CompareTarget::ModRevision(self.number()),
            "lease" => CompareTarget::Lease(self.number()),
            "value" => CompareTarget::Value(bytes(self.next())),
            other => panic!("no field {other:?}"),
        };
        Compare { key, range_end, result, target }
    }
}

pub(crate) fn number(word: &str) -> i64 {
    word.parse().unwrap_or_else(|_| panic!("{word:?} is no number"))
}

fn sort_target(word: &str) -> SortTarget {
    match word {
        "key" => SortTarget::Key,
        "version" => SortTarget::Version,
        "create" => SortTarget::Create,
        "mod" => SortTarget::Mod,
        "value" => SortTarget::Value,
        other => panic!("no sort target {other:?}"),
    }
}

/// `key` and `range_end`.
pub(crate) fn keys(word: &str) -> (Bytes, Bytes) {
    const ZERO: &[u8] = b"\0";
    match word.split_once("..") {
        Some(("", "")) => (ZERO.into(), ZERO.into()),
        Some((from, "")) => (bytes(from), ZERO.into()),
        Some((from, to)) => (bytes(from), bytes(to)),
        None => match word.strip_suffix('*') {
            Some(prefix) => (bytes(prefix), prefix_end(&bytes(prefix))),
            None => (bytes(word), Bytes::new()),
        },
    }
}

/// As etcd's clients compute it (G9).
fn prefix_end(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end.into();
        }
    }
    Bytes::from_static(b"\0")
}

pub(crate) fn bytes(word: &str) -> Bytes {
    if word == "\"\"" {
        return Bytes::new();
    }
    let mut out = Vec::new();
    let mut rest = word;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        let (byte, length) = match escape.as_bytes()[0] {
            b'0' => (0, 1),
            b'x' => (u8::from_str_radix(&escape[1..3], 16).expect("two hex digits"), 3),
            other => panic!("no escape \\{}", char::from(other)),
        };
        out.push(byte);
        rest = &escape[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    out.into()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            0 => text.push_str("\\0"),
            0x21..0x7f => text.push(char::from(*byte)),
            _ => write!(text, "\\x{byte:02x}").expect("a string takes everything"),
        }
    }
    text
}

pub(crate) fn show_kv(kv: &KeyValue) -> String {
    let mut line = format!(
        "{}={} (create {}, mod {}, version {}",
        text(&kv.key),
        text(&kv.value),
        kv.create_revision,
        kv.mod_revision,
        kv.version
    );
    if kv.lease != 0 {
        write!(line, ", lease {}", kv.lease).expect("a string takes everything");
    }
    line + ")"
}

pub(crate) fn show_key(key: &[u8]) -> String {
    text(key)
}

pub(crate) fn show_range(outcome: &RangeOutcome) -> Vec<String> {
    let more = if outcome.more { ", more" } else { "" };
    let mut lines = vec![format!("count {}{more}", outcome.count)];
    lines.extend(outcome.kvs.iter().map(|kv| show_kv(kv)));
    lines
}

pub(crate) fn show_outcome(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Put(put) => {
            let prev = put.prev_kv.iter().map(|prev| format!("prev {}", show_kv(prev)));
            std::iter::once("put".to_owned()).chain(prev).collect()
        }
        Outcome::DeleteRange(delete) => {
            let prev = delete.prev_kvs.iter().map(|prev| format!("prev {}", show_kv(prev)));
            std::iter::once(format!("deleted {}", delete.deleted)).chain(prev).collect()
        }
        Outcome::Range(range) => show_range(range),
        Outcome::Txn(txn) => {
            let first = if txn.succeeded { "succeeded" } else { "failed" };
            let inner = txn.responses.iter().flat_map(show_outcome);
            std::iter::once(first.to_owned()).chain(inner.map(|line| format!("  {line}"))).collect()
        }
        Outcome::Compact => vec!["compacted".to_owned()],
        Outcome::SetMember => vec!["member set".to_owned()],
        Outcome::Auth(revision) => vec![format!("auth revision {revision}")],
        Outcome::Alarm(None) => vec!["no alarm".to_owned()],
        Outcome::Alarm(Some(alarm)) => vec![format!("alarm {}", show_alarm(*alarm))],
        Outcome::Lease(LeaseOutcome::Granted(grant)) => {
            vec![format!("granted {} for {} s", grant.id, grant.ttl)]
        }
        Outcome::Lease(LeaseOutcome::Revoked { id }) => vec![format!("revoked {id}")],
        Outcome::Lease(LeaseOutcome::Checkpointed) => vec!["checkpointed".to_owned()],
        Outcome::Cluster => vec!["cluster changed".to_owned()],
    }
}

pub(crate) fn show_alarm(alarm: Alarm) -> String {
    let kind = match alarm.kind {
        AlarmKind::NoSpace => "nospace",
        AlarmKind::Corrupt => "corrupt",
    };
    format!("{kind} {}", alarm.member)
}

pub(crate) fn show_event(event: &Event) -> String {
    let prev = event.prev.map_or(String::new(), |at| format!(", before it {}.{}", at.main, at.sub));
    match event.kind {
        EventKind::Put => format!("event put {}{prev}", show_kv(&event.kv)),
        EventKind::Delete => {
            let only = KeyValue {
                key: event.kv.key.clone(),
                mod_revision: event.kv.mod_revision,
                ..KeyValue::default()
            };
            assert_eq!(*event.kv, only, "a deletion shows only the key and where it happened");
            format!("event delete {} at {}{prev}", text(&event.kv.key), event.kv.mod_revision)
        }
    }
}
