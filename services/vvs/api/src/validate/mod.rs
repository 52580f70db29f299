//! Whether a request makes sense: a pure function of the request and the configuration.

pub(crate) mod expectations;

use std::collections::BTreeMap;

use blob::BlobRef;
use errors::Error;
use optimus::request;
use sources::{Place, Sources};
use video::{Conversion, InvalidFormat, Region};

use crate::expect::Expectations;
use crate::wire;
use wire::video_file::Place as WirePlace;

/// What requests may name.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What files may be.
    pub sources: Sources,
    /// Whether callers may name bytes that the platform keeps. Only those who are trusted may:
    /// whoever knows a digest could read what it stands for.
    pub trust_blobs: bool,
}

/// A request that says nothing wrong. Its files have not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidRequest {
    /// `None`: the source alone is decoded.
    pub video: Option<Named>,
    pub source: Option<Named>,
    pub expectations: Expectations,
    /// What times are compared with.
    pub frame_table: Option<BlobRef>,
    /// Where chunks begin, if they are too many for a request.
    pub boundaries: Option<BlobRef>,
    /// Where decoding can begin, if that is at too many frames for a request.
    pub access_points: Option<BlobRef>,
    /// The part of the source that the video shows.
    pub source_region: Option<Region>,
    /// What became of the source's frames before they were encoded.
    pub source_conversion: Conversion,
    /// The part of the video that shows it.
    pub video_region: Option<Region>,
    pub idempotency_key: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// A file as a request names it.
#[derive(Clone, Debug, PartialEq)]
pub enum Named {
    Place(Place),
    Blob(BlobRef),
}

/// Checks all that a request says; every problem at once, each with the path of its
/// field, why, and what would do.
///
/// # Errors
/// Of class `user`.
pub fn validate(
    request: &wire::ValidateRequest,
    policy: &Policy,
) -> Result<ValidRequest, Vec<Error>> {
    let mut problems = Vec::new();
    let video = file(request.video.as_option(), "video", policy, &mut problems);
    let source = file(request.source.as_option(), "source", policy, &mut problems);
    if !request.video.is_set() && !request.source.is_set() {
        problems.push(
            Error::user("MISSING", "neither a video nor a source is named")
                .at("video")
                .hint("name the video to be validated, or a source to be prepared"),
        );
    }
    let expected = expectations::check(request, policy, &mut problems);
    let valid = ValidRequest {
        video,
        source,
        expectations: expected.all,
        frame_table: expected.frame_table,
        boundaries: expected.boundaries,
        access_points: expected.access_points,
        source_region: region(
            request.source_region.as_option(),
            "source_region",
            &mut problems,
        ),
        source_conversion: conversion(request.source_conversion.as_option(), &mut problems),
        video_region: region(
            request.video_region.as_option(),
            "video_region",
            &mut problems,
        ),
        idempotency_key: request::idempotency_key(&request.idempotency_key, &mut problems),
        labels: request::labels(&request.labels, &mut problems),
    };
    match problems.is_empty() {
        true => Ok(valid),
        false => Err(problems),
    }
}

impl ValidRequest {
    /// Whether the source has to be decoded.
    pub fn reference(&self) -> bool {
        let asked = self.video.is_none() || self.expectations.need_source();
        asked && self.source.is_some()
    }
}

fn region(
    region: Option<&proto::video::v1::Region>,
    field: &str,
    problems: &mut Vec<Error>,
) -> Option<Region> {
    let read = Region::try_from(region?);
    let told = |_| Error::user("OUT_OF_RANGE", "a part of a picture is at least one pixel");
    let hint = "give its left, top, width and height";
    read.map_err(|e| problems.push(told(e).at(field).hint(hint)))
        .ok()
}

fn conversion(
    conversion: Option<&proto::video::v1::Conversion>,
    problems: &mut Vec<Error>,
) -> Conversion {
    let read = conversion.map(Conversion::try_from).transpose();
    let wrong = |InvalidFormat { field, expected }| {
        let error = Error::user("OUT_OF_RANGE", "this cannot have become of a source");
        let error = error.at(format!("source_conversion.{field}"));
        problems.push(error.hint(format!("tell {expected}")));
    };
    read.map_err(wrong).ok().flatten().unwrap_or_default()
}

fn file(
    file: Option<&wire::VideoFile>,
    field: &str,
    policy: &Policy,
    problems: &mut Vec<Error>,
) -> Option<Named> {
    let place = file?.place.as_ref();
    let named = match place {
        None => Err(Error::user("MISSING", "the file has no place")
            .at(field)
            .hint("name it as uri: file:///absolute/path, https://server/path or s3://bucket/key")),
        Some(WirePlace::Uri(uri)) => {
            let place = policy.sources.place(uri);
            place
                .map(Named::Place)
                .map_err(|error| error.at(format!("{field}.uri")))
        }
        Some(WirePlace::Blob(reference)) => {
            blob(reference, &format!("{field}.blob"), policy).map(Named::Blob)
        }
    };
    named.map_err(|problem| problems.push(problem)).ok()
}

/// A reference to bytes, from a caller who may name them.
fn blob(
    reference: &proto::base::v1::BlobRef,
    field: &str,
    policy: &Policy,
) -> Result<BlobRef, Error> {
    if !policy.trust_blobs {
        return Err(Error::user(
            "BLOB_NOT_ALLOWED",
            "blobs may not be named by callers of this service",
        )
        .at(field)
        .hint("name a file by its URI"));
    }
    reference
        .clone()
        .try_into()
        .map_err(|problem: blob::InvalidRef| {
            Error::user("BLOB_INVALID", problem.to_string())
                .at(field)
                .hint("name the store, the digest as sha256/…, and the size")
        })
}

#[cfg(test)]
mod tests;
