//! Contracts only grow: what was released keeps its name, number and type.
//!
//! Names are guarded as well as numbers, since JSON carries names.

use std::collections::HashMap;

use protox::prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto, ServiceDescriptorProto,
};

use super::element::{Element, Elements};
use crate::law::Breach;

/// Everything of `released` that `present` no longer keeps.
pub fn check(released: &FileDescriptorSet, present: &FileDescriptorSet) -> Vec<Breach> {
    let (old, new) = (Elements::of_all(released), Elements::of_all(present));
    let mut found = each(&old.messages, &new.messages, check_message);
    found.extend(each(&old.enums, &new.enums, check_enum));
    found.extend(each(&old.services, &new.services, check_service));
    found
}

/// Compares things of one kind by full name.
fn each<T>(
    old: &[Element<'_, T>],
    new: &[Element<'_, T>],
    compare: impl Fn(&str, &T, &T) -> Vec<Breach>,
) -> Vec<Breach> {
    let new: HashMap<_, _> = new.iter().map(|e| (e.name.as_str(), e.item)).collect();
    let compared = old.iter().map(|e| match new.get(e.name.as_str()) {
        Some(item) => compare(&e.name, e.item, item),
        None => vec![broken(&e.name, "was removed or renamed")],
    });
    compared.flatten().collect()
}

fn check_message(name: &str, old: &DescriptorProto, new: &DescriptorProto) -> Vec<Breach> {
    let fields: HashMap<_, _> = new.field.iter().map(|f| (f.number(), f)).collect();
    let changes = old.field.iter().filter_map(|field| {
        let place = format!("{name}.{} = {}", field.name(), field.number());
        let change = match fields.get(&field.number()) {
            None => Some("was removed or renumbered"),
            Some(now) => field_change((old, field), (new, now)),
        };
        change.map(|change| broken(&place, change))
    });
    changes.collect()
}

type Field<'a> = (&'a DescriptorProto, &'a FieldDescriptorProto);

fn field_change((old_in, old): Field<'_>, (new_in, new): Field<'_>) -> Option<&'static str> {
    let renamed = old.name() != new.name() || old.json_name() != new.json_name();
    let retyped = old.r#type() != new.r#type() || old.type_name() != new.type_name();
    let relabelled = old.label() != new.label() || old.proto3_optional() != new.proto3_optional();
    let changes = [
        (renamed, "was renamed"),
        (retyped, "was given another type"),
        (relabelled, "became singular, optional or repeated"),
        (
            oneof(old_in, old) != oneof(new_in, new),
            "was moved into or out of a oneof",
        ),
    ];
    changes
        .into_iter()
        .find_map(|(changed, how)| changed.then_some(how))
}

fn oneof<'a>(message: &'a DescriptorProto, field: &FieldDescriptorProto) -> Option<&'a str> {
    let index = usize::try_from(field.oneof_index?).ok()?;
    Some(message.oneof_decl.get(index)?.name())
}

fn check_enum(name: &str, old: &EnumDescriptorProto, new: &EnumDescriptorProto) -> Vec<Breach> {
    let kept = |number, value: &str| {
        new.value
            .iter()
            .any(|v| v.number() == number && v.name() == value)
    };
    let lost = old.value.iter().filter(|v| !kept(v.number(), v.name()));
    let place = |value: &str, number| format!("{name}.{value} = {number}");
    lost.map(|v| {
        broken(
            &place(v.name(), v.number()),
            "was removed, renamed or renumbered",
        )
    })
    .collect()
}

fn check_service(
    name: &str,
    old: &ServiceDescriptorProto,
    new: &ServiceDescriptorProto,
) -> Vec<Breach> {
    let methods: HashMap<_, _> = new.method.iter().map(|m| (m.name(), m)).collect();
    let changes = old.method.iter().filter_map(|method| {
        let change = match methods.get(method.name()) {
            None => Some("was removed or renamed"),
            Some(now) => {
                (signature(method) != signature(now)).then_some("was given another signature")
            }
        };
        change.map(|change| broken(&format!("{name}.{}", method.name()), change))
    });
    changes.collect()
}

fn signature(method: &MethodDescriptorProto) -> (&str, bool, &str, bool) {
    let streams = (method.client_streaming(), method.server_streaming());
    (
        method.input_type(),
        streams.0,
        method.output_type(),
        streams.1,
    )
}

fn broken(place: &str, change: &str) -> Breach {
    Breach::new(place, format!("contracts only grow, but this {change}"))
}

#[cfg(test)]
mod tests {
    use super::super::compile::sources::compile;
    use super::*;

