//! The first process around one command.

fn main() {}
