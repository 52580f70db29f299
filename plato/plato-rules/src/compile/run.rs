//! What an action runs, and what it is given.

use serde_json::Value as Json;

use super::{Compiler, Draft};
use crate::definition::RunDef;
use crate::limits::MAX_PARAMS_DEPTH;
use crate::rules::{Run, RunOn, Template};

impl Compiler {
    pub(super) fn run(&mut self, place: &str, def: &RunDef, draft: &Draft) -> Run {
        let function = def.function.clone().map(RunOn::Function);
        let service = def.service.clone().map(|def| RunOn::Service {
            service: def.service,
            method: def.method,
        });
        let workflow = def.workflow.clone().map(|def| RunOn::Workflow {
            definition: def.definition,
            version: def.version,
        });
        let mut named = [function, service, workflow].into_iter().flatten();
        let (what, second) = (named.next(), named.next());
        if what.is_none() || second.is_some() {
            let hint = "give exactly one of `function`, `service` and `workflow`";
            self.problems
                .add(place, "it is not clear what is run", hint);
        }
        for name in what.iter().flat_map(names_of) {
            self.problems.name(place, name);
        }
        let what = what.unwrap_or(RunOn::Function(String::new()));
        let params = self.template(&format!("{place}.params"), &def.params, draft, 0);
        Run {
            what,
            params,
            retry: def.retry,
        }
    }

    pub(super) fn template(
        &mut self,
        place: &str,
        json: &Json,
        draft: &Draft,
        depth: usize,
    ) -> Template {
        if depth > MAX_PARAMS_DEPTH {
            self.problems.add(
                place,
                "it is nested too deep",
                format!("at most {MAX_PARAMS_DEPTH} levels"),
            );
            return Template::Constant(Json::Null);
        }
        match json {
            Json::String(source) => match self.expression(place, source, &draft.scope, None) {
                Some(compiled) => Template::Expression(compiled),
                None => Template::Constant(Json::Null),
            },
            Json::Array(list) => Template::List(
                list.iter()
                    .enumerate()
                    .map(|(index, json)| {
                        self.template(&format!("{place}[{index}]"), json, draft, depth + 1)
                    })
                    .collect(),
            ),
            Json::Object(map) => Template::Map(
                map.iter()
                    .map(|(name, json)| {
                        (
                            name.clone(),
                            self.template(&format!("{place}.{name}"), json, draft, depth + 1),
                        )
                    })
                    .collect(),
            ),
            constant => Template::Constant(constant.clone()),
        }
    }
}

fn names_of(what: &RunOn) -> Vec<&str> {
    match what {
        RunOn::Function(function) => vec![function],
        RunOn::Service { service, method } => vec![service, method],
        RunOn::Workflow { definition, .. } => vec![definition],
    }
}
