//! How a contract is written.

use protox::prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet,
};

use super::element::{Element, Elements, is_commented, is_map_entry, method_path};
use crate::law::Breach;

const VERSIONED: &str = "a package ends with its version (`room.v1`)";
const PLACED: &str = "a package lies in the folder of its name (`room.v1` in room/v1/)";
const CAMEL: &str = "messages, enums, services and rpcs are written in CamelCase";
const SNAKE: &str = "fields are written in snake_case";
const SHOUTED: &str =
    "values of an enum are written in SCREAMING_SNAKE_CASE and begin with its name";
const ZERO: &str = "the zero value of an enum ends with _UNSPECIFIED";
const COMMENTED: &str = "every message, enum, service and rpc has a comment that says what it is";

/// Every place where the style is broken.
pub fn check(set: &FileDescriptorSet) -> Vec<Breach> {
    set.file.iter().flat_map(check_file).collect()
}

fn check_file(file: &FileDescriptorProto) -> Vec<Breach> {
    let elements = Elements::of(file);
    let mut found = check_package(file);
    for message in elements.messages.iter().filter(|m| !is_map_entry(m.item)) {
        found.extend(check_name(
            file,
            &message.name,
            message.item.name(),
            &message.path,
        ));
        found.extend(check_fields(message));
    }
    for declared in &elements.enums {
        found.extend(check_name(
            file,
            &declared.name,
            declared.item.name(),
            &declared.path,
        ));
        found.extend(check_values(declared));
    }
    for service in &elements.services {
        found.extend(check_name(
            file,
            &service.name,
            service.item.name(),
            &service.path,
        ));
        for (i, method) in (0..).zip(&service.item.method) {
            let name = format!("{}.{}", service.name, method.name());
            found.extend(check_name(
                file,
                &name,
                method.name(),
                &method_path(&service.path, i),
            ));
        }
    }
    found
}

fn check_package(file: &FileDescriptorProto) -> Vec<Breach> {
    let package = file.package();
    let folder = file
        .name()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let version = package.rsplit('.').next().unwrap_or_default();
    let mut found = Vec::new();
    if !is_version(version) {
        found.push(Breach::new(file.name(), VERSIONED));
    }
    if package.replace('.', "/") != folder {
        found.push(Breach::new(file.name(), PLACED));
    }
    found
}

fn check_name(file: &FileDescriptorProto, name: &str, short: &str, path: &[i32]) -> Vec<Breach> {
    let mut found = Vec::new();
    if !is_camel(short) {
        found.push(Breach::new(name, CAMEL));
    }
    if !is_commented(file, path) {
        found.push(Breach::new(name, COMMENTED));
    }
    found
}

fn check_fields(message: &Element<'_, DescriptorProto>) -> Vec<Breach> {
    let wrong = message
        .item
        .field
        .iter()
        .filter(|field| !is_snake(field.name()));
    wrong
        .map(|field| Breach::new(format!("{}.{}", message.name, field.name()), SNAKE))
        .collect()
}

fn check_values(declared: &Element<'_, EnumDescriptorProto>) -> Vec<Breach> {
    let prefix = shouted(declared.item.name());
    let place = |value: &str| format!("{}.{value}", declared.name);
    let values = &declared.item.value;
    let named = |value: &str| value.starts_with(&format!("{prefix}_")) && is_shouted(value);
    let wrong = values
        .iter()
        .filter(|v| !named(v.name()))
        .map(|v| Breach::new(place(v.name()), SHOUTED));
    let zero = values
        .iter()
        .filter(|v| v.number() == 0 && !v.name().ends_with("_UNSPECIFIED"));
    wrong
        .chain(zero.map(|v| Breach::new(place(v.name()), ZERO)))
        .collect()
}

fn is_version(word: &str) -> bool {
    word.strip_prefix('v')
        .is_some_and(|n| n.parse::<u16>().is_ok_and(|n| n > 0))
}

fn is_camel(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_snake(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !word.ends_with('_')
        && !word.contains("__")
}

fn is_shouted(word: &str) -> bool {
    word.chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// `ErrorClass` as `ERROR_CLASS`; a run of capitals stays one word (`HDRKind` as `HDR_KIND`).
fn shouted(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut words = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let after_small = i > 0 && !letters[i - 1].is_ascii_uppercase();
        let before_small = letters.get(i + 1).is_some_and(char::is_ascii_lowercase);
        if i > 0 && letter.is_ascii_uppercase() && (after_small || before_small) {
            words.push('_');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::compile::sources::compile;
    use super::*;

    const GOOD: &str = r#"
        syntax = "proto3";
        package room.v1;
        // Answers.
        service Rooms {
            // Finds one.
            rpc FindRoom(Question) returns (Answer);
        }
        // Asked.
        message Question {
            string key_1 = 1;
            map<string, string> labels = 2;
        }
        // Answered.
        message Answer {
            // How.
            enum ErrorClass {
                ERROR_CLASS_UNSPECIFIED = 0;
                ERROR_CLASS_USER = 1;
            }
            ErrorClass class = 1;
        }
    "#;

    fn laws(name: &str, from: &str, to: &str) -> Vec<String> {
        assert!(GOOD.contains(from), "the plant must change something");
        let set = compile(name, &GOOD.replace(from, to));
        check(&set).into_iter().map(|breach| breach.law).collect()
    }

    #[test]
    fn a_contract_in_good_style_passes() {
        assert_eq!(check(&compile("room/v1/room.proto", GOOD)), []);
    }

    #[test]
    fn each_planted_fault_is_found() {
        let faults = [
            ("key_1", "keyOne", SNAKE),
            ("key_1", "key_", SNAKE),
            ("FindRoom", "find_room", CAMEL),
            ("Question", "question", CAMEL),
            ("ErrorClass", "errorClass", CAMEL),
            ("Rooms", "Rooms_", CAMEL),
            ("ERROR_CLASS_USER", "USER", SHOUTED),
            ("ERROR_CLASS_USER", "ERROR_CLASS_User", SHOUTED),
            ("ERROR_CLASS_UNSPECIFIED", "ERROR_CLASS_NONE", ZERO),
            ("// Answers.", "", COMMENTED),
            ("// Finds one.", "", COMMENTED),
            ("// Asked.", "", COMMENTED),
            ("// How.", "", COMMENTED),
        ];
        for (from, to, law) in faults {
            assert_eq!(laws("room/v1/room.proto", from, to), [law], "{from} → {to}");
        }
    }

    #[test]
    fn packages_are_versioned_and_placed() {
        assert_eq!(laws("room/v1/room.proto", "room.v1", "room.v2"), [PLACED]);
        assert_eq!(laws("room/room.proto", "room.v1", "room"), [VERSIONED]);
        assert_eq!(
            laws("room.proto", "room.v1", "room.v0"),
            [VERSIONED, PLACED]
        );
    }

    #[test]
    fn words_are_cut_as_people_cut_them() {
        let words = [
            ("ErrorClass", "ERROR_CLASS"),
            ("HDRKind", "HDR_KIND"),
            ("H264Level", "H264_LEVEL"),
            ("Codec", "CODEC"),
        ];
        for (camel, loud) in words {
            assert_eq!(shouted(camel), loud);
        }
    }
}
