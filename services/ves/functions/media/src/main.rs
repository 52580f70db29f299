//! The codec-independent functions as one program: `ves-media index | split | plan | assemble`.

use std::process::ExitCode;

use stratum_function::run;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("index") => run(ves_media::index),
        Some("split") => run(ves_media::split),
        Some("plan") => run(ves_media::plan),
        Some("assemble") => run(ves_media::assemble),
        _ => {
            eprintln!("usage: ves-media index | split | plan | assemble");
            ExitCode::from(2)
        }
    }
}
