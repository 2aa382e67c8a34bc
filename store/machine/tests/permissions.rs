//! Decisions about permissions, against a model that tries every key.
//!
//! Keys are a few short strings. The model keeps what was granted as lists, and asks of every key in a
//! range whether some role of the user permits it; it knows nothing of merged ranges.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use detcd_machine::{
    AuthCommand, AuthRejection, Command, Machine, Permission, PermissionKind, Requester, Revision,
    Row, Rows,
};
use proptest::prelude::*;

/// Every key that a range of the test can tell from another.
const KEYS: [&str; 12] =
    ["\0", "a", "a\0", "a\0\0", "b", "b\0", "c", "c\0", "d", "d\0", "e", "e\0"];
const STARTS: [&str; 5] = ["a", "b", "c", "d", "e"];
const ENDS: [&str; 8] = ["", "\0", "a\0", "b", "c", "d", "e", "f"];

struct NoRows;

impl Rows for NoRows {
    fn row(&self, _: Revision) -> Option<Row> {
        None
    }
}

#[derive(Debug, Clone)]
enum Change {
    Grant { role: usize, permission: Permission },
    Revoke { role: usize, key: Bytes, range_end: Bytes },
    Give { role: usize },
    Take { role: usize },
    Delete { role: usize },
    Add { role: usize },
    Restart,
}

#[derive(Debug, Default)]
struct Model {
    roles: BTreeMap<usize, Vec<Permission>>,
    given: BTreeSet<usize>,
}

impl Model {
    fn change(&mut self, change: &Change) {
        match change {
            Change::Grant { role, permission } => {
                let Some(granted) = self.roles.get_mut(role) else { return };
                let Permission { key, range_end, .. } = permission;
                if !range_end.is_empty() && range_end.as_ref() != [0] && range_end <= key {
                    return;
                }
                granted.retain(|old| (&old.key, &old.range_end) != (key, range_end));
                granted.push(permission.clone());
            }
            Change::Revoke { role, key, range_end } => {
                let Some(granted) = self.roles.get_mut(role) else { return };
                granted.retain(|old| (&old.key, &old.range_end) != (key, range_end));
            }
            Change::Give { role } => {
                if self.roles.contains_key(role) {
                    self.given.insert(*role);
                }
            }
            Change::Take { role } => {
                self.given.remove(role);
            }
            Change::Delete { role } => {
                self.roles.remove(role);
                self.given.remove(role);
            }
            Change::Add { role } => {
                self.roles.entry(*role).or_default();
            }
            Change::Restart => {}
        }
    }

    /// A range without an end also has the keys that nobody has thought of, which only a permission
    /// without an end covers.
    fn permits(&self, kind: PermissionKind, key: &Bytes, range_end: &Bytes) -> bool {
        let permissions: Vec<&Permission> =
            self.given.iter().filter_map(|role| self.roles.get(role)).flatten().collect();
        let may = |permission: &&&Permission| {
            permission.kind == kind || permission.kind == PermissionKind::ReadWrite
        };
        let covered = |wanted: &[u8]| {
            permissions.iter().filter(may).any(|have| contains(&have.key, &have.range_end, wanted))
        };
        let endless = range_end.as_ref() == [0];
        let last = !endless || covered(b"\xff\xff");
        let mut wanted = KEYS.iter().filter(|one| contains(key, range_end, one.as_bytes()));
        last && wanted.all(|one| covered(one.as_bytes()))
    }
}

fn contains(key: &[u8], range_end: &[u8], wanted: &[u8]) -> bool {
    match range_end {
        [] => wanted == key,
        [0] => wanted >= key,
        end => wanted >= key && wanted < end,
    }
}

fn bytes(of: &'static [&'static str]) -> impl Strategy<Value = Bytes> {
    prop::sample::select(of).prop_map(|text| Bytes::from_static(text.as_bytes()))
}

