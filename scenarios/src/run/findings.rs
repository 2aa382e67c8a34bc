//! What the run itself finds: it judges no history, only whether what was asked for came in time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reports::{Finding, When};
use sim::World;

use super::judge::micros;

/// Findings, each with its true time; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Findings {
    world: World,
    list: Arc<Mutex<Vec<Finding>>>,
}

impl Findings {
    pub(super) fn new(world: World) -> Self {
        Self { world, list: Arc::default() }
    }

    /// Something is wrong now.
    pub(super) fn add(&self, checker: &str, message: String) {
        self.add_since(self.world.true_time(), checker, message);
    }

    /// Something has been wrong since then, and is noticed now.
    pub(super) fn add_since(&self, since: Duration, checker: &str, message: String) {
        let noticed_us = micros(self.world.true_time());
        self.push(checker, message, When { began_us: micros(since).min(noticed_us), noticed_us });
    }

    /// Something was wrong at a time that is past.
    pub(super) fn add_at(&self, at: Duration, checker: &str, message: String) {
        self.push(checker, message, When::at(micros(at)));
    }

    /// All that was found so far.
    pub(super) fn list(&self) -> Vec<Finding> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, checker: &str, message: String, when: When) {
        let finding = Finding { when: Some(when), ..Finding::new(checker, message) };
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(finding);
    }
}
