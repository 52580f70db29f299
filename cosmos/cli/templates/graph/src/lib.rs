//! The workflows of the service shelf: a graph that encodes one title.

pub mod graphs;

use plato::InvalidDefinition;
use plato_runtime::Definitions;

/// Everything that the service runs.
///
/// # Errors
/// When a definition is not valid, with everything that is wrong with it.
pub fn definitions() -> Result<Definitions, InvalidDefinition> {
    Ok(Definitions {
        graphs: graphs::registry()?.into(),
        ..Definitions::default()
    })
}
