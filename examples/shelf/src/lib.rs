//! The workflows of the service shelf: a graph that encodes one title, and rules that keep all
//! titles fresh.

pub mod graphs;
pub mod rules;

use plato::InvalidDefinition;
use plato_runtime::Definitions;

/// Everything that the service runs.
///
/// # Errors
/// When a definition is not valid, with everything that is wrong with it.
pub fn definitions() -> Result<Definitions, InvalidDefinition> {
    Ok(Definitions {
        graphs: graphs::registry()?.into(),
        rules: rules::registry()?.into(),
    })
}
