//! `cargo sim`: simulates clusters under faults and judges what comes of it.

fn main() -> std::process::ExitCode {
    scenarios::cli::main()
}
