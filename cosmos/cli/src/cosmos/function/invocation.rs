//! An invocation that no workflow asks for.

use std::collections::BTreeMap;

use stratum::{Input, Invocation, Package};

use super::args::Given;

/// One of `package`, which nothing remembered may stand for.
pub(in crate::cosmos) fn of(
    package: &Package,
    given: &Given,
    inputs: Vec<Input>,
    attributes: BTreeMap<String, String>,
) -> Invocation {
    Invocation {
        id: ids::time_ordered(),
        function: package.function.name.clone(),
        function_digest: Some(package.digest),
        params: given.params.0.clone(),
        inputs,
        attributes,
        generation: 0,
        outgrown: 0,
        memo: false,
        workflow: "trial".into(),
        node: "function".into(),
        element: 0,
    }
}
