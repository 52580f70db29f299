//! The program of the service: it runs the workflows until it is told to stop.

fn main() -> std::process::ExitCode {
    service_kit::main("shelf", shelf::definitions)
}
