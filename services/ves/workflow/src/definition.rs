use plato::{Definition, InvalidDefinition, NodeCode, NodeDef, Registry, Retry};

use ves_api::function::{encoder_function, quality_function, survey_function};
use ves_api::recipe::{MAX_RUNGS, codings};
use ves_api::service;
use vvs_client::validate_video_node;

use crate::nodes::notifier::MEASURED;
use crate::nodes::{assembler, encoder, ladder, notifier, planner, splitter, survey, validator};

/// The workflow that encodes by the codec of this name, as data.
pub fn definition(codec: &str) -> Definition {
    let encoder = NodeDef::function("encoder", encoder_function(codec)).map_over("splitter");
    whole(service::definition(codec), vec![encoder], "encoder")
}

/// The workflow that encodes by the codec of this name to a bitrate, as data: the encoder makes second
/// passes, and some once more, twice at most.
pub fn bitrate_definition(codec: &str) -> Definition {
    led(service::bitrate_definition(codec), codec)
}

/// The workflow that encodes by the codec of this name for a decoder's buffer, as data: what was told
/// too much of the buffer is encoded once more, twice at most.
pub fn capped_definition(codec: &str) -> Definition {
    let encode = |name: &str| NodeDef::function(name, encoder_function(codec)).map_over("splitter");
    let nodes = vec![
        encode("encoder"),
        plan("settler").reduce_of("encoder"),
        encode("repair").after(["settler"]),
        plan("settler-2").reduce_of("repair").after(["settler"]),
        encode("repair-2").after(["settler-2"]),
    ];
    whole(service::capped_definition(codec), nodes, "repair-2")
}

/// The workflow that encodes by the codec of this name to a bitrate, for a decoder's buffer.
pub fn capped_bitrate_definition(codec: &str) -> Definition {
    led(service::capped_bitrate_definition(codec), codec)
}

/// The workflow that encodes by the codec of this name to a quality, as data: each chunk searches for its
/// rate factor, and some are encoded once more by which the whole comes nearer, twice at most.
pub fn quality_definition(codec: &str) -> Definition {
    let encode = |name: &str| NodeDef::function(name, quality_function(codec));
    let nodes = vec![
        encode("encoder").map_over("splitter"),
        plan("settler").reduce_of("encoder"),
        encode("repair").map_over("encoder").after(["settler"]),
        plan("settler-2").reduce_of("repair"),
        encode("repair-2").map_over("repair").after(["settler-2"]),
        plan(MEASURED).reduce_of("repair-2"),
    ];
    whole(service::quality_definition(codec), nodes, "repair-2")
}

fn led(name: String, codec: &str) -> Definition {
    let survey = |name: &str| NodeDef::function(name, survey_function(codec)).map_over("splitter");
    let encode = |name: &str| NodeDef::function(name, encoder_function(codec)).map_over("analysis");
    let nodes = vec![
        survey("survey"),
        plan("aim").reduce_of("survey"),
        survey("analysis").after(["aim"]),
        plan("planner").reduce_of("analysis"),
        encode("encoder").after(["planner"]),
        plan("settler").reduce_of("encoder").after(["analysis"]),
        encode("repair").after(["settler"]),
        plan("settler-2")
            .reduce_of("repair")
            .after(["settler", "analysis"]),
        encode("repair-2").after(["settler-2"]),
    ];
    whole(name, nodes, "repair-2")
}

fn plan(name: &str) -> NodeDef {
    NodeDef::function(name, "ves-plan")
}

/// A workflow whose chunks, after `encoding`, are what the node `encoded` puts out.
fn whole(name: String, encoding: Vec<NodeDef>, encoded: &str) -> Definition {
    let mut nodes = vec![NodeDef::function("splitter", "ves-split")];
    nodes.extend(encoding);
    nodes.extend([
        NodeDef::function("assembler", "ves-assemble").reduce_of(encoded),
        // Decodes the source while it is encoded.
        validate_video_node("reference").after(["splitter"]),
        validate_video_node("validator").after(["assembler", "reference"]),
    ]);
    let told = nodes.iter().map(|node| node.name.as_str());
    let told = told.filter(|name| ["validator", MEASURED].contains(name));
    let notifier = NodeDef::inline("notifier").after(told);
    nodes.push(notifier);
    Definition {
        name,
        version: 1,
        nodes,
        output: "notifier".into(),
    }
}

