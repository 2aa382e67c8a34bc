//! Log lines of a run, with simulated time and the number of the last event instead of the time of day.
//!
//! Two runs of a seed print the same lines. Must never know: who logs.

use std::fmt;
use std::io;

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use crate::context;
use crate::trace::Trace;

/// Prints what this run logs to standard error until the guard is dropped; `filter` is in the syntax of
/// `RUST_LOG`, such as `info,openraft=warn`.
///
/// To be called inside the run: a run has a thread of its own, and other runs are not affected.
pub fn to_stderr(trace: &Trace, filter: &str) -> DefaultGuard {
    to_writer(trace, filter, io::stderr)
}

/// Like [`to_stderr`], to somewhere else.
pub fn to_writer<W: io::Write>(
    trace: &Trace,
    filter: &str,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> DefaultGuard {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_timer(SimulatedTime { trace: trace.clone() })
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    tracing::subscriber::set_default(subscriber)
}

struct SimulatedTime {
    trace: Trace,
}

impl FormatTime for SimulatedTime {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        let micros = context::true_nanos() / 1000;
        let (millis, rest) = (micros / 1000, micros % 1000);
        write!(out, "[s{millis}.{rest:03} e{}]", self.trace.digest().count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use openraft_rt::AsyncRuntime;

    use super::*;
    use crate::runtime::{SimRuntime, run};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_carry_simulated_time_and_the_number_of_the_last_event() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        run(1, move || async move {
            let trace = Trace::default();
            let _guard = to_writer(&trace, "info", move || writer.clone());
            SimRuntime::sleep(Duration::from_millis(1500)).await;
            trace.event("something", &[]);
            tracing::info!(term = 3, "became leader");
            tracing::debug!("not asked for");
        });
        let text = String::from_utf8(buffer.0.lock().expect("nobody panicked").clone());
        let text = text.expect("lines are text");
        assert!(text.starts_with("[s1500.000 e1]"), "{text}");
        assert!(text.contains("became leader term=3"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
