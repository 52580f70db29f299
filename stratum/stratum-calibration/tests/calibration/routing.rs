//! Which rules tell samples apart.

use stratum_calibration::{Measured, ProposedRule};

use crate::support::{attributes, grid, machine, modelled, proposed, routed, sample};

/// Samples by their attributes, each with the memory that it takes.
fn measured(samples: &[(&str, u64)]) -> Measured {
    let named: Vec<_> = samples.iter().map(|(text, _)| sample(text)).collect();
    let mut measured = machine(&named, grid(&[1], &[500, 1_000, 2_000, 4_000]));
    modelled(&mut measured, |sample, _| (1_000, samples[sample].1));
    measured
}

fn rules(samples: &[(&str, u64)]) -> Vec<String> {
    let told = |rule: &ProposedRule| match &rule.when {
        Some(when) => format!("{when}: {}", rule.shape),
        None => rule.shape.clone(),
    };
    proposed(&measured(samples))
        .rules
        .iter()
        .map(told)
        .collect()
}

#[test]
fn one_shape_needs_one_rule() {
    assert_eq!(rules(&[("", 100)]), ["cpu1-500mb"]);
    assert_eq!(
        rules(&[("height=720", 100), ("height=1080", 200)]),
        ["cpu1-500mb"]
    );
}

#[test]
fn numbers_become_thresholds_and_what_is_beyond_gets_the_largest() {
    let samples = [
        ("height=2160", 1_500),
        ("height=480", 100),
        ("height=1080", 700),
    ];
    let expected = [
        "height <= 480: cpu1-500mb",
        "height <= 1080: cpu1-1000mb",
        "cpu1-2000mb",
    ];
    assert_eq!(rules(&samples), expected);
    let proposal = proposed(&measured(&samples));
    for (height, shape) in [
        (240, "cpu1-500mb"),
        (720, "cpu1-1000mb"),
        (4_320, "cpu1-2000mb"),
    ] {
        let routed = routed(&proposal, &attributes(&format!("height={height}")));
        assert_eq!(routed.group, shape, "{height}");
    }
}

#[test]
fn words_are_told_apart_by_what_they_are() {
    let samples = [
        ("codec=avc height=1080", 300),
        ("codec=avc height=2160", 700),
        ("codec=hevc height=1080", 1_500),
        ("codec=hevc height=2160", 3_000),
    ];
    let expected = [
        r#"codec == "avc" && height <= 1080: cpu1-500mb"#,
        r#"codec == "avc": cpu1-1000mb"#,
        "height <= 1080: cpu1-2000mb",
        "cpu1-4000mb",
    ];
    assert_eq!(rules(&samples), expected);
}

#[test]
fn the_attribute_that_matters_is_found() {
    let samples = [
        ("hdr=false height=1080 seed=3", 300),
        ("hdr=true height=1080 seed=1", 1_500),
        ("hdr=false height=2160 seed=2", 300),
        ("hdr=true height=2160 seed=4", 1_500),
    ];
    assert_eq!(rules(&samples), ["hdr == false: cpu1-500mb", "cpu1-2000mb"]);
}

#[test]
fn samples_without_the_attribute_are_not_meant() {
    let samples = [("height=720", 100), ("", 700)];
    assert_eq!(
        rules(&samples),
        ["height <= 720: cpu1-500mb", "cpu1-1000mb"]
    );
}

#[test]
fn samples_that_nothing_tells_apart_share_a_shape_for_all() {
    let samples = [
        ("height=720", 100),
        ("height=720", 1_500),
        ("height=480", 100),
    ];
    let expected = ["height <= 480: cpu1-500mb", "cpu1-2000mb"];
    assert_eq!(rules(&samples), expected);
    let alike = proposed(&measured(&samples)).alike;
    assert_eq!(alike, [["height=720", "height=720"]]);
}

#[test]
fn what_is_written_is_read_with_its_remarks() {
    let proposal = proposed(&measured(&[("codec=it's", 100), ("codec=\"#:", 700)]));
    let yaml = proposal.yaml(&["from 6 runs\nshapes: []".into()]);
    let expected = "\
# from 6 runs shapes: []
shapes:
  - {group: cpu1-500mb, numCpus: 1, memoryInMB: 500}
  - {group: cpu1-1000mb, numCpus: 1, memoryInMB: 1000}
routing:
  - {when: 'codec == \"it''s\"', shape: cpu1-500mb}
  - {shape: cpu1-1000mb}
";
    assert_eq!(yaml, expected);
    for (codec, shape) in [("it's", "cpu1-500mb"), ("\"#:", "cpu1-1000mb")] {
        let codec = [("codec".to_owned(), codec.to_owned())].into();
        assert_eq!(routed(&proposal, &codec).group, shape);
    }
}
