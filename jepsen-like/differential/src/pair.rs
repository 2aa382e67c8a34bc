//! Both servers side by side.

use std::io;
use std::path::PathBuf;

use crate::fields::{self, Difference};
use crate::request::Request;
use crate::rules::{self, Exchange, Hits};
use crate::session::Session;

/// How to start both.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The real etcd.
    pub etcd: PathBuf,
    /// detcd.
    pub detcd: PathBuf,
    /// Where their directories go.
    pub folder: PathBuf,
}

/// Both servers, at the same revision, empty.
#[derive(Debug)]
pub struct Pair {
    setup: Setup,
    etcd: Session,
    detcd: Session,
    /// Whether their pasts differ.
    differed: bool,
}

/// A request whose answers differ.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its place in the program.
    pub index: usize,
    /// How they differ.
    pub differences: Vec<Difference>,
}

impl Pair {
    /// Starts both.
    pub async fn start(setup: &Setup) -> io::Result<Self> {
        // The least that a password may cost.
        let cheap = ["--bcrypt-cost=4".to_owned()];
        let no_sync = ["--unsafe-no-fsync".to_owned(), cheap[0].clone()];
        let (etcd, detcd) = tokio::join!(
            Session::start(&setup.etcd, &setup.folder, &no_sync),
            Session::start(&setup.detcd, &setup.folder, &cheap),
        );
        Ok(Self { setup: setup.clone(), etcd: etcd?, detcd: detcd?, differed: false })
    }

    /// Carries out a program up to the first request whose answers differ.
    pub async fn run(
        &mut self,
        program: &[Request],
        hits: &mut Hits,
    ) -> io::Result<Option<Finding>> {
        if self.align().await.is_err() {
            // A server that a request has ended, most likely.
            *self = Self::start(&self.setup.clone()).await?;
            self.align().await?;
        }
        for (index, request) in program.iter().enumerate() {
            let (etcd, detcd) = tokio::join!(self.etcd.ask(request), self.detcd.ask(request));
            let differences = fields::differences(&etcd, &detcd);
            let exchange = Exchange { request, etcd: &etcd, detcd: &detcd };
            let differences = rules::unexplained(exchange, differences, hits);
            if !differences.is_empty() {
                self.differed = true;
                return Ok(Some(Finding { index, differences }));
            }
        }
        Ok(match self.etcd.has_users() {
            true => self.compare_auth_revisions(program.len()).await?,
            false => None,
        })
    }

    /// Whether both have changed users and roles as often, which only an administrator may ask an old
    /// version: so it is asked after the program.
    async fn compare_auth_revisions(&mut self, end: usize) -> io::Result<Option<Finding>> {
        let mut revisions = Vec::new();
        for session in [&mut self.etcd, &mut self.detcd] {
            session.clear().await.map_err(io::Error::other)?;
            revisions.push(session.auth_revision().await.map_err(io::Error::other)?);
        }
        if revisions[0] == revisions[1] {
            return Ok(None);
        }
        self.differed = true;
        let difference = Difference {
            path: "auth_revision afterwards".to_owned(),
            etcd: Some(revisions[0].to_string()),
            detcd: Some(revisions[1].to_string()),
        };
        Ok(Some(Finding { index: end - 1, differences: vec![difference] }))
    }

    /// Empties both, and brings them to the same revision, below which neither can be asked any more.
    async fn align(&mut self) -> io::Result<()> {
        for session in [&mut self.etcd, &mut self.detcd] {
            session.clear().await.map_err(io::Error::other)?;
        }
        if !self.differed {
            return Ok(());
        }
        let (etcd, detcd) = (self.etcd.auth_revision().await, self.detcd.auth_revision().await);
        if etcd.map_err(io::Error::other)? != detcd.map_err(io::Error::other)? {
            return Err(io::Error::other("users were changed more often on one side"));
        }
        let revision = self.etcd.revision().max(self.detcd.revision());
        for session in [&mut self.etcd, &mut self.detcd] {
            // One revision more for all, so that clearing costs each of them one.
            session.advance(revision + 1).await.map_err(io::Error::other)?;
            session.clear().await.map_err(io::Error::other)?;
            session.compact().await.map_err(io::Error::other)?;
        }
        self.differed = false;
        Ok(())
    }

    /// The last that the servers have logged, etcd first.
    pub fn last_words(&self) -> [String; 2] {
        [&self.etcd, &self.detcd].map(|session| {
            let log = session.log();
            let lines: Vec<&str> = log.lines().rev().take(1).collect();
            lines.into_iter().rev().collect::<Vec<_>>().join("\n")
        })
    }
}
