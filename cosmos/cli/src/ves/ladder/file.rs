//! Which ladder is meant: one with a name, or that of a file.

use std::path::Path;

use errors::Error;
use serde_json::{Value, json};
use ves_api::recipe::ladders;
use ves_api::wire;

use crate::explain::one_line;
use crate::ves::contract_file::Kind;

const FILE: Kind = Kind {
    argument: "--ladder",
    unreadable: "LADDER_UNREADABLE",
    malformed: "LADDER_MALFORMED",
    hint: "`ves encode --help` shows such a file",
};

/// The ladder of this name, else of this file; every problem at once.
pub(super) fn read(ladder: &str) -> Result<wire::Ladder, Vec<Error>> {
    if let Some(named) = ladders().iter().find(|named| named.name == ladder) {
        return Ok(named.ladder.clone());
    }
    let path = Path::new(ladder);
    if path.extension().is_none() && !path.exists() {
        return Err(vec![unknown(ladder)]);
    }
    let text = FILE.text(path).map_err(|error| vec![error])?;
    parse(&text)
}

/// Outputs are named by the command line.
fn parse(text: &str) -> Result<wire::Ladder, Vec<Error>> {
    let rungs = FILE.document(text).and_then(list);
    let value = json!({"rungs": rungs.map_err(|error| vec![error])?});
    let ladder: wire::Ladder = FILE.message("ladder", value)?;
    let placed = ladder.rungs.iter().enumerate();
    let placed = placed.filter(|(_, rung)| rung.output.is_set());
    let wrong: Vec<Error> = placed.map(|(index, _)| named_twice(index)).collect();
    match wrong.is_empty() {
        true => Ok(ladder),
        false => Err(wrong),
    }
}

/// The list by itself, or as the contract's message holds it.
fn list(document: Value) -> Result<Value, Error> {
    let list = match document {
        Value::Object(mut fields) if fields.len() == 1 => fields.remove("rungs"),
        list => Some(list),
    };
    list.filter(Value::is_array)
        .ok_or_else(|| FILE.malformed("", "it is no list of rungs"))
}

fn named_twice(index: usize) -> Error {
    Error::user("TOLD_TWICE", "outputs are named by --output")
        .at(format!("ladder.rungs[{index}].output"))
        .hint("leave it out: -o 'film-{rung}.{ext}'")
}

fn unknown(name: &str) -> Error {
    let known = ladders().iter().map(|named| named.name.as_str());
    let known = known.collect::<Vec<_>>().join(", ");
    let message = format!("there is no ladder {}, nor a file", one_line(name));
    Error::user("UNKNOWN_LADDER", message)
        .at("--ladder")
        .hint(format!("use one of: {known}; or name a file of rungs"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::ves::args::LADDER;

    fn codes(text: &str) -> Vec<(String, String)> {
        let told = parse(text).unwrap_err().into_iter();
        told.map(|one| (one.field.unwrap(), one.code)).collect()
    }

    #[test]
    fn the_documented_file_is_understood() {
        let start = LADDER.find("  rungs:").unwrap();
        let ladder = parse(&LADDER[start..]).unwrap();
        let names: Vec<_> = ladder.rungs.iter().map(|rung| rung.name.as_str()).collect();
        assert_eq!(names, ["1080p", "720p"]);
        let valid = ves_api::recipe::rungs(&wire::Recipe::default(), &ladder);
        assert_eq!(valid.unwrap().len(), 2);
    }

    #[test]
    fn names_are_known_and_a_bare_list_will_do() {
        assert!(read("stream-avc").unwrap().rungs.len() > 3);
        assert_eq!(read("best").unwrap_err()[0].code, "UNKNOWN_LADDER");
        assert_eq!(
            read("no/such.yaml").unwrap_err()[0].code,
            "LADDER_UNREADABLE"
        );
        assert_eq!(parse("- {name: a}\n- {name: b}").unwrap().rungs.len(), 2);
    }

    #[test]
    fn every_problem_has_its_place() {
        let text = "
- {name: a, recipe: {codec: {fromat: CODEC_FORMAT_AVC}}}
- {nam: b}
";
        let told = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        let expected = [
            told("ladder.rungs[0].recipe.codec.fromat", "UNKNOWN_FIELD"),
            told("ladder.rungs[1].nam", "UNKNOWN_FIELD"),
        ];
        assert_eq!(codes(text), expected);
        let placed = "- {name: a, output: {uri: 'file:///a'}}";
        assert_eq!(
            codes(placed),
            [told("ladder.rungs[0].output", "TOLD_TWICE")]
        );
        for text in ["3", "{rung: []}", "{rungs: 3}", "["] {
            assert_eq!(
                codes(text),
                [told("--ladder", "LADDER_MALFORMED")],
                "{text}"
            );
        }
    }
}
