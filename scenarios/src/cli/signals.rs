//! Signals that end a campaign in good order: what is under way is finished, and everything is written.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::screen::complain;

/// What a shell adds to the number of a signal to tell of it in an exit code.
const BY_SIGNAL: i32 = 128;

/// A flag that SIGINT or SIGTERM raises from now on. A second one ends this process on the spot.
pub(super) fn flag() -> io::Result<Arc<AtomicBool>> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let both = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || runtime.block_on(listen(both, &raised)))?;
    Ok(flag)
}

async fn listen((mut interrupt, mut terminate): (Signal, Signal), raised: &AtomicBool) {
    loop {
        let number = next(&mut interrupt, &mut terminate).await;
        if raised.swap(true, Ordering::Relaxed) {
            process::exit(BY_SIGNAL + number);
        }
        complain("stopped: the runs under way are finished and told of; once more ends them, too");
    }
}

/// The number of the next signal.
async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> i32 {
    tokio::select! {
        biased;
        _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
        _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
    }
}
