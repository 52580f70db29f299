//! A request as the server tells it, in words.

use errors::Error;
use ves_api::wire::{self, RequestState};

use super::args::StateName;
use crate::colour::Paint;
use crate::explain::{explain, one_line};
use crate::units::{Size, local_time};

/// "running"
pub(super) fn state(view: &wire::RequestView) -> &'static str {
    match view.state.as_known() {
        Some(RequestState::Accepted) => "accepted",
        Some(RequestState::Running) => "running",
        Some(RequestState::Succeeded) => "succeeded",
        Some(RequestState::Failed) => "failed",
        Some(RequestState::Canceled) => "canceled",
        Some(RequestState::Unspecified) | None => "in a state of a newer version",
    }
}

impl StateName {
    pub(super) fn is(self, view: &wire::RequestView) -> bool {
        let wanted = match self {
            Self::Accepted => RequestState::Accepted,
            Self::Running => RequestState::Running,
            Self::Succeeded => RequestState::Succeeded,
            Self::Failed => RequestState::Failed,
            Self::Canceled => RequestState::Canceled,
        };
        view.state.as_known() == Some(wanted)
    }
}

/// Whether it cannot change any more.
pub(super) fn has_ended(view: &wire::RequestView) -> bool {
    matches!(
        view.state.as_known(),
        Some(RequestState::Succeeded | RequestState::Failed | RequestState::Canceled)
    )
}

/// Why it did not succeed.
pub(super) fn error(view: &wire::RequestView) -> Option<Error> {
    let response = view.response.as_option()?;
    response.error.as_option().cloned().map(Error::from)
}

/// Path of its source, as written in the request.
pub(super) fn source(view: &wire::RequestView) -> String {
    let request = view.request.as_option();
    let source = request.and_then(|request| request.video_source.as_option());
    source
        .map(|source| path_of(&source.uri))
        .unwrap_or_default()
}

/// Path of its output, or of those of all rungs.
pub(super) fn target(view: &wire::RequestView) -> String {
    let Some(request) = view.request.as_option() else {
        return String::new();
    };
    let rungs = request.ladder.as_option();
    let rungs = rungs.into_iter().flat_map(|ladder| &ladder.rungs);
    let rungs = rungs.filter_map(|rung| rung.output.as_option());
    let outputs = request.output.as_option().into_iter().chain(rungs);
    let outputs: Vec<String> = outputs.map(|output| path_of(&output.uri)).collect();
    outputs.join(", ")
}

/// The path that a `file:` URI names; else the URI itself.
pub(super) fn path_of(uri: &str) -> String {
    let path = uri.parse::<blob::FileUri>();
    one_line(&path.map_or_else(|_| uri.to_owned(), |uri| uri.path().display().to_string()))
}

/// Everything about one request.
pub(super) fn in_words(view: &wire::RequestView, paint: Paint) -> String {
    let mut lines = vec![
        format!("request   {}", one_line(&view.request_id)),
        format!("state     {}", state(view)),
        format!("source    {}", source(view)),
        format!("output    {}", target(view)),
        format!("created   {}", local_time(view.created_unix_ms)),
        format!("updated   {}", local_time(view.updated_unix_ms)),
    ];
    lines.extend(labels(view));
    lines.extend(view.stages.iter().map(stage));
    lines.extend(results(view));
    let error = error(view).map(|error| explain(&[error], paint));
    lines.extend(error.map(|text| text.trim_end().to_owned()));
    lines.join("\n")
}

fn labels(view: &wire::RequestView) -> Option<String> {
    let request = view.request.as_option()?;
    let mut labels: Vec<String> = request
        .labels
        .iter()
        .map(|(key, value)| one_line(&format!("{key}={value}")))
        .collect();
    labels.sort();
    (!labels.is_empty()).then(|| format!("labels    {}", labels.join(", ")))
}

fn stage(stage: &wire::StageProgress) -> String {
    let tasks = match stage.total {
        0 | 1 => String::new(),
        total => format!(", {} of {total}", stage.done),
    };
    let reused = match stage.reused {
        0 => String::new(),
        some => format!(", {some} reused"),
    };
    let retries = match stage.retries {
        0 => String::new(),
        some => format!(", {some} tried again"),
    };
    format!(
        "  {:10}  {}{tasks}{reused}{retries}",
        one_line(&stage.stage),
        one_line(&stage.state)
    )
}

fn results(view: &wire::RequestView) -> Vec<String> {
    let Some(response) = view.response.as_option() else {
        return Vec::new();
    };
    let one = response
        .output_video
        .as_option()
        .map(|video| ("result", video));
    let rungs = response.rungs.iter();
    let rungs = rungs.filter_map(|rung| Some((&*rung.name, rung.output_video.as_option()?)));
    let videos = one.into_iter().chain(rungs);
    videos
        .map(|(name, video)| {
            let size = Size(video.size_bytes);
            format!("{:10}{} frames, {size}", one_line(name), video.frames)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> wire::RequestView {
        wire::RequestView {
            request_id: "0198-x".into(),
            state: RequestState::Running.into(),
            request: Some(wire::EncodeRequest {
                video_source: Some(wire::VideoSource {
                    uri: "file:///media/a%20film%1B.mkv".into(),
                    ..Default::default()
                })
                .into(),
                labels: [("a".to_owned(), "b".to_owned())].into_iter().collect(),
                ..Default::default()
            })
            .into(),
            stages: vec![wire::StageProgress {
                stage: "encoder".into(),
                state: "running".into(),
                total: 12,
                done: 3,
                retries: 1,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn a_request_is_told_in_words() {
        let text = in_words(&view(), Paint::default());
        let told: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("created") && !line.starts_with("updated"))
            .collect();
        assert_eq!(
            told,
            [
                "request   0198-x",
                "state     running",
                "source    /media/a film\\u{1b}.mkv",
                "output    ",
                "labels    a=b",
                "  encoder     running, 3 of 12, 1 tried again",
            ]
        );
    }

    #[test]
    fn states_are_found_by_name() {
        assert!(StateName::Running.is(&view()));
        assert!(!StateName::Failed.is(&view()));
        assert!(!has_ended(&view()));
    }
}
