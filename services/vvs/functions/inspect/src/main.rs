//! The functions as one program: `vvs-inspect fingerprint | plan | inspect | verdict`.

use std::process::ExitCode;

use stratum_function::run;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("fingerprint") => run(vvs_inspect::fingerprint),
        Some("plan") => run(vvs_inspect::plan),
        Some("inspect") => run(vvs_inspect::inspect),
        Some("verdict") => run(vvs_inspect::verdict),
        _ => {
            eprintln!("usage: vvs-inspect fingerprint | plan | inspect | verdict");
            ExitCode::from(2)
        }
    }
}
