use plato::{Definition, InvalidDefinition, NodeCode, NodeDef, Registry};
use serde_json::json;

use crate::nodes::{answer, inspect, plan, reference, verdict};

/// Name of the definition.
pub const DEFINITION: &str = "vvs.validate";

/// The workflow as data. Conditions look at [`vvs_api::function::Job`].
pub fn definition() -> Definition {
    Definition {
        name: DEFINITION.into(),
        version: 1,
        nodes: vec![
            NodeDef::function("reference", "vvs-fingerprint").skip_when("/reference", json!(false)),
            NodeDef::function("plan", "vvs-plan").skip_when("/video", json!(null)),
            NodeDef::function("inspect", "vvs-inspect")
                .map_over("plan")
                .after(["reference"]),
            NodeDef::function("verdict", "vvs-verdict").reduce_of("inspect"),
            NodeDef::inline("answer").after(["reference", "verdict"]),
        ],
        output: "answer".into(),
    }
}

/// Makes the workflow known, with the code of its nodes.
///
/// # Errors
/// When it is registered already.
pub fn register(registry: &mut Registry) -> Result<(), InvalidDefinition> {
    let code = [
        ("reference", NodeCode::function(reference::prepare)),
        ("plan", NodeCode::function(plan::prepare)),
        ("inspect", NodeCode::function(inspect::prepare)),
        ("verdict", NodeCode::function(verdict::prepare)),
        ("answer", NodeCode::inline(answer::run)),
    ];
    registry.register(definition(), code)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use vvs_api::function::Job;

    use super::*;

    #[test]
    fn the_definition_is_valid_and_every_node_has_code() {
        let mut registry = Registry::new();
        register(&mut registry).unwrap();
        assert!(registry.get(DEFINITION, 1).is_some());
    }

    #[test]
    fn nodes_are_passed_over_by_what_the_job_says() {
        let job = Job {
            video: None,
            source: None,
            expectations: None,
            frame_table: None,
            reference: false,
            source_region: None,
            source_conversion: Default::default(),
            video_region: None,
            function_digests: Default::default(),
        };
        let passed_over = |job: &Job| -> Vec<String> {
            let input = serde_json::from_slice(&job.to_json().unwrap()).unwrap();
            let holds = |node: &NodeDef| node.skip_when.as_ref().is_some_and(|w| w.holds(&input));
            let nodes = definition().nodes.into_iter();
            nodes.filter(holds).map(|node| node.name).collect()
        };
        assert_eq!(passed_over(&job), ["reference", "plan"]);
        let whole = Job {
            video: Some(vvs_api::function::File::Source(Default::default())),
            reference: true,
            ..job
        };
        assert_eq!(passed_over(&whole), [""; 0]);
    }
}
