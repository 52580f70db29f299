//! Workflows that watch facts and act when some of them come to hold together.

use plato::{InvalidDefinition, NodeCode};
use plato_rules::{RuleBase, RuleRegistry};

/// The rules of the service. They are data; code is needed only by rules that ask other services.
///
/// # Errors
/// When they are not valid, with everything that is wrong with them.
pub fn registry() -> Result<RuleRegistry, InvalidDefinition> {
    let mut rules = RuleRegistry::default();
    rules.register(freshness()?, Vec::<(String, NodeCode)>::new())?;
    Ok(rules)
}

/// `shelf.freshness`: every title is encoded by the newest encoder.
///
/// # Errors
/// When the file is not of the form of rules, with the place.
pub fn freshness() -> Result<RuleBase, InvalidDefinition> {
    RuleBase::of_file("rules/freshness.yaml", include_str!("../rules/freshness.yaml"))
}
