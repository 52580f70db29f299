use std::sync::Arc;

use plato::Registry;
use plato_rules::RuleRegistry;

/// What a process can run: graphs, and rules.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    pub graphs: Arc<Registry>,
    pub rules: Arc<RuleRegistry>,
}

impl From<Arc<Registry>> for Definitions {
    fn from(graphs: Arc<Registry>) -> Self {
        Self {
            graphs,
            ..Self::default()
        }
    }
}
