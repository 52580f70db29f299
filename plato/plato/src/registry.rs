use std::collections::BTreeMap;
use std::sync::Arc;

use crate::code::NodeCode;
use crate::definition::{Definition, Run};
use crate::plan::{NodeId, Plan};
use crate::problem::{InvalidDefinition, Problem};

/// A definition of one version together with what its nodes run.
#[derive(Clone, Debug)]
pub struct Activation {
    plan: Arc<Plan>,
    code: Vec<NodeCode>,
}

impl Activation {
    /// The definition, found valid.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What a node of the plan runs.
    pub fn code(&self, node: NodeId) -> &NodeCode {
        &self.code[node.index()]
    }
}

/// Every definition that a process can run, by name and version.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    definitions: BTreeMap<String, BTreeMap<u32, Arc<Activation>>>,
}

impl Registry {
    /// Nothing registered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a definition and the code of each of its nodes, by the node's name.
    ///
    /// # Errors
    /// When the definition is invalid, a node has no code or code of the wrong
    /// kind, code belongs to no node, or this name and version is registered.
    pub fn register<N: Into<String>>(
        &mut self,
        definition: Definition,
        code: impl IntoIterator<Item = (N, NodeCode)>,
    ) -> Result<(), InvalidDefinition> {
        self.refuse_second(&definition)?;
        let plan = Plan::new(definition)?;
        let code = code
            .into_iter()
            .map(|(node, code)| (node.into(), code))
            .collect();
        let code = assign(&plan, code)?;
        let definition = plan.definition();
        let versions = self.definitions.entry(definition.name.clone()).or_default();
        versions.insert(
            definition.version,
            Arc::new(Activation {
                code,
                plan: plan.clone().into(),
            }),
        );
        Ok(())
    }

    fn refuse_second(&self, definition: &Definition) -> Result<(), InvalidDefinition> {
        match self.exact(&definition.name, definition.version) {
            None => Ok(()),
            Some(_) => Err(InvalidDefinition {
                name: definition.name.clone(),
                problems: vec![Problem::new(
                    "version",
                    format!("version {} is registered", definition.version),
                    "a changed definition needs a new version",
                )],
            }),
        }
    }

    /// Checks what no definition can tell by itself: that each workflow which a node
    /// starts is known.
    ///
    /// # Errors
    /// With every such node of the first definition that has one.
    pub fn check(&self) -> Result<(), InvalidDefinition> {
        let all = self.definitions.values().flat_map(BTreeMap::values);
        all.map(|activation| activation.plan())
            .try_for_each(|plan| match self.unknown_starts(plan) {
                problems if problems.is_empty() => Ok(()),
                problems => Err(InvalidDefinition {
                    name: plan.definition().name.clone(),
                    problems,
                }),
            })
    }

    fn unknown_starts(&self, plan: &Plan) -> Vec<Problem> {
        let starts = plan.ids().filter_map(|id| match &plan.node(id).run {
            Run::Workflow {
                definition,
                version,
            } if self.get(definition, *version).is_none() => {
                Some(self.unknown_start(id, definition, *version))
            }
            _ => None,
        });
        starts.collect()
    }

    fn unknown_start(&self, id: NodeId, definition: &str, version: u32) -> Problem {
        let known: Vec<_> = self
            .names()
            .map(|(name, version)| format!("{name} v{version}"))
            .collect();
        let message = match version {
            0 => format!("there is no definition `{definition}`"),
            _ => format!("there is no version {version} of `{definition}`"),
        };
        Problem::new(
            format!("{id}.run.workflow"),
            message,
            format!("the definitions are {}", known.join(", ")),
        )
    }

    /// The definition of this name and version; version 0 is the newest.
    pub fn get(&self, name: &str, version: u32) -> Option<&Arc<Activation>> {
        match version {
            0 => self.definitions.get(name)?.values().next_back(),
            _ => self.exact(name, version),
        }
    }

    fn exact(&self, name: &str, version: u32) -> Option<&Arc<Activation>> {
        self.definitions.get(name)?.get(&version)
    }

    /// Every name and version, sorted.
    pub fn names(&self) -> impl Iterator<Item = (&str, u32)> {
        let all = self.definitions.iter();
        all.flat_map(|(name, versions)| versions.keys().map(|version| (name.as_str(), *version)))
    }
}

