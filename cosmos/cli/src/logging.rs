use std::io;

use tracing_subscriber::EnvFilter;

use crate::colour::{ColourChoice, Paint};

/// Logs to standard error what RUST_LOG asks for, or else `default`.
pub(crate) fn start(default: &str, colour: ColourChoice) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second start in one process changes nothing.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(Paint::for_errors(colour).is_on())
        .try_init();
}
