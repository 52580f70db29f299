//! What is wrong with a rule base is told all at once, each with its place and a hint.
#![allow(clippy::unwrap_used)]

use plato_rules::{RuleBase, Rules};

fn problems(text: &str) -> Vec<String> {
    let base = RuleBase::of_yaml(text).unwrap();
    let invalid = Rules::new(base).unwrap_err();
    invalid
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.place, problem.message))
        .collect()
}

/// A rule base in which `rule` is the only rule.
fn with(rule: &str) -> String {
    format!(
        "name: t\nversion: 1\nfacts:\n  Title: {{key: [id], fields: {{id: string, height: uint, hdr: bool, at: timestamp}}}}\n  \
         Job: {{fields: {{title: string, height: int}}}}\nrules:\n  - {rule}\n"
    )
}

const ASSERT: &str = "{record: [{assert: {fact: Job, fields: {title: '\"t\"', height: '1'}}}]}";

fn of_pattern(pattern: &str) -> Vec<String> {
    problems(&with(&format!(
        "{{name: r, match: [{pattern}], action: {ASSERT}}}"
    )))
}

fn of_guard(guard: &str) -> String {
    let pattern = format!("{{fact: Title, as: title, where: {{id: $id}}, when: '{guard}'}}");
    let told = of_pattern(&pattern);
    assert_eq!(told.len(), 1, "{told:?}");
    let place = format!("rules[0].match[0].when: `{}`: ", guard.escape_debug());
    told[0].strip_prefix(&place).unwrap().to_owned()
}

#[test]
fn everything_is_told_at_once() {
    let told = problems(
        r#"
name: "bad name"
version: 0
facts:
  Title: {key: [ip], fields: {id: string}}
rules:
  - name: a
    match: [{fact: Titel}, {not: Title, where: {id: $x}}]
    action: {}
  - name: a
    match: [{not: Title}]
    action: {record: [{assert: {fact: Title, fields: {}}}, {update: {fact: nobody, fields: {}}}, {retract: nobody}]}
    reaction: [{retract: nobody}]
"#,
    );
    assert_eq!(
        told,
        [
            "name: `bad name` is no name",
            "version: version 0",
            "facts.Title.key: there is no field `ip`",
            "rules[0].match[0]: there is no fact type `Titel`",
            "rules[0].match[1].where.id: `$x` is not bound",
            "rules[0].action: the rule does nothing",
            "rules[1].name: a second rule is named `a`",
            "rules[1].match: no pattern is a `fact`",
            "rules[1].reaction: nothing is run that could succeed",
            "rules[1].action.record[0].assert.fields.id: the field has no value",
            "rules[1].action.record[1].update: no fact is named `nobody`",
            "rules[1].action.record[2].retract: no fact is named `nobody`",
            "rules[1].reaction[0].retract: no fact is named `nobody`",
        ]
    );
}

#[test]
fn patterns_name_types_fields_and_values_that_are_there() {
    for (pattern, told) in [
        (
            "{fact: Title, not: Job}",
            "rules[0].match[0]: it is not clear what the pattern is about",
        ),
        (
            "{fact: Title, where: {width: 1}}",
            "rules[0].match[0].where.width: Title has no field `width`",
        ),
        (
            "{fact: Title, where: {height: -1}}",
            "rules[0].match[0].where.height: -1 is not a whole number of 64 bits, 0 or more",
        ),
        (
            "{fact: Title, where: {height: $h}}, {fact: Job, where: {height: $h}}",
            "rules[0].match[1].where.height: `$h` is uint, the field is int",
        ),
        (
            "{fact: Title, as: x}, {fact: Job, as: x}",
            "rules[0].match[1].as: `x` is taken",
        ),
        (
            "{fact: Title, as: 1x}",
            "rules[0].match[0].as: `1x` cannot be used in expressions",
        ),
        (
            "{fact: Title, as: result}",
            "rules[0].match[0].as: `result` means how a run ended",
        ),
    ] {
        assert_eq!(of_pattern(pattern), [told], "{pattern}");
    }
}