/// The code of each node, in the order of the plan.
fn assign(
    plan: &Plan,
    mut code: BTreeMap<String, NodeCode>,
) -> Result<Vec<NodeCode>, InvalidDefinition> {
    let (mut assigned, mut problems) = (Vec::new(), Vec::new());
    for id in plan.ids() {
        match take(plan, id, &mut code) {
            Ok(code) => assigned.push(code),
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(code.into_keys().map(|name| unknown(&name)));
    match problems.is_empty() {
        true => Ok(assigned),
        false => Err(InvalidDefinition {
            name: plan.definition().name.clone(),
            problems,
        }),
    }
}

fn take(
    plan: &Plan,
    id: NodeId,
    code: &mut BTreeMap<String, NodeCode>,
) -> Result<NodeCode, Problem> {
    let node = plan.node(id);
    let (kind, constructor) = match node.run {
        Run::Inline => ("inline", "NodeCode::inline"),
        Run::Function(_) => ("a function", "NodeCode::function"),
        Run::Service { .. } => ("a service", "NodeCode::service"),
        Run::Workflow { .. } => ("a workflow", "NodeCode::workflow"),
        Run::Signal | Run::Timer(_) => return wait(id, code.remove(&node.name)),
    };
    let hint = format!("register code made by `{constructor}` for it");
    let problem = |message: String| Problem::new(format!("{id}.run"), message, hint);
    match (code.remove(&node.name), &node.run) {
        (Some(code @ NodeCode::Inline(_)), Run::Inline)
        | (Some(code @ NodeCode::Function(_)), Run::Function(_))
        | (Some(code @ NodeCode::Service(_)), Run::Service { .. })
        | (Some(code @ NodeCode::Workflow(_)), Run::Workflow { .. }) => Ok(code),
        (Some(_), _) => Err(problem(format!(
            "node `{}` runs {kind} but its code does not",
            node.name
        ))),
        (None, _) => Err(problem(format!("node `{}` has no code", node.name))),
    }
}

fn wait(id: NodeId, code: Option<NodeCode>) -> Result<NodeCode, Problem> {
    match code {
        None | Some(NodeCode::Waits) => Ok(NodeCode::Waits),
        Some(_) => Err(Problem::new(
            format!("{id}.run"),
            "the node only waits, but there is code for it",
            "register none for it",
        )),
    }
}

fn unknown(name: &str) -> Problem {
    let message = format!("there is code for `{name}`, which is no node");
    Problem::new("code", message, "name the node that it belongs to")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use blob::Value;
    use proto::stratum::v1::Invocation;

    use super::*;
    use crate::{NodeDef, ServiceCall, TaskContext};

    fn definition(version: u32) -> Definition {
        Definition {
            name: "t".into(),
            version,
            nodes: vec![
                NodeDef::function("work", "t-work"),
                NodeDef::inline("tell").after(["work"]),
            ],
            output: "tell".into(),
        }
    }

    fn work() -> (&'static str, NodeCode) {
        (
            "work",
            NodeCode::function(|_: &TaskContext| Ok(Invocation::default())),
        )
    }

    fn inline(name: &'static str) -> (&'static str, NodeCode) {
        (
            name,
            NodeCode::inline(|_: &TaskContext| Ok(Value::default())),
        )
    }

    #[test]
    fn version_zero_is_the_newest() {
        let mut registry = Registry::new();
        for version in [2, 1] {
            registry
                .register(definition(version), [work(), inline("tell")])
                .unwrap();
        }
        let version = |asked| {
            let found = registry.get("t", asked)?;
            Some(found.plan().definition().version)
        };
        assert_eq!(
            [version(0), version(1), version(3)],
            [Some(2), Some(1), None]
        );
        assert_eq!(registry.names().collect::<Vec<_>>(), [("t", 1), ("t", 2)]);
    }

    #[test]
    fn code_must_fit_the_nodes() {
        let refused = |code: Vec<(&'static str, NodeCode)>| {
            Registry::new()
                .register(definition(1), code)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(vec![work()]).contains("node `tell` has no code"));
        assert!(
            refused(vec![inline("work"), inline("tell")])
                .contains("node `work` runs a function but its code does not")
        );
        assert!(
            refused(vec![work(), inline("tell"), inline("tel")])
                .contains("there is code for `tel`, which is no node")
        );
    }

    #[test]
    fn a_node_that_calls_a_service_has_code_that_does() {
        let register = |code: NodeCode| {
            let definition = Definition {
                name: "t".into(),
                version: 1,
                nodes: vec![NodeDef::service("ask", "other", "Answer")],
                output: "ask".into(),
            };
            Registry::new().register(definition, [("ask", code)])
        };
        let call = NodeCode::service(|_: &TaskContext| Ok(ServiceCall::default()));
        assert_eq!(register(call), Ok(()));
        let refused = register(work().1).unwrap_err().to_string();
        assert!(
            refused.contains(
                "nodes[0].run: node `ask` runs a service but its code does not; \
                 register code made by `NodeCode::service` for it"
            ),
            "{refused}"
        );
    }

    #[test]
    fn a_workflow_that_is_started_must_be_known() {
        let starts = |version| Definition {
            name: "t.outer".into(),
            version: 1,
            nodes: vec![NodeDef {
                run: Run::Workflow {
                    definition: "t".into(),
                    version,
                },
                ..NodeDef::workflow("inner", "t")
            }],
            output: "inner".into(),
        };
        let checked = |version| {
            let mut registry = Registry::new();
            let input = |task: &TaskContext| Ok(task.input().clone());
            let code = [("inner", NodeCode::workflow(input))];
            registry.register(starts(version), code).unwrap();
            let code = [work(), inline("tell")];
            registry.register(definition(1), code).unwrap();
            registry.check().map_err(|problem| problem.to_string())
        };
        assert_eq!((checked(0), checked(1)), (Ok(()), Ok(())));
        assert_eq!(
            checked(2),
            Err(
                "definition t.outer is invalid: nodes[0].run.workflow: there is no version 2 of \
                 `t`; the definitions are t v1, t.outer v1"
                    .into()
            )
        );
    }

    #[test]
    fn a_node_that_waits_has_no_code() {
        let register = |code: Vec<(&'static str, NodeCode)>| {
            let definition = Definition {
                name: "t".into(),
                version: 1,
                nodes: vec![
                    NodeDef::signal("approve"),
                    NodeDef::timer("rest", 1).after(["approve"]),
                ],
                output: "approve".into(),
            };
            Registry::new().register(definition, code)
        };
        assert_eq!(register(Vec::new()), Ok(()));
        let refused = register(vec![inline("rest")]).unwrap_err().to_string();
        assert!(
            refused.contains("nodes[1].run: the node only waits"),
            "{refused}"
        );
    }

    #[test]
    fn a_version_is_registered_once() {
        let mut registry = Registry::new();
        registry
            .register(definition(1), [work(), inline("tell")])
            .unwrap();
        let second = registry.register(definition(1), [work(), inline("tell")]);
        assert!(
            second
                .unwrap_err()
                .to_string()
                .contains("needs a new version")
        );
    }
}
