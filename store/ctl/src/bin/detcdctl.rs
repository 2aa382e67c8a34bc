//! The command line client.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use detcd_ctl::cli::Cli;
use detcd_ctl::failure::Failure;
use detcd_ctl::{command, environment};

fn main() -> ExitCode {
    // A variable that is no text is none of etcdctl's.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let text = |argument: OsString| {
        let refusal = |argument| Failure::arguments(format!("{argument:?} is not UTF-8"));
        argument.into_string().map_err(refusal)
    };
    let given: Result<Vec<String>, Failure> = std::env::args_os().skip(1).map(text).collect();
    let arguments = given.and_then(|given| environment::merged(given, variables));
    let code = match arguments.and_then(Cli::from_arguments) {
        Ok(cli) => in_tokio(&cli),
        Err(failure) => failure.tell(),
    };
    ExitCode::from(code)
}

fn in_tokio(cli: &Cli) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::error(error.to_string()).tell(),
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
