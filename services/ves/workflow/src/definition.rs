use plato::{Definition, InvalidDefinition, NodeCode, NodeDef, Registry};

use ves_api::function::encoder_function;
use ves_api::recipe::codings;
use vvs_client::validate_video_node;

use crate::nodes::{assembler, encoder, notifier, splitter, validator};

/// The workflow that encodes by the codec of this name, as data.
pub fn definition(codec: &str) -> Definition {
    Definition {
        name: ves_api::service::definition(codec),
        version: 1,
        nodes: vec![
            NodeDef::function("splitter", "ves-split"),
            NodeDef::function("encoder", encoder_function(codec)).map_over("splitter"),
            NodeDef::function("assembler", "ves-assemble").reduce_of("encoder"),
            // Decodes the source while it is encoded.
            validate_video_node("reference").after(["splitter"]),
            validate_video_node("validator").after(["assembler", "reference"]),
            NodeDef::inline("notifier").after(["validator"]),
        ],
        output: "notifier".into(),
    }
}

/// Makes the workflow of every codec known, with the code of its nodes.
///
/// # Errors
/// When it is registered already.
pub fn register(registry: &mut Registry) -> Result<(), InvalidDefinition> {
    codings()
        .iter()
        .try_for_each(|coding| register_one(registry, coding.name))
}

fn register_one(registry: &mut Registry, codec: &str) -> Result<(), InvalidDefinition> {
    let code = [
        ("splitter", NodeCode::function(splitter::prepare)),
        ("encoder", NodeCode::function(encoder::prepare)),
        ("assembler", NodeCode::function(assembler::prepare)),
        ("reference", NodeCode::service(validator::prepare_source)),
        ("validator", NodeCode::service(validator::prepare)),
        ("notifier", NodeCode::inline(notifier::run)),
    ];
    registry.register(definition(codec), code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_definition_is_valid_and_every_node_has_code() {
        let mut registry = Registry::new();
        register(&mut registry).unwrap();
        for codec in codings().iter().map(|coding| coding.name) {
            let activation = registry.get(&ves_api::service::definition(codec), 1);
            let encoder = activation.unwrap().plan().definition().nodes[1].run.clone();
            assert_eq!(encoder, plato::Run::Function(encoder_function(codec)));
        }
    }
}
