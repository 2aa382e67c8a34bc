//! Tasks that end when the member stops, and that it waits for then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;

use crate::runtime::Runtime;
use crate::stop::Stop;

type Handles<R> = Vec<<R as openraft_rt::AsyncRuntime>::JoinHandle<()>>;

/// The tasks of a member, and the signal that ends them. Clones share both.
pub struct Tasks<R: Runtime> {
    stop: Stop,
    running: Arc<Mutex<Handles<R>>>,
}

impl<R: Runtime> Default for Tasks<R> {
    fn default() -> Self {
        Self { stop: Stop::default(), running: Arc::default() }
    }
}

impl<R: Runtime> Clone for Tasks<R> {
    fn clone(&self) -> Self {
        Self { stop: self.stop.clone(), running: self.running.clone() }
    }
}

impl<R: Runtime> Tasks<R> {
    /// The signal that ends them.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Runs a task until it ends, or the signal is given.
    pub fn until_stop(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.add(R::spawn(async move {
            R::select2(Box::pin(stop.stopped()), Box::pin(task)).await;
        }));
    }

    /// Takes over a task that heeds the signal by itself.
    pub fn add(&self, task: R::JoinHandle<()>) {
        self.running.lock().expect("no panic happens under the lock").push(task);
    }

    /// Gives the signal and waits for all tasks, at most so long.
    pub async fn end(&self, limit: Duration) {
        self.stop.stop();
        let running = {
            let mut running = self.running.lock().expect("no panic happens under the lock");
            std::mem::take(&mut *running)
        };
        if R::timeout(limit, join_all(running)).await.is_err() {
            tracing::debug!("tasks have not ended in time");
        }
    }
}
