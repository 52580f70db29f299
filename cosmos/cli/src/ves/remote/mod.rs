//! The commands that talk to a server.

pub(super) mod args;
mod cat;
mod follow;
mod list;
mod place;
mod server;
mod submit;
mod view;

pub(super) use cat::cat;
pub(super) use list::list;
pub(super) use submit::{submit, watch};

use std::process::ExitCode;

use errors::Error;
use ves_api::wire;

use self::args::{CancelArgs, StatusArgs};
use self::server::Server;
use crate::colour::{ColourChoice, Paint};
use crate::logging;
use crate::output::{Output, ended};
use crate::stop::Stop;

/// `ves status ID`
pub(super) fn status(args: &StatusArgs, colour: ColourChoice) -> ExitCode {
    let call = async |server: &Server| {
        let request = wire::GetRequestRequest {
            request_id: args.id.clone(),
            ..Default::default()
        };
        let answer = server.client.get_request(request).await;
        let answer = answer.map_err(|refusal| server.told(&refusal))?;
        Ok(answer.into_owned().view.into_option())
    };
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = on_server(&args.server, colour, call).and_then(|view| {
        let view = view.ok_or_else(no_view)?;
        output.result(&view, || view::in_words(&view, Paint::for_output(colour)));
        Ok(())
    });
    ended(done, &output)
}

/// `ves cancel ID`
pub(super) fn cancel(args: &CancelArgs, colour: ColourChoice) -> ExitCode {
    let call = async |server: &Server| {
        let request = wire::CancelRequestRequest {
            request_id: args.id.clone(),
            reason: args.reason.clone(),
            ..Default::default()
        };
        let answer = server.client.cancel_request(request).await;
        let answer = answer.map_err(|refusal| server.told(&refusal))?;
        Ok(answer.into_owned().view.into_option())
    };
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = on_server(&args.server, colour, call).and_then(|view| {
        let view = view.ok_or_else(no_view)?;
        output.result(&view, || canceled(&view));
        Ok(())
    });
    ended(done, &output)
}

fn canceled(view: &wire::RequestView) -> String {
    match view::has_ended(view) {
        true => view::state(view).to_owned(),
        false => "canceling; what runs is being stopped".to_owned(),
    }
}

fn no_view() -> Error {
    Error::platform("NO_ANSWER", "the server answered without the request")
        .hint("see whether client and server are of one version")
}

/// Runs a call on the runtime.
fn on_server<T>(
    args: &args::ServerArgs,
    colour: ColourChoice,
    call: impl AsyncFnOnce(&Server) -> Result<T, Stop>,
) -> Result<T, Stop> {
    logging::start("off", colour);
    let runtime = crate::runtime().map_err(|e| Error::platform("NO_RUNTIME", e.to_string()))?;
    runtime.block_on(async { call(&Server::of(args)?).await })
}
