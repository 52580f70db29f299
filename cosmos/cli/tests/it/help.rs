use crate::talk::output_of;

const VES: &str = env!("CARGO_BIN_EXE_ves");
const VVS: &str = env!("CARGO_BIN_EXE_vvs");
const COSMOS: &str = env!("CARGO_BIN_EXE_cosmos");

/// The subcommands that a help text lists.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty());
    let first = names.filter_map(|line| line.split_whitespace().next());
    first
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every way to ask for help: the words of each subcommand, its own ones too.
fn every_subcommand(program: &str, words: &[String]) -> Vec<Vec<String>> {
    let mut all = vec![words.to_vec()];
    for name in subcommands(&help(program, words, "-h")) {
        let deeper: Vec<String> = words.iter().cloned().chain([name]).collect();
        all.extend(every_subcommand(program, &deeper));
    }
    all
}

fn help(program: &str, words: &[String], flag: &str) -> String {
    let words = words.iter().map(String::as_str).chain([flag]);
    output_of(program, &words.collect::<Vec<_>>())
}

#[test]
fn every_help_says_what_it_is_about_and_fits_a_terminal() {
    for program in [VES, VVS, COSMOS] {
        let all = every_subcommand(program, &[]);
        assert!(all.len() > 3, "{all:?}");
        for words in all {
            for flag in ["-h", "--help"] {
                let text = help(program, &words, flag);
                let about = text.lines().next().unwrap();
                assert!(
                    about.len() > 15,
                    "{words:?} says nothing of itself: {about}"
                );
                let wide = text.lines().find(|line| line.chars().count() > 100);
                assert_eq!(wide, None, "{words:?}");
            }
        }
    }
}

#[test]
fn all_subcommands_are_there() {
    let expected = [
        "encode",
        "watch-folder",
        "probe",
        "validate",
        "presets",
        "cache",
        "submit",
        "status",
        "watch",
        "cat",
        "cancel",
        "list",
        "completions",
        "man",
    ];
    assert_eq!(subcommands(&output_of(VES, &["-h"])), expected);
    let expected = ["validate", "completions", "man"];
    assert_eq!(subcommands(&output_of(VVS, &["-h"])), expected);
    let expected = [
        "up",
        "run",
        "queue",
        "workflow",
        "blobs",
        "function",
        "shapes",
        "new",
        "simulate",
        "config",
        "completions",
        "man",
    ];
    assert_eq!(subcommands(&output_of(COSMOS, &["-h"])), expected);
}

#[test]
fn the_long_help_documents_exit_statuses_and_events() {
    for command in ["encode", "validate", "watch"] {
        let text = output_of(VES, &[command, "--help"]);
        for part in ["Exit status: 0 done", "JSON events", "chunks_reused"] {
            assert!(text.contains(part), "{command}: {part}");
        }
    }
}

#[test]
fn each_program_has_examples_of_itself() {
    for (program, name) in [(VES, "ves"), (VVS, "vvs")] {
        let text = output_of(program, &["validate", "--help"]);
        assert!(
            text.contains(&format!("  {name} validate out.mp4 ")),
            "{text}"
        );
        assert!(text.contains("random_access: {max_frames"), "{text}");
        assert!(!text.contains("PROGRAM"), "{text}");
    }
}

#[test]
fn the_long_help_of_queues_documents_exit_statuses_and_objects() {
    let text = output_of(COSMOS, &["queue", "--help"]);
    for part in ["Exit status: 0 done", "JSON objects", "attempts_left"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn the_long_help_of_workflows_documents_exit_statuses_and_objects() {
    let text = output_of(COSMOS, &["workflow", "--help"]);
    for part in ["Exit status: 0 done", "JSON objects", "definition_version"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn there_is_a_version() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(output_of(VES, &["--version"]), format!("ves {version}\n"));
    assert_eq!(output_of(VVS, &["--version"]), format!("vvs {version}\n"));
    assert_eq!(
        output_of(COSMOS, &["--version"]),
        format!("cosmos {version}\n")
    );
}
