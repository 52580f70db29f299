//! `cosmos workflow graph`: what a workflow is made of, drawn.

mod layout;
mod svg;
mod text;

use errors::Error;
use plato::Definition;
use proto::plato::v1::{GetDefinitionRequest, Workflow};

use self::layout::Layout;
use super::Desk;
use super::args::GraphArgs;
use crate::stop::Stop;

pub(super) async fn graph(desk: &Desk, args: &GraphArgs) -> Result<(), Stop> {
    let workflow = match &args.id {
        Some(id) => Some(desk.server.workflow(id).await?),
        None => None,
    };
    let definition = definition(desk, args, workflow.as_ref()).await?;
    let layout = Layout::of(&definition, workflow.as_ref());
    desk.output.result(&definition, || match args.svg {
        true => svg::draw(&layout, &definition),
        false => text::draw(&layout, desk.paint),
    });
    Ok(())
}

async fn definition(
    desk: &Desk,
    args: &GraphArgs,
    workflow: Option<&Workflow>,
) -> Result<Definition, Stop> {
    let (name, version) = match workflow {
        Some(workflow) => (workflow.definition.clone(), workflow.definition_version),
        None => named(args.definition.as_deref().unwrap_or_default())?,
    };
    let request = GetDefinitionRequest {
        definition: name,
        definition_version: version,
        ..Default::default()
    };
    let answer = desk.server.client.get_definition(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    serde_json::from_str(&answer.into_owned().json).map_err(|error| {
        Error::platform("MALFORMED_ANSWER", format!("the definition: {error}"))
            .hint("use a command of the server's version")
            .into()
    })
}

/// `name`, or `name@version`; 0 is the newest.
fn named(text: &str) -> Result<(String, u32), Error> {
    let Some((name, version)) = text.split_once('@') else {
        return Ok((text.to_owned(), 0));
    };
    let version = version.parse().map_err(|_| {
        Error::user("INVALID_ARGUMENT", format!("`{version}` is no version"))
            .at("--definition")
            .hint("write NAME or NAME@3")
    })?;
    Ok((name.to_owned(), version))
}
