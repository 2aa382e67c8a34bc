//! The command line client.

use std::io::Write as _;
use std::process::ExitCode;

use detcd_ctl::cli::Cli;
use detcd_ctl::command;

fn main() -> ExitCode {
    let code = match Cli::from_arguments(std::env::args().skip(1)) {
        Ok(cli) => in_tokio(&cli),
        Err(failure) => failure.tell(),
    };
    ExitCode::from(code)
}

fn in_tokio(cli: &Cli) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return detcd_ctl::failure::Failure::error(error.to_string()).tell(),
    };
    // A reader that has gone away, such as `head`, needs no answer and no complaint.
    let mut say = |text: &[u8]| {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text).and_then(|()| out.flush());
    };
    match runtime.block_on(command::run(cli, &mut say)) {
        Ok(()) => 0,
        Err(failure) => failure.tell(),
    }
}
