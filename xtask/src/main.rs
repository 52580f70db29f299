//! The project's own commands: demo, test, lint, law, bench, soak.

fn main() {}