/// The workflow of a ladder of so many rungs, as data: each is a request of its own.
pub fn ladder_definition(rungs: usize) -> Definition {
    // A rung that failed has tried its own nodes again.
    let retry = Retry {
        function: 0,
        memory: 0,
        platform: 3,
        ..Retry::default()
    };
    let rung = |number| {
        NodeDef::service(ladder::node(number), ladder::SERVICE, ladder::ENCODE_VIDEO)
            .after(["index"])
            .retry(retry)
    };
    let mut nodes = vec![NodeDef::function("index", "ves-index")];
    nodes.extend((0..rungs).map(rung));
    nodes.push(NodeDef::inline("ladder").after((0..rungs).map(ladder::node)));
    Definition {
        name: service::ladder_definition(rungs),
        version: 1,
        nodes,
        output: "ladder".into(),
    }
}

fn register_ladder(registry: &mut Registry, rungs: usize) -> Result<(), InvalidDefinition> {
    let rung = |number| {
        let code = NodeCode::service(ladder::prepare_rung(number));
        (ladder::node(number), code)
    };
    let mut code = vec![
        (
            "index".to_owned(),
            NodeCode::function(ladder::prepare_index),
        ),
        ("ladder".to_owned(), NodeCode::inline(ladder::gather)),
    ];
    code.extend((0..rungs).map(rung));
    registry.register(ladder_definition(rungs), code)
}

/// The node whose results are the chunks that are assembled, in the workflow of this name.
pub fn encoded_by(workflow: &str) -> Option<String> {
    let definitions = codings().iter().flat_map(|coding| {
        [
            definition,
            bitrate_definition,
            capped_definition,
            capped_bitrate_definition,
            quality_definition,
        ]
        .map(|definition| definition(coding.name))
    });
    let mut nodes = definitions
        .filter(|definition| definition.name == workflow)
        .flat_map(|definition| definition.nodes);
    let assembler = nodes.find(|node| node.name == "assembler")?;
    assembler.kind.source().map(str::to_owned)
}

/// Makes the workflows of every codec and of ladders known, with the code of their nodes.
///
/// # Errors
/// When one is registered already.
pub fn register(registry: &mut Registry) -> Result<(), InvalidDefinition> {
    (1..=MAX_RUNGS).try_for_each(|rungs| register_ladder(registry, rungs))?;
    codings().iter().try_for_each(|coding| {
        register_one(registry, coding.name)?;
        if coding.meets_quality {
            register_quality(registry, coding.name)?;
        }
        if coding.passes.is_some() {
            register_bitrate(registry, coding.name)?;
        }
        match coding.buffer() {
            Some(_) => register_buffered(registry, coding.name),
            None => Ok(()),
        }
    })
}

fn register_one(registry: &mut Registry, codec: &str) -> Result<(), InvalidDefinition> {
    let encoding = vec![("encoder", NodeCode::function(encoder::prepare))];
    registry.register(definition(codec), with_common(encoding))
}

fn register_quality(registry: &mut Registry, codec: &str) -> Result<(), InvalidDefinition> {
    let again = |node| NodeCode::function(encoder::prepare_quality_by(node));
    let encoding = vec![
        ("encoder", NodeCode::function(encoder::prepare_quality)),
        ("settler", NodeCode::function(planner::prepare_quality)),
        ("repair", again("settler")),
        ("settler-2", NodeCode::function(planner::prepare_quality)),
        ("repair-2", again("settler-2")),
        (MEASURED, NodeCode::function(planner::prepare_quality)),
    ];
    registry.register(quality_definition(codec), with_common(encoding))
}

fn register_buffered(registry: &mut Registry, codec: &str) -> Result<(), InvalidDefinition> {
    register_capped(registry, codec)?;
    register_capped_bitrate(registry, codec)
}

fn register_capped(registry: &mut Registry, codec: &str) -> Result<(), InvalidDefinition> {
    let again = |node| NodeCode::function(encoder::prepare_capped_by(node));
    let encoding = vec![
        ("encoder", NodeCode::function(encoder::prepare_capped)),
        ("settler", NodeCode::function(planner::prepare_delays)),
        ("repair", again("settler")),
        (
            "settler-2",
            NodeCode::function(planner::prepare_last_delays),
        ),
        ("repair-2", again("settler-2")),
    ];
    registry.register(capped_definition(codec), with_common(encoding))
}

