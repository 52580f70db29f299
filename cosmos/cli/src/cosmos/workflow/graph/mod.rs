//! `cosmos workflow graph`: what a workflow is made of, drawn.

mod layout;
mod rules;
mod svg;
mod text;

use errors::Error;
use plato::Definition;
use plato_rules::RuleBase;
use proto::plato::v1::{GetDefinitionRequest, GetDefinitionResponse, Workflow};
use serde::Serialize;

use self::layout::Layout;
use super::Desk;
use super::args::GraphArgs;
use super::server::malformed;
use crate::stop::Stop;

pub(super) async fn graph(desk: &Desk, args: &GraphArgs) -> Result<(), Stop> {
    let workflow = match &args.id {
        Some(id) => Some(desk.server.workflow(id).await?),
        None => None,
    };
    let answer = definition(desk, args, workflow.as_ref()).await?;
    if answer.is_rules {
        let base: RuleBase = serde_json::from_str(&answer.json).map_err(malformed)?;
        let title = format!("{} v{}", base.name, base.version);
        draw(desk, args.svg, &title, &Layout::of_rules(&base), &base);
    } else {
        let graph: Definition = serde_json::from_str(&answer.json).map_err(malformed)?;
        let title = format!("{} v{}", graph.name, graph.version);
        let layout = Layout::of(&graph, workflow.as_ref());
        draw(desk, args.svg, &title, &layout, &graph);
    }
    Ok(())
}

fn draw(desk: &Desk, svg: bool, title: &str, layout: &Layout, definition: &impl Serialize) {
    desk.output.result(definition, || match svg {
        true => svg::draw(layout, title),
        false => text::draw(layout, desk.paint),
    });
}

async fn definition(
    desk: &Desk,
    args: &GraphArgs,
    workflow: Option<&Workflow>,
) -> Result<GetDefinitionResponse, Stop> {
    let (definition, definition_version) = match workflow {
        Some(workflow) => (workflow.definition.clone(), workflow.definition_version),
        None => named(args.definition.as_deref().unwrap_or_default())
            .map_err(|error| error.at("--definition"))?,
    };
    let request = GetDefinitionRequest {
        definition,
        definition_version,
        ..Default::default()
    };
    let answer = desk.server.client.get_definition(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    Ok(answer.into_owned())
}

/// `name`, or `name@version`; 0 is the newest.
pub(super) fn named(text: &str) -> Result<(String, u32), Error> {
    let Some((name, version)) = text.split_once('@') else {
        return Ok((text.to_owned(), 0));
    };
    let version = version.parse().map_err(|_| {
        Error::user("INVALID_ARGUMENT", format!("`{version}` is no version"))
            .hint("write NAME or NAME@3")
    })?;
    Ok((name.to_owned(), version))
}
