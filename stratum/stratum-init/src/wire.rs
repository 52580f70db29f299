//! The conversation between host and `cosmos-init`: one JSON object a line, the [`Spec`] first.

use serde::{Deserialize, Serialize};

use crate::Exit;

/// Longest line either side accepts, in bytes.
pub const MAX_LINE: usize = 1 << 20;

/// From the host, after the spec. The end of the stream means [`ToInit::Kill`] and no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToInit {
    Kill,
}

/// From `cosmos-init`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromInit {
    /// The command runs; its process group.
    Started { pid: i32 },
    /// The latest progress; older values may have been skipped.
    Progress(Progress),
    /// The command never ran.
    Failed { message: String },
    /// The command and all that it left behind are gone. The last message.
    Exited(Exit),
}

/// How far a command says it is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 1, from `progress=` lines.
    pub fraction: f64,
    /// Frames done, from `frame=` lines.
    pub frames: u64,
}

/// A path that need not be UTF-8, as JSON.
pub(crate) mod os_path {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        path.as_os_str().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        OsString::deserialize(from).map(PathBuf::from)
    }
}

/// Paths that need not be UTF-8, as JSON.
pub(crate) mod os_paths {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(paths.iter().map(|p| p.as_os_str()))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        Vec::<OsString>::deserialize(from).map(|all| all.into_iter().map(PathBuf::from).collect())
    }
}

/// An environment as pairs: JSON's keys are UTF-8, names need not be.
pub(crate) mod os_map {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use serde::{Deserialize, Deserializer, Serializer};

    type Map = BTreeMap<OsString, OsString>;

    pub(crate) fn serialize<S: Serializer>(map: &Map, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Map, D::Error> {
        Vec::<(OsString, OsString)>::deserialize(from).map(Map::from_iter)
    }
}