#[test]
fn expressions_are_well_typed() {
    for (guard, told) in [
        ("title.height", "it is uint, but must be bool"),
        ("title.height >", "it is not CEL: "),
        (
            "title.width > 1",
            "`title` has no field `width`; it has at, hdr, height, id",
        ),
        (
            "titel.height > 1",
            "`titel` is not bound here; id, title are",
        ),
        ("title.height == \"1080\"", "`==` of uint and string"),
        ("title.height + \"p\" == id", "`+` of uint and string"),
        ("title.hdr + title.hdr == title.hdr", "`+` of bool"),
        ("title.height > 1.5", "there are no floats here"),
        (
            "title == null",
            "`title` is a fact; name a field of it: `title.field`",
        ),
        (
            "has(title.height)",
            "there is no function `has` of 1 arguments here",
        ),
        (
            "[1, 2].all(x, x > 0)",
            "there is no function `all` of 3 arguments here",
        ),
        ("id in title.id", "`in` needs a list that is written there"),
        ("id.foo == id", "`.foo` of something that has no fields"),
        ("size(title.height) > 1", "`size` of uint"),
        ("uint(title.at) > 1u", "timestamp cannot become uint"),
        (
            "title.at < timestamp(id)",
            "`timestamp` needs a time as in RFC 3339 that is written there",
        ),
        (
            "-title.height < 0",
            "it is uint, but must be int; `int()` converts",
        ),
    ] {
        let found = of_guard(guard);
        assert!(found.starts_with(told), "{guard}: {found}");
    }
}

#[test]
fn what_is_well_typed_is_accepted() {
    for guard in [
        "title.height > 1080 && !title.hdr || id.startsWith(\"t\")",
        "title.height in [720, 1080] ? title.hdr : int(title.height) - 1 < 0",
        "title.at < timestamp(\"2026-01-31T12:00:00Z\") && int(title.at) > 0",
        "size(id) > 3 && string(title.height) + \"p\" != \"1080p\" && title.height % 2 == 0",
    ] {
        let text = with(&format!(
            "{{name: r, match: [{{fact: Title, as: title, where: {{id: $id}}, when: '{guard}'}}], action: {ASSERT}}}"
        ));
        assert_eq!(
            Rules::new(RuleBase::of_yaml(&text).unwrap()).err(),
            None,
            "{guard}"
        );
    }
}

#[test]
fn actions_name_facts_and_one_thing_to_run() {
    let of_action = |action: &str| {
        problems(&with(&format!(
            "{{name: r, match: [{{fact: Title, as: title}}], action: {action}}}"
        )))
    };
    for (action, told) in [
        (
            "{run: {params: '1'}}",
            "rules[0].action.run: it is not clear what is run",
        ),
        (
            "{run: {function: f, workflow: {definition: w}}}",
            "rules[0].action.run: it is not clear what is run",
        ),
        (
            "{run: {function: f, params: {a: [title.hight]}}}",
            "rules[0].action.run.params.a[0]: `title.hight`: `title` has no field `hight`; it has at, hdr, height, id",
        ),
        (
            "{run: {function: f, params: result.x}}",
            "rules[0].action.run.params: `result.x`: `result` is not bound here; title are",
        ),
        (
            "{record: [{update: {fact: title, fields: {id: '\"x\"'}}}]}",
            "rules[0].action.record[0].update.fields.id: the field is part of the key",
        ),
        (
            "{record: [{update: {fact: title, fields: {hdr: '1'}}}]}",
            "rules[0].action.record[0].update.fields.hdr: `1`: it is int, but must be bool",
        ),
    ] {
        assert_eq!(of_action(action), [told], "{action}");
    }
}

#[test]
fn a_misspelt_word_of_the_form_is_refused_with_its_place() {
    let told = RuleBase::of_yaml("name: t\nversion: 1\nfacts: {}\nruels: []\n").unwrap_err();
    assert!(told.contains("ruels") && told.contains("line"), "{told}");
}

#[test]
fn a_rule_base_reads_back_as_it_was() {
    let text = with(
        "{name: r, salience: 3, match: [{fact: Title, as: t, where: {id: $id}, when: t.hdr}, {not: Job, where: {title: $id}}], \
         action: {run: {service: {service: vvs, method: Validate}, params: {id: id}}}, reaction: [{retract: t}]}",
    );
    let base = RuleBase::of_yaml(&text).unwrap();
    let json = serde_json::to_string(&base).unwrap();
    assert_eq!(RuleBase::of_yaml(&json).unwrap(), base);
    assert!(Rules::new(base).is_ok());
}
