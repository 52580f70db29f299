use plato::{Definition, InvalidDefinition, NodeCode, NodeDef, Registry};

use crate::nodes::{assembler, encoder, notifier, splitter, validator};

/// Name of the definition.
pub const DEFINITION: &str = "ves.encode";

/// The workflow as data.
pub fn definition() -> Definition {
    Definition {
        name: DEFINITION.into(),
        version: 1,
        nodes: vec![
            NodeDef::function("splitter", "ves-split"),
            NodeDef::function("encoder", "ves-avc").map_over("splitter"),
            NodeDef::function("assembler", "ves-assemble").reduce_of("encoder"),
            NodeDef::function("validator", "ves-validate").after(["assembler"]),
            NodeDef::inline("notifier").after(["validator"]),
        ],
        output: "notifier".into(),
    }
}

/// Makes the workflow known, with the code of its nodes.
///
/// # Errors
/// When it is registered already.
pub fn register(registry: &mut Registry) -> Result<(), InvalidDefinition> {
    let code = [
        ("splitter", NodeCode::function(splitter::prepare)),
        ("encoder", NodeCode::function(encoder::prepare)),
        ("assembler", NodeCode::function(assembler::prepare)),
        ("validator", NodeCode::function(validator::prepare)),
        ("notifier", NodeCode::inline(notifier::run)),
    ];
    registry.register(definition(), code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_definition_is_valid_and_every_node_has_code() {
        let mut registry = Registry::new();
        register(&mut registry).unwrap();
        assert!(registry.get(DEFINITION, 1).is_some());
    }
}
