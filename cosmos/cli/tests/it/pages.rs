use std::fs;

use crate::talk::{Desk, output_of};

const PROGRAMS: [(&str, &str); 3] = [
    ("ves", env!("CARGO_BIN_EXE_ves")),
    ("vvs", env!("CARGO_BIN_EXE_vvs")),
    ("cosmos", env!("CARGO_BIN_EXE_cosmos")),
];

#[test]
fn every_shell_is_completed() {
    let marks = [
        ("bash", "complete -F"),
        ("zsh", "#compdef"),
        ("fish", "complete -c"),
    ];
    for (name, program) in PROGRAMS {
        for (shell, mark) in marks {
            let script = output_of(program, &["completions", shell]);
            assert!(script.contains(mark), "{name} {shell}");
            assert!(script.contains("completions"), "{name} {shell}");
        }
    }
}

#[test]
fn there_is_a_manual_page_for_every_subcommand() {
    for (name, program) in PROGRAMS {
        let page = output_of(program, &["man"]);
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        assert!(page.contains("Exit status"));
        let desk = Desk::new();
        let dir = desk.at("man1");
        output_of(program, &["man", "--dir", dir.to_str().unwrap()]);
        let pages: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        for wanted in [
            format!("{name}.1"),
            format!("{name}-man.1"),
            format!("{name}-completions.1"),
        ] {
            assert!(pages.contains(&wanted), "{wanted} is not among {pages:?}");
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_ves"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
}
