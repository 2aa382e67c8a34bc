//! A database file of etcd as a state (K25). Files of 3.4 to 3.7 differ in nothing that is read here.

use std::collections::BTreeMap;

use detcd_api::{authpb, etcdserverpb as rpc, leasepb};
use detcd_bolt::{Bucket, Database, ReadAt};
use detcd_machine::{
    Alarm, AlarmKind, Import, Machine, Permission, RestoreError, Restorer, Revision, Role, Row,
    RowHeader, User,
};
use prost::Message;

use super::row::{RowKey, decode_row};
use crate::wire;

/// Why a file is no state.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no database, or damaged.
    #[error(transparent)]
    File(#[from] detcd_bolt::Error),
    /// An entry makes no sense.
    #[error("bucket {bucket}: an entry does not decode: {reason}")]
    Entry {
        /// Where.
        bucket: &'static str,
        /// Why.
        reason: String,
    },
    /// The rows make no history.
    #[error("bucket key: {0}")]
    History(#[from] RestoreError),
    /// Whoever took the rows could not go on.
    #[error("{0}")]
    Taken(String),
}

/// An open file.
#[derive(Debug)]
pub struct SnapshotContent<'a> {
    database: Database<'a>,
    buckets: BTreeMap<Vec<u8>, Bucket>,
}

fn broken(bucket: &'static str, reason: impl ToString) -> ImportError {
    ImportError::Entry { bucket, reason: reason.to_string() }
}

impl<'a> SnapshotContent<'a> {
    /// Opens a file.
    pub fn open(source: &'a dyn ReadAt) -> Result<Self, ImportError> {
        let database = Database::open(source)?;
        let buckets = database.buckets()?;
        if !buckets.contains_key(&b"key"[..]) {
            return Err(detcd_bolt::Error::NoBucket { name: "key" }.into());
        }
        Ok(Self { database, buckets })
    }

    /// Bytes of the database.
    pub fn size(&self) -> u64 {
        self.database.size()
    }

    /// Hands every key and value of every bucket to `take`, with the bucket's name, in order.
    pub fn everything(
        &self,
        mut take: impl FnMut(&[u8], Option<(&[u8], &[u8])>),
    ) -> Result<(), ImportError> {
        for (name, bucket) in &self.buckets {
            take(name, None);
            let mut entries = self.database.entries(bucket)?;
            while let Some(entry) = entries.next()? {
                take(name, Some(entry));
            }
        }
        Ok(())
    }

    /// Hands every row to `take` in order; the newest revision, rows without keys included.
    pub fn rows(
        &self,
        mut take: impl FnMut(Revision, Row) -> Result<(), ImportError>,
    ) -> Result<i64, ImportError> {
        let mut newest = 1;
        self.each("key", |key, value| {
            let key = RowKey::decode(key).ok_or(broken("key", "not a revision"))?;
            newest = newest.max(key.revision.main);
            match decode_row(key, value).map_err(|error| broken("key", error))? {
                Some(row) => take(key.revision, row),
                None => Ok(()),
            }
        })?;
        Ok(newest)
    }

    /// Everything but rows, and without members and the place in the log, which a new cluster has anew.
    pub fn state(&self) -> Result<Import, ImportError> {
        let mut digest = 0;
        let newest = self.rows(|revision, row| {
            let mut value = Vec::new();
            super::encode_row(&row, &mut value);
            digest = u64::from(crc32c::crc32c_append(digest as u32, &value))
                ^ revision.main.cast_unsigned().rotate_left(32);
            Ok(())
        })?;
        let compacted = self.compacted()?;
        Ok(Import {
            revision: newest.max(compacted.unwrap_or(0)),
            compacted,
            digest,
            auth: self.auth()?,
            users: self.users()?,
            roles: self.roles()?,
            alarms: self.alarms()?,
            leases: self.leases()?,
        })
    }

    /// The machine of the file, which exists only if everything fits together.
    pub fn machine(&self, state: Import) -> Result<Machine, ImportError> {
        let mut restorer = Restorer::new(state.into_meta())?;
        self.rows(|revision, row| Ok(restorer.row(revision, &RowHeader::of(&row))?))?;
        Ok(restorer.finish()?)
    }