fn register_capped_bitrate(registry: &mut Registry, codec: &str) -> Result<(), InvalidDefinition> {
    let shared = |node| NodeCode::function(encoder::prepare_shared_by(node));
    let settle = NodeCode::function(planner::prepare_buffered_settlement);
    let settle_again = NodeCode::function(planner::prepare_last_buffered_settlement);
    let encoding = vec![
        ("survey", NodeCode::function(survey::prepare)),
        ("aim", NodeCode::function(planner::prepare)),
        ("analysis", NodeCode::function(survey::prepare_again)),
        ("planner", NodeCode::function(planner::prepare_buffered)),
        ("encoder", shared("planner")),
        ("settler", settle),
        ("repair", shared("settler")),
        ("settler-2", settle_again),
        ("repair-2", shared("settler-2")),
    ];
    registry.register(capped_bitrate_definition(codec), with_common(encoding))
}

fn register_bitrate(registry: &mut Registry, codec: &str) -> Result<(), InvalidDefinition> {
    let again = |node| NodeCode::function(encoder::prepare_settled_by(node));
    let settle_again = NodeCode::function(planner::prepare_last_settlement);
    let encoding = vec![
        ("survey", NodeCode::function(survey::prepare)),
        ("aim", NodeCode::function(planner::prepare)),
        ("analysis", NodeCode::function(survey::prepare_again)),
        ("planner", NodeCode::function(planner::prepare)),
        ("encoder", NodeCode::function(encoder::prepare_planned)),
        ("settler", NodeCode::function(planner::prepare_settlement)),
        ("repair", again("settler")),
        ("settler-2", settle_again),
        ("repair-2", again("settler-2")),
    ];
    registry.register(bitrate_definition(codec), with_common(encoding))
}

fn with_common(encoding: Vec<(&str, NodeCode)>) -> Vec<(&str, NodeCode)> {
    let common = [
        ("splitter", NodeCode::function(splitter::prepare)),
        ("assembler", NodeCode::function(assembler::prepare)),
        ("reference", NodeCode::service(validator::prepare_source)),
        ("validator", NodeCode::service(validator::prepare)),
        ("notifier", NodeCode::inline(notifier::run)),
    ];
    encoding.into_iter().chain(common).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_ladder_that_can_be_asked_for_is_known() {
        let mut registry = Registry::new();
        register(&mut registry).unwrap();
        for rungs in 1..=MAX_RUNGS {
            let ladder = registry.get(&service::ladder_definition(rungs), 1).unwrap();
            assert_eq!(ladder.plan().definition().nodes.len(), rungs + 2);
        }
        assert!(
            registry
                .get(&service::ladder_definition(MAX_RUNGS + 1), 1)
                .is_none()
        );
    }

    #[test]
    fn chunks_are_what_was_encoded_last() {
        let last = |workflow: &str| encoded_by(workflow);
        assert_eq!(
            last(&service::definition("av1")).as_deref(),
            Some("encoder")
        );
        let led = last(&service::bitrate_definition("avc"));
        assert_eq!(led.as_deref(), Some("repair-2"));
        let capped = last(&service::capped_definition("avc"));
        assert_eq!(capped.as_deref(), Some("repair-2"));
        let to_quality = last(&service::quality_definition("vp9"));
        assert_eq!(to_quality.as_deref(), Some("repair-2"));
        assert_eq!(last("ves.other"), None);
    }

    #[test]
    fn the_definitions_are_valid_and_every_node_has_code() {
        let mut registry = Registry::new();
        register(&mut registry).unwrap();
        for coding in codings() {
            let codec = coding.name;
            let names = [
                service::definition(codec),
                service::bitrate_definition(codec),
                service::capped_definition(codec),
                service::capped_bitrate_definition(codec),
            ];
            let known = match (coding.passes, coding.buffer()) {
                (_, Some(_)) => 4,
                (Some(_), None) => 2,
                (None, None) => 1,
            };
            let to_quality = registry.get(&service::quality_definition(codec), 1);
            assert_eq!(to_quality.is_some(), coding.meets_quality, "{codec}");
            if let Some(to_quality) = to_quality {
                let nodes = &to_quality.plan().definition().nodes;
                let encoder = nodes.iter().find(|node| node.name == "repair").unwrap();
                assert_eq!(encoder.run, plato::Run::Function(quality_function(codec)));
            }
            let names = names.into_iter().take(known);
            for name in names {
                let activation = registry.get(&name, 1).unwrap();
                let nodes = &activation.plan().definition().nodes;
                let encoder = nodes.iter().find(|node| node.name == "encoder").unwrap();
                assert_eq!(encoder.run, plato::Run::Function(encoder_function(codec)));
            }
        }
    }
}
