//! `cosmos function publish`, `promote`, `rollback`, `versions` and `remove`: versions of
//! functions, and the channels that name them.

pub(super) mod args;
mod server;
pub(super) mod show;

use errors::Error;
use proto::stratum::v1::{
    ListPublishedRequest, PromoteVersionRequest, PublishVersionRequest, PublishedFunction,
    RemoveVersionRequest, RollbackChannelRequest,
};

use self::args::{PromoteArgs, PublishArgs, RemoveArgs, RollbackArgs, VersionsArgs};
use self::server::{Server, told_of};
use super::Desk;
use super::find::{configuration, find};
use crate::cosmos::workflow::args::ServerArgs;
use crate::stop::Stop;

pub(super) async fn publish(desk: &Desk, args: &PublishArgs) -> Result<(), Stop> {
    let config = args.server.config.as_deref();
    let found = find(&args.function, config, &args.services)?;
    let server = Server::of(&args.server)?;
    let blobs = daemon::blobs(&configuration(config, &[])?)
        .map_err(|why| Error::user("BLOBS_UNUSABLE", format!("{why:#}")).at("--config"))?;
    stratum_catalog::keep(&blobs, &found.package).await?;
    let request = PublishVersionRequest {
        digest: found.package.digest.to_string(),
        channel: args.channel.clone().unwrap_or_default(),
        percent: args.percent,
        ..Default::default()
    };
    let answer = server.client.publish_version(request).await;
    let answer = answer.map_err(|refusal| server.told(&refusal))?;
    tell(desk, told_of(answer.into_owned().function.into_option())?);
    Ok(())
}

pub(super) async fn promote(desk: &Desk, args: &PromoteArgs) -> Result<(), Stop> {
    let server = Server::of(&args.server)?;
    let request = PromoteVersionRequest {
        function: args.function.clone(),
        version: args.version.clone(),
        channel: args.channel.clone(),
        percent: args.percent,
        ..Default::default()
    };
    let answer = server.client.promote_version(request).await;
    let answer = answer.map_err(|refusal| server.told(&refusal))?;
    tell(desk, told_of(answer.into_owned().function.into_option())?);
    Ok(())
}

pub(super) async fn rollback(desk: &Desk, args: &RollbackArgs) -> Result<(), Stop> {
    let server = Server::of(&args.server)?;
    let request = RollbackChannelRequest {
        function: args.function.clone(),
        channel: args.channel.clone(),
        ..Default::default()
    };
    let answer = server.client.rollback_channel(request).await;
    let answer = answer.map_err(|refusal| server.told(&refusal))?;
    tell(desk, told_of(answer.into_owned().function.into_option())?);
    Ok(())
}

pub(super) async fn remove(desk: &Desk, args: &RemoveArgs) -> Result<(), Stop> {
    let server = Server::of(&args.server)?;
    let request = RemoveVersionRequest {
        function: args.function.clone(),
        version: args.version.clone(),
        ..Default::default()
    };
    let answer = server.client.remove_version(request).await;
    let answer = answer.map_err(|refusal| server.told(&refusal))?;
    tell(desk, told_of(answer.into_owned().function.into_option())?);
    Ok(())
}

/// What is published of the function of this name, or of all.
pub(super) async fn published(
    server: &ServerArgs,
    function: Option<&str>,
) -> Result<Vec<PublishedFunction>, Vec<Error>> {
    let server = Server::of(server).map_err(|error| vec![error])?;
    let request = ListPublishedRequest {
        function: function.unwrap_or_default().to_owned(),
        ..Default::default()
    };
    let answer = server.client.list_published(request).await;
    let answer = answer.map_err(|refusal| server.told(&refusal))?;
    Ok(answer.into_owned().functions)
}

pub(super) async fn versions(desk: &Desk, args: &VersionsArgs) -> Result<(), Stop> {
    let functions = published(&args.server, args.function.as_deref()).await?;
    match (desk.json, functions.is_empty()) {
        (true, _) => functions
            .iter()
            .for_each(|of| desk.output.item(&show::Shown::from(of))),
        (false, true) => desk.output.say("no version is published"),
        (false, false) => desk
            .output
            .result(&(), || show::table(&functions, desk.paint)),
    }
    Ok(())
}

/// What is published of the function now.
fn tell(desk: &Desk, of: PublishedFunction) {
    let shown = show::Shown::from(&of);
    let words = || match of.versions.is_empty() {
        true => "no version is published".to_owned(),
        false => show::table(std::slice::from_ref(&of), desk.paint),
    };
    desk.output.result(&shown, words);
}
