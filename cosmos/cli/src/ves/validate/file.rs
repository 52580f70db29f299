//! A file of expectations, by the names of the contract.

use std::path::Path;

use errors::Error;
use serde_json::Value;
use vvs_api::wire;

use crate::ves::contract_file::Kind;

const FIELD: &str = "expectations";
const FILE: Kind = Kind {
    argument: "--expect",
    unreadable: "EXPECTATIONS_UNREADABLE",
    malformed: "EXPECTATIONS_MALFORMED",
    hint: "`vvs validate --help` shows such a file",
};

/// Reads a file of expectations; every problem at once.
pub(super) fn read(path: &Path) -> Result<Vec<wire::Expectation>, Vec<Error>> {
    let text = FILE.text(path).map_err(|error| vec![error])?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<wire::Expectation>, Vec<Error>> {
    let list = FILE
        .document(text)
        .and_then(list)
        .map_err(|error| vec![error])?;
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for (index, value) in list.into_iter().enumerate() {
        match FILE.message(&format!("{FIELD}[{index}]"), value) {
            Ok(expectation) => read.push(expectation),
            Err(wrong) => problems.extend(wrong),
        }
    }
    match problems.is_empty() {
        true => Ok(read),
        false => Err(problems),
    }
}

/// The list by itself, or as the contract's message holds it.
fn list(document: Value) -> Result<Vec<Value>, Error> {
    let list = match document {
        Value::Object(mut fields) if fields.len() == 1 => fields.remove(FIELD),
        list => Some(list),
    };
    match list {
        Some(Value::Array(list)) => Ok(list),
        _ => Err(FILE.malformed("", "it is no list of expectations")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use errors::Error;
    use wire::expectation::Kind;

    use super::{parse, wire};
    use crate::ves::validate::args::EXPECT;

    fn problems(text: &str) -> Vec<(String, String)> {
        let place = |one: Error| (one.field.unwrap(), one.code);
        parse(text).unwrap_err().into_iter().map(place).collect()
    }

    #[test]
    fn the_documented_file_is_understood() {
        let start = EXPECT.find("  expectations:").unwrap();
        let read = parse(&EXPECT[start..]).unwrap();
        let kinds: Vec<Kind> = read.into_iter().filter_map(|one| one.kind).collect();
        let [
            Kind::FrameCount(count),
            Kind::Format(format),
            Kind::Tracks(_),
            Kind::QualitySteps(_),
            Kind::RandomAccess(access),
            Kind::BufferModel(model),
        ] = &kinds[..]
        else {
            unreachable!("{kinds:?}")
        };
        assert_eq!((count.frames, access.max_frames), (14_315, 240));
        assert_eq!(access.points, [0, 240, 480]);
        assert_eq!((model.max_bitrate, model.buffer), (5_000_000, 10_000_000));
        assert_eq!((format.codec.as_str(), format.max_level), ("h264", 41));
        assert_eq!(format.video.resolution.width, 1280);
        assert_eq!(format.video.pixel_format, "yuv420p");
    }

    #[test]
    fn json_and_a_bare_list_will_do() {
        let json = r#"{"expectations": [{"frameCount": {"frames": "3"}}, {"clean_decode": {}}]}"#;
        assert_eq!(parse(json).unwrap().len(), 2);
        assert_eq!(parse("- same_frames: {}\n").unwrap().len(), 1);
        assert_eq!(parse("[]").unwrap(), []);
    }

    #[test]
    fn every_problem_has_its_place() {
        let text = "
- frame_count: {frames: many}
- framecount: {frames: 3}
- format: {codec: h264, video: {resolution: {wide: 3, height: 2}}, levl: 41}
- clean_decode: {}
";
        let told = |place: &str, code: &str| (place.to_owned(), code.to_owned());
        assert_eq!(
            problems(text),
            [
                told("expectations[0]", "EXPECTATIONS_MALFORMED"),
                told("expectations[1].framecount", "UNKNOWN_FIELD"),
                told("expectations[2].format.levl", "UNKNOWN_FIELD"),
                told(
                    "expectations[2].format.video.resolution.wide",
                    "UNKNOWN_FIELD"
                ),
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [
            "",
            "true",
            "expectation: []",
            "expectations: 3",
            "{a: 1, b: 2}",
            "[",
            "[3]",
        ] {
            let told = problems(text);
            assert_eq!(told.len(), 1, "{text}: {told:?}");
            assert_eq!(told[0].1, "EXPECTATIONS_MALFORMED", "{text}");
        }
    }
}
