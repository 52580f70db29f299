//! Ranges of real clips, decoded by real tools under a real `cosmos-init`, against one plain decode.
#![allow(clippy::unwrap_used, clippy::panic)]

mod codestreams;
mod ranges;
mod sources;

use std::fs::{self, File};
use std::path::Path;

use corpus::{Clip, Frame, clip, have, init_binary, skip};
use stratum_frames::{DecodeOptions, Decoded, FrameTable, Plan, Tools, build_table, decode_range};
use stratum_init::Init;

/// The tools, or `None` with a loud word.
fn tools(what: &str) -> Option<Tools> {
    if have("ffmpeg") {
        return Some(Tools::with_init(Init::at(init_binary().unwrap())).unwrap());
    }
    skip(what, "ffmpeg is not installed");
    None
}

/// A source with its table and what is right.
struct Case {
    tools: Tools,
    path: std::path::PathBuf,
    table: FrameTable,
    truth: Vec<Frame>,
}

impl Case {
    async fn of(which: Clip) -> Option<Case> {
        let tools = tools(&format!("{which:?}"))?;
        Some(Case::at(tools, &clip(which).unwrap()).await)
    }

    async fn at(tools: Tools, path: &Path) -> Case {
        let table = build_table(&tools, path).await.unwrap();
        Case {
            tools,
            path: path.to_owned(),
            table,
            truth: corpus::frames(path).unwrap(),
        }
    }

    /// Decodes into a file; gives what the tool and the check say, and the hash of every frame.
    async fn decode(&self, plan: &Plan) -> (Decoded, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("range.y4m");
        File::create(&output).unwrap();
        let options = DecodeOptions::default();
        let (tools, table) = (&self.tools, &self.table);
        let decoded = decode_range(tools, &self.path, table, plan, &output, &options).await;
        let decoded = decoded.unwrap();
        let empty = fs::metadata(&output).unwrap().len() == 0;
        let hashes = if empty {
            Vec::new()
        } else {
            corpus::framemd5(&output).unwrap()
        };
        (decoded, hashes)
    }

    fn truth(&self, plan: &Plan) -> Vec<&str> {
        let frames = &self.truth[plan.start as usize..plan.end as usize];
        frames.iter().map(|frame| frame.md5.as_str()).collect()
    }
}