    /// The storage version, where the file tells one.
    pub fn version(&self) -> Result<String, ImportError> {
        let version = self.get("meta", b"storageVersion")?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&version).into_owned())
    }

    fn compacted(&self) -> Result<Option<i64>, ImportError> {
        let mut compacted = None;
        for name in [&b"scheduledCompactRev"[..], b"finishedCompactRev"] {
            let Some(value) = self.get("meta", name)? else { continue };
            let key = RowKey::decode(&value).ok_or(broken("meta", "not a revision"))?;
            compacted = compacted.max(Some(key.revision.main).filter(|revision| *revision > 0));
        }
        Ok(compacted)
    }

    fn auth(&self) -> Result<(bool, u64), ImportError> {
        let enabled = self.get("auth", b"authEnabled")?.is_some_and(|value| value == [1]);
        let revision = match self.get("auth", b"authRevision")? {
            Some(value) => {
                let bytes = value.as_slice().try_into();
                u64::from_be_bytes(bytes.map_err(|_| broken("auth", "not a revision"))?)
            }
            None => 1,
        };
        Ok((enabled, revision))
    }

    fn users(&self) -> Result<Vec<(String, User)>, ImportError> {
        let mut users = Vec::new();
        self.each("authUsers", |key, value| {
            let user = authpb::User::decode(value).map_err(|error| broken("authUsers", error))?;
            let no_password = user.options.is_some_and(|options| options.no_password);
            let mut roles = user.roles;
            roles.sort();
            users.push((
                text("authUsers", key)?,
                User { password: user.password, no_password, roles },
            ));
            Ok(())
        })?;
        Ok(users)
    }

    fn roles(&self) -> Result<Vec<(String, Role)>, ImportError> {
        let mut roles = Vec::new();
        self.each("authRoles", |key, value| {
            let role = authpb::Role::decode(value).map_err(|error| broken("authRoles", error))?;
            let permissions =
                role.key_permission.into_iter().map(permission).collect::<Result<_, _>>()?;
            roles.push((text("authRoles", key)?, Role { permissions }));
            Ok(())
        })?;
        Ok(roles)
    }

    fn leases(&self) -> Result<Vec<(i64, i64, i64)>, ImportError> {
        let mut leases = Vec::new();
        self.each("lease", |_, value| {
            let lease = leasepb::Lease::decode(value).map_err(|error| broken("lease", error))?;
            leases.push((lease.id, lease.ttl, lease.remaining_ttl));
            Ok(())
        })?;
        Ok(leases)
    }

    fn alarms(&self) -> Result<Vec<Alarm>, ImportError> {
        let mut alarms = Vec::new();
        self.each("alarm", |key, _| {
            let alarm = rpc::AlarmMember::decode(key).map_err(|error| broken("alarm", error))?;
            let kind = match alarm.alarm() {
                rpc::AlarmType::Nospace => AlarmKind::NoSpace,
                rpc::AlarmType::Corrupt => AlarmKind::Corrupt,
                rpc::AlarmType::None => return Ok(()),
            };
            alarms.push(Alarm { kind, member: alarm.member_id });
            Ok(())
        })?;
        Ok(alarms)
    }

    fn get(&self, bucket: &'static str, wanted: &[u8]) -> Result<Option<Vec<u8>>, ImportError> {
        let mut found = None;
        self.each(bucket, |key, value| {
            if key == wanted {
                found = Some(value.to_vec());
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Nothing if there is no such bucket.
    fn each(
        &self,
        bucket: &'static str,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let Some(bucket) = self.buckets.get(bucket.as_bytes()) else { return Ok(()) };
        let mut entries = self.database.entries(bucket)?;
        while let Some((key, value)) = entries.next()? {
            take(key, value)?;
        }
        Ok(())
    }
}

fn text(bucket: &'static str, bytes: &[u8]) -> Result<String, ImportError> {
    String::from_utf8(bytes.to_vec()).map_err(|error| broken(bucket, error))
}

fn permission(permission: authpb::Permission) -> Result<Permission, ImportError> {
    let unknown = format!("unknown kind of permission {}", permission.perm_type);
    wire::permission_from(permission).ok_or_else(|| broken("authRoles", unknown))
}