    const RELEASED: &str = r#"
        syntax = "proto3";
        package room.v1;
        service Rooms {
            rpc Find(Question) returns (Answer);
            rpc Watch(Question) returns (stream Answer);
        }
        message Question {
            string key = 1;
            uint32 floor = 2;
            map<string, uint32> beds = 3;
            oneof guest {
                string name = 4;
                uint64 id = 5;
            }
            message Inner { bytes light = 1; }
        }
        message Answer {
            Kind kind = 1;
            Question.Inner inner = 2;
        }
        enum Kind {
            KIND_UNSPECIFIED = 0;
            KIND_SUITE = 1;
        }
    "#;

    fn after(from: &str, to: &str) -> Vec<String> {
        assert!(RELEASED.contains(from), "the plant must change something");
        let released = compile("room/v1/room.proto", RELEASED);
        let present = compile("room/v1/room.proto", &RELEASED.replace(from, to));
        check(&released, &present)
            .into_iter()
            .map(|breach| breach.to_string())
            .collect()
    }

    #[test]
    fn growth_passes() {
        let growth = [
            ("string key = 1;", "string key = 1; string wish = 9;"),
            ("KIND_SUITE = 1;", "KIND_SUITE = 1; KIND_ATTIC = 2;"),
            ("message Answer {", "message Extra {} message Answer {"),
            (
                "rpc Find(",
                "rpc Leave(Question) returns (Answer); rpc Find(",
            ),
            ("uint64 id = 5;", "uint64 id = 5; bytes card = 6;"),
        ];
        for (from, to) in growth {
            assert_eq!(after(from, to), [""; 0], "{from} → {to}");
        }
    }

    #[test]
    fn each_planted_break_is_found() {
        let breaks = [
            ("string key = 1;", "", ".room.v1.Question.key = 1"),
            (
                "string key = 1;",
                "string key = 8;",
                ".room.v1.Question.key = 1",
            ),
            (
                "string key = 1;",
                "string lock = 1;",
                ".room.v1.Question.key = 1",
            ),
            (
                "string key = 1;",
                "string key = 1 [json_name = \"k\"];",
                ".room.v1.Question.key = 1",
            ),
            (
                "string key = 1;",
                "bytes key = 1;",
                ".room.v1.Question.key = 1",
            ),
            (
                "string key = 1;",
                "repeated string key = 1;",
                ".room.v1.Question.key = 1",
            ),
            (
                "string key = 1;",
                "optional string key = 1;",
                ".room.v1.Question.key = 1",
            ),
            (
                "map<string, uint32>",
                "map<string, uint64>",
                ".room.v1.Question.BedsEntry.value = 2",
            ),
            (
                "uint32 floor = 2;",
                "oneof level { uint32 floor = 2; }",
                ".room.v1.Question.floor = 2",
            ),
            (
                "Question.Inner inner = 2;",
                "Question inner = 2;",
                ".room.v1.Answer.inner = 2",
            ),
            ("bytes light = 1;", "", ".room.v1.Question.Inner.light = 1"),
            ("KIND_SUITE = 1;", "", ".room.v1.Kind.KIND_SUITE = 1"),
            (
                "KIND_SUITE = 1;",
                "KIND_SUITE = 2;",
                ".room.v1.Kind.KIND_SUITE = 1",
            ),
            (
                "KIND_SUITE = 1;",
                "KIND_CABIN = 1;",
                ".room.v1.Kind.KIND_SUITE = 1",
            ),
            (
                "rpc Find(Question) returns (Answer);",
                "",
                ".room.v1.Rooms.Find",
            ),
            (
                "rpc Find(Question)",
                "rpc Seek(Question)",
                ".room.v1.Rooms.Find",
            ),
            (
                "rpc Find(Question)",
                "rpc Find(Answer)",
                ".room.v1.Rooms.Find",
            ),
            ("(stream Answer)", "(Answer)", ".room.v1.Rooms.Watch"),
            ("service Rooms", "service Halls", ".room.v1.Rooms"),
        ];
        for (from, to, place) in breaks {
            let found = after(from, to);
            assert_eq!(found.len(), 1, "{from} → {to}: {found:?}");
            assert!(
                found[0].starts_with(&format!("{place}: ")),
                "{from} → {to}: {found:?}"
            );
        }
    }

    #[test]
    fn removed_messages_and_enums_are_found() {
        let released = compile("room/v1/room.proto", RELEASED);
        let empty = compile(
            "room/v1/room.proto",
            "syntax = \"proto3\"; package room.v1;",
        );
        let places: Vec<_> = check(&released, &empty)
            .into_iter()
            .map(|breach| breach.place)
            .collect();
        let all = [
            ".room.v1.Question.BedsEntry",
            ".room.v1.Question.Inner",
            ".room.v1.Question",
            ".room.v1.Answer",
            ".room.v1.Kind",
            ".room.v1.Rooms",
        ];
        assert_eq!(places, all);
    }
}