fn change() -> impl Strategy<Value = Change> {
    let kinds = vec![PermissionKind::Read, PermissionKind::Write, PermissionKind::ReadWrite];
    let permission = (prop::sample::select(kinds), bytes(&STARTS), bytes(&ENDS))
        .prop_map(|(kind, key, range_end)| Permission { kind, key, range_end });
    let role = 0_usize..3;
    prop_oneof![
        5 => (role.clone(), permission)
            .prop_map(|(role, permission)| Change::Grant { role, permission }),
        2 => (role.clone(), bytes(&STARTS), bytes(&ENDS))
            .prop_map(|(role, key, range_end)| Change::Revoke { role, key, range_end }),
        2 => role.clone().prop_map(|role| Change::Give { role }),
        1 => role.clone().prop_map(|role| Change::Take { role }),
        1 => role.clone().prop_map(|role| Change::Delete { role }),
        2 => role.prop_map(|role| Change::Add { role }),
        1 => Just(Change::Restart),
    ]
}

fn command(change: &Change) -> Option<AuthCommand> {
    let (user, name) = ("user".to_owned(), |role: &usize| format!("role-{role}"));
    Some(match change {
        Change::Grant { role, permission } => AuthCommand::RoleGrantPermission {
            role: name(role),
            permission: Some(permission.clone()),
        },
        Change::Revoke { role, key, range_end } => AuthCommand::RoleRevokePermission {
            role: name(role),
            key: key.clone(),
            range_end: range_end.clone(),
        },
        Change::Give { role } => AuthCommand::UserGrantRole { user, role: name(role) },
        Change::Take { role } => AuthCommand::UserRevokeRole { user, role: name(role) },
        Change::Delete { role } => AuthCommand::RoleDelete { role: name(role) },
        Change::Add { role } => AuthCommand::RoleAdd { role: name(role) },
        Change::Restart => return None,
    })
}

/// A member with a user, and what it keeps.
struct World {
    machine: Machine,
    kept: BTreeMap<Vec<u8>, Bytes>,
}

impl World {
    fn new() -> Self {
        let mut world = Self { machine: Machine::new(), kept: BTreeMap::new() };
        for user in ["root", "user"] {
            let (user, password) = (user.to_owned(), Bytes::new());
            world.apply(AuthCommand::UserAdd { user, password, no_password: false });
        }
        let (user, role) = ("root".to_owned(), "root".to_owned());
        world.apply(AuthCommand::UserGrantRole { user, role });
        world.apply(AuthCommand::Enable);
        world
    }

    fn apply(&mut self, command: AuthCommand) {
        let applied = self.machine.apply(&Requester::Member, &Command::Auth(command), &NoRows);
        for change in applied.changes {
            match change {
                detcd_machine::Change::SetMeta { key, value } => {
                    self.kept.insert(key.encode(), value);
                }
                detcd_machine::Change::RemoveMeta { key } => {
                    self.kept.remove(&key.encode());
                }
                other => panic!("no rows are changed: {other:?}"),
            }
        }
    }

    fn restart(&mut self) {
        let kept = self.kept.iter().map(|(key, value)| {
            let key = detcd_machine::MetaKey::decode(key).expect("as it was encoded");
            (key, value.clone())
        });
        let restorer = detcd_machine::Restorer::new(kept).expect("kept metadata can be restored");
        let restored = restorer.finish().expect("what was kept can be restored");
        assert_eq!(restored.auth(), self.machine.auth());
        self.machine = restored;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn g83_a_range_is_permitted_if_and_only_if_every_key_of_it_is(
        changes in prop::collection::vec(change(), 0..30),
    ) {
        let mut world = World::new();
        let mut model = Model::default();
        for change in &changes {
            match command(change) {
                Some(command) => world.apply(command),
                None => world.restart(),
            }
            model.change(change);
        }
        let auth = world.machine.auth();
        let auth_revision = auth.revision();
        let by = Requester::User { name: "user".to_owned(), auth_revision };
        for start in STARTS {
            for end in ENDS {
                let key = Bytes::from_static(start.as_bytes());
                let range_end = Bytes::from_static(end.as_bytes());
                if !range_end.is_empty() && range_end.as_ref() != [0] && range_end <= key {
                    continue;
                }
                let expected = |kind| match model.permits(kind, &key, &range_end) {
                    true => Ok(()),
                    false => Err(AuthRejection::PermissionDenied),
                };
                let read = auth.check_read(&by, &key, &range_end);
                prop_assert_eq!(read, expected(PermissionKind::Read), "{:?} {:?}", start, end);
                let write = auth.check_write(&by, &key, &range_end);
                prop_assert_eq!(write, expected(PermissionKind::Write), "{:?} {:?}", start, end);
            }
        }
    }
}
