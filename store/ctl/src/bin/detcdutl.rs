//! The command line tool for files.

use std::io::Write as _;
use std::process::ExitCode;

use detcd_ctl::failure::Failure;
use detcd_ctl::offline::{self, cli::Cli};

fn main() -> ExitCode {
    let done = Cli::from_arguments(std::env::args().skip(1)).and_then(|cli| in_tokio(&cli));
    match done {
        Ok(text) => {
            let mut out = std::io::stdout().lock();
            // A reader that has gone away needs no answer and no complaint.
            let _ = out.write_all(&text).and_then(|()| out.flush());
            ExitCode::SUCCESS
        }
        Err(failure) => ExitCode::from(failure.tell()),
    }
}

fn in_tokio(cli: &Cli) -> Result<Vec<u8>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::error(error.to_string()))?.block_on(offline::run(cli))
}
