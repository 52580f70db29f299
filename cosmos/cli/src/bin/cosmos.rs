//! The command cosmos.

use std::process::ExitCode;

/// Servers make and drop millions of small things on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::cosmos::main()
}
