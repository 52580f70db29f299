//! A client of the encoding service: asks for an encode, waits for its end, says what came of it.
//!
//! Usage: `encode_video SOURCE OUTPUT`, where a server runs (`cosmos up`) whose token is in
//! `cosmos-data/token`.

use std::path::Path;

use anyhow::{Context, Result, bail};
use connectrpc::client::{ClientConfig, HttpClient};
use ves_api::wire::{
    AwaitRequestRequest, Codec, CodecFormat, EncodeRequest, EncodeVideoRequest, OutputTarget,
    Recipe, RequestState, VideoEncodingServiceClient, VideoSource,
};

const SERVER: &str = "http://127.0.0.1:7400";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (source, output) = words.next().zip(words.next()).context("SOURCE OUTPUT")?;
    let token = std::fs::read_to_string("cosmos-data/token")?;
    let config = ClientConfig::new(SERVER.parse()?)
        .with_default_header("authorization", format!("Bearer {}", token.trim()));
    let ves = VideoEncodingServiceClient::new(HttpClient::plaintext(), config);

    let accepted = ves.encode_video(request(&source, &output)?).await?;
    let request_id = accepted.into_owned().request_id;
    println!("accepted as {request_id}");
    loop {
        let wait = AwaitRequestRequest {
            request_id: request_id.clone(),
            wait_ms: 30_000,
            ..Default::default()
        };
        let answer = ves.await_request(wait).await?.into_owned();
        let view = answer.view.into_option().context("no such request")?;
        let response = view.response.into_option().unwrap_or_default();
        match view.state.as_known() {
            Some(RequestState::Succeeded) => {
                let video = response.output_video.into_option().unwrap_or_default();
                println!("{}: {} frames", video.uri, video.frames);
                return Ok(());
            }
            Some(RequestState::Failed | RequestState::Canceled) => {
                bail!("{:?}", response.error.into_option())
            }
            _ => println!("still at it"),
        }
    }
}

fn request(source: &str, output: &str) -> Result<EncodeVideoRequest> {
    let codec = Codec {
        format: CodecFormat::Avc.into(),
        preset: "veryfast".into(),
        ..Default::default()
    };
    let request = EncodeRequest {
        video_source: Some(VideoSource {
            uri: uri(source)?,
            ..Default::default()
        })
        .into(),
        recipe: Some(Recipe {
            codec: Some(codec).into(),
            ..Default::default()
        })
        .into(),
        output: Some(OutputTarget {
            uri: uri(output)?,
            ..Default::default()
        })
        .into(),
        ..Default::default()
    };
    Ok(EncodeVideoRequest {
        request: Some(request).into(),
        ..Default::default()
    })
}

fn uri(path: &str) -> Result<String> {
    let path = std::path::absolute(Path::new(path))?;
    let uri = blob::FileUri::of(&path).map(|uri| uri.to_string());
    uri.context("the path is no file's")
}
