use std::collections::BTreeMap;

use blob::BlobRef;
use proto::base::v1 as base;
use proto::stratum::v1 as stratum;
use serde::{Deserialize, Serialize};
use video::{Conversion, Region};

/// What the workflow `vvs.validate` is started with.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// `None`: the source alone is decoded.
    pub video: Option<File>,
    pub source: Option<File>,
    /// [`crate::expect::Expectations`] as JSON; there when there is a video.
    pub expectations: Option<BlobRef>,
    /// What times are compared with.
    pub frame_table: Option<BlobRef>,
    /// Whether the source has to be decoded.
    pub reference: bool,
    /// The part of the source that the video shows; `None` = all of it.
    pub source_region: Option<Region>,
    /// What became of the source's frames before they were encoded.
    pub source_conversion: Conversion,
    /// The part of the video that shows it; `None` = all of it.
    pub video_region: Option<Region>,
    /// The version of each function, by name; of others, whatever is installed.
    pub function_digests: BTreeMap<String, String>,
}

/// A file to read.
#[derive(Clone, Debug, PartialEq)]
pub enum File {
    Source(stratum::Source),
    Blob(BlobRef),
}

#[derive(Serialize, Deserialize)]
struct Json {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    video: Option<FileJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<FileJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expectations: Option<base::BlobRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame_table: Option<base::BlobRef>,
    reference: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_region: Option<Region>,
    #[serde(default, skip_serializing_if = "Conversion::is_none")]
    source_conversion: Conversion,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    video_region: Option<Region>,
    #[serde(default)]
    function_digests: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FileJson {
    Source(stratum::Source),
    Blob(base::BlobRef),
}

impl Job {
    /// As the inline value that starts the workflow.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let wire = |blob: &Option<BlobRef>| blob.clone().map(base::BlobRef::from);
        serde_json::to_vec(&Json {
            video: self.video.clone().map(FileJson::from),
            source: self.source.clone().map(FileJson::from),
            expectations: wire(&self.expectations),
            frame_table: wire(&self.frame_table),
            reference: self.reference,
            source_region: self.source_region,
            source_conversion: self.source_conversion,
            video_region: self.video_region,
            function_digests: self.function_digests.clone(),
        })
    }

    /// From the inline value that started the workflow.
    ///
    /// # Errors
    /// Of class `platform` when it is not one.
    pub fn from_json(bytes: &[u8]) -> Result<Self, errors::Error> {
        let json: Json = serde_json::from_slice(bytes).map_err(|e| malformed(&e))?;
        let blob = |blob: Option<base::BlobRef>| blob.map(read).transpose();
        let file = |file: Option<FileJson>| file.map(File::try_from).transpose();
        Ok(Self {
            video: file(json.video)?,
            source: file(json.source)?,
            expectations: blob(json.expectations)?,
            frame_table: blob(json.frame_table)?,
            reference: json.reference,
            source_region: json.source_region,
            source_conversion: json.source_conversion,
            video_region: json.video_region,
            function_digests: json.function_digests,
        })
    }
}

impl From<File> for FileJson {
    fn from(file: File) -> Self {
        match file {
            File::Source(source) => Self::Source(source),
            File::Blob(blob) => Self::Blob(blob.into()),
        }
    }
}

impl TryFrom<FileJson> for File {
    type Error = errors::Error;

    fn try_from(file: FileJson) -> Result<Self, errors::Error> {
        Ok(match file {
            FileJson::Source(source) => Self::Source(source),
            FileJson::Blob(blob) => Self::Blob(read(blob)?),
        })
    }
}

fn read(blob: base::BlobRef) -> Result<BlobRef, errors::Error> {
    blob.try_into().map_err(|e| malformed(&e))
}

fn malformed(problem: &dyn std::fmt::Display) -> errors::Error {
    errors::Error::platform("MALFORMED_JOB", format!("no such job: {problem}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use video::{Deinterlacing, Resolution, ScanType};

    use super::*;

    #[test]
    fn a_job_survives_its_journey() {
        let blob = BlobRef {
            store: "local".into(),
            digest: blob::Digest::of(b"x"),
            size: 1,
            content_type: "video/mp4".into(),
        };
        let source = stratum::Source {
            uri: "file:///a".into(),
            ..Default::default()
        };
        let job = Job {
            video: Some(File::Blob(blob.clone())),
            source: Some(File::Source(source)),
            expectations: Some(blob),
            frame_table: None,
            reference: true,
            source_region: Some(Region {
                left: 2,
                top: 4,
                size: Resolution::new(320, 180).unwrap(),
            }),
            source_conversion: Conversion::new(Some(Deinterlacing::Field), ScanType::TopFieldFirst),
            video_region: None,
            function_digests: [("vvs-plan".into(), "sha256/aa".into())].into(),
        };
        assert_eq!(Job::from_json(&job.to_json().unwrap()).unwrap(), job);
        let alone = Job { video: None, ..job };
        assert_eq!(Job::from_json(&alone.to_json().unwrap()).unwrap(), alone);
        assert_eq!(Job::from_json(b"{}").unwrap_err().code, "MALFORMED_JOB");
    }
}
