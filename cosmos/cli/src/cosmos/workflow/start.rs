//! `cosmos workflow start`.

use proto::base::v1::Value;
use proto::plato::v1::StartWorkflowRequest;

use super::Desk;
use super::act::tell;
use super::args::StartArgs;
use super::graph::named;
use super::server::told_of;
use crate::stop::Stop;

pub(super) async fn start(desk: &Desk, args: &StartArgs) -> Result<(), Stop> {
    let (definition, definition_version) =
        named(&args.definition).map_err(|error| error.at("DEFINITION"))?;
    let input = Value {
        inline: args.input.clone().into_bytes(),
        ..Default::default()
    };
    let request = StartWorkflowRequest {
        workflow_id: args.id.clone().unwrap_or_default(),
        definition,
        definition_version,
        input: Some(input).into(),
        attributes: args.attributes.iter().cloned().collect(),
        channel: args.channel.clone().unwrap_or_default(),
        ..Default::default()
    };
    let answer = desk.server.client.start_workflow(request).await;
    let answer = answer.map_err(|refusal| desk.server.told(&refusal))?;
    tell(desk, &told_of(answer.into_owned().workflow.into_option())?);
    Ok(())
}
