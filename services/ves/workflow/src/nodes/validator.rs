//! What the Video Validation Service is asked.

use blob::BlobRef;
use errors::Error;
use plato::{ServiceCall, TaskContext, json};
use proto::video::v1::{Conversion, Region, VideoFormat};
use ves_api::function::{AssembleResult, SplitResult};
use ves_api::recipe::Recipe;
use ves_api::summary::VIDEO;
use video::DecoderBuffer;
use vvs_client::validate_video;
use vvs_client::wire::{
    BufferModel, Expectation, Format, FrameCount, QualitySteps, RandomAccess, Timestamps, Tracks,
    ValidateRequest, VideoFile, expectation::Kind, video_file::Place,
};

use super::common::{BOUNDARIES, FRAME_TABLE, job};

/// Has the source decoded and its frames remembered, beside the encode.
pub(crate) fn prepare_source(task: &TaskContext) -> Result<ServiceCall, Error> {
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    Ok(validate_video(ValidateRequest {
        source_conversion: conversion(&split).into(),
        source: Some(source(task)?).into(),
        source_region: split.source_region.map(Region::from).into(),
        ..Default::default()
    }))
}

/// Has the assembled file compared with the source, and with what the recipe promises.
pub(crate) fn prepare(task: &TaskContext) -> Result<ServiceCall, Error> {
    let expectations = expected(task)?.into_iter().map(|kind| Expectation {
        kind: Some(kind),
        ..Default::default()
    });
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    Ok(validate_video(ValidateRequest {
        source_conversion: conversion(&split).into(),
        source_region: split.source_region.map(Region::from).into(),
        video_region: split.video_region.map(Region::from).into(),
        video: Some(bytes(task.blob("assembler", VIDEO)?)).into(),
        source: Some(source(task)?).into(),
        expectations: expectations.collect(),
        ..Default::default()
    }))
}

/// What became of the source's frames first, if anything did.
fn conversion(split: &SplitResult) -> Option<Conversion> {
    let conversion = split.conversion;
    (!conversion.is_none()).then(|| conversion.into())
}

fn source(task: &TaskContext) -> Result<VideoFile, Error> {
    Ok(VideoFile {
        place: Some(Place::Uri(job(task)?.source.uri)),
        ..Default::default()
    })
}

fn bytes(blob: &BlobRef) -> VideoFile {
    VideoFile {
        place: Some(Place::Blob(Box::new(blob.clone().into()))),
        ..Default::default()
    }
}

fn expected(task: &TaskContext) -> Result<Vec<Kind>, Error> {
    let recipe = job(task)?.recipe;
    let split: SplitResult = json::parse(task.output("splitter")?)?;
    let assembled: AssembleResult = json::parse(task.output("assembler")?)?;
    let count = FrameCount {
        frames: split.frames,
        ..Default::default()
    };
    let steps = QualitySteps {
        list: Some(task.blob("splitter", BOUNDARIES)?.clone().into()).into(),
        ..Default::default()
    };
    let mut kinds = vec![
        Kind::FrameCount(Box::new(count)),
        Kind::Format(Box::new(format(&recipe, &split))),
        Kind::CleanDecode(Box::default()),
        Kind::SameFrames(Box::default()),
        Kind::QualitySteps(Box::new(steps)),
    ];
    kinds.extend(recipe.buffer.map(buffer_model));
    if recipe.chunking.aligned_access {
        kinds.push(Kind::RandomAccess(Box::new(RandomAccess {
            list: Some(task.blob("splitter", BOUNDARIES)?.clone().into()).into(),
            only: true,
            ..Default::default()
        })));
    }
    if !recipe.container.is_bare() {
        kinds.extend(of_container(task, assembled.other_tracks)?);
    }
    Ok(kinds)
}

/// What the coded video by itself does not tell.
fn of_container(task: &TaskContext, other_tracks: u64) -> Result<[Kind; 2], Error> {
    let times = Timestamps {
        frame_table: Some(task.blob("splitter", FRAME_TABLE)?.clone().into()).into(),
        ..Default::default()
    };
    let tracks = Tracks {
        others: other_tracks,
        ..Default::default()
    };
    Ok([
        Kind::Timestamps(Box::new(times)),
        Kind::Tracks(Box::new(tracks)),
    ])
}

fn buffer_model(buffer: DecoderBuffer) -> Kind {
    Kind::BufferModel(Box::new(BufferModel {
        max_bitrate: buffer.max_bitrate,
        buffer: buffer.size,
        ..Default::default()
    }))
}

/// What the coded video by itself must tell.
fn in_bitstream(recipe: &Recipe, format: &VideoFormat) -> Option<VideoFormat> {
    let tells = recipe.codec.coding.tells_static_hdr;
    let told = format.mastering_display.is_set() || format.content_light.is_set();
    (tells && told).then(|| VideoFormat {
        mastering_display: format.mastering_display.clone(),
        content_light: format.content_light.clone(),
        ..Default::default()
    })
}

fn format(recipe: &Recipe, split: &SplitResult) -> Format {
    let video = match recipe.container.is_bare() {
        true => in_bitstream(recipe, &split.format),
        false => Some(split.format.clone()),
    };
    Format {
        codec: recipe.codec.ffprobe_name().to_owned(),
        video: video.into(),
        max_level: recipe.codec.level.map_or(0, |level| level.code),
        ..Default::default()
    }
}
