//! `ves cat` against a server whose encoder is held back before its last chunk, until it is let go.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use corpus::{Clip, Frame, frames};
use e2e::installation::wait_until;
use e2e::programs::spawn;
use e2e::talk::wrapped_tool;
use e2e::terminal::{Server, json_lines};
use serde_json::Value;
use tempfile::TempDir;

/// 150 frames as three chunks, of which the last is the short one.
const CHUNKS: [&str; 4] = ["--chunk", "60f", "--align", "fixed"];
const LAST: u64 = 120;

/// Encodes of 30 frames wait until there is the file `go` or `fail`; by the latter they fail.
const HELD: &str = r#"
case "$*" in *libx264*)
    for word; do case "$word" in */input/source.y4m) work="${word%/input/source.y4m}";; esac; done
    if grep -q '"frames":30[,}]' "$work/params.json"; then
        until [ -e FOLDER/go ]; do
            [ -e FOLDER/fail ] && { echo 'the hamster is tired' >&2; exit 1; }
            sleep 0.02
        done
    fi;;
esac
exec /usr/bin/ffmpeg "$@"
"#;

struct Proof {
    folder: TempDir,
    server: Server,
}

impl Proof {
    /// A server that encodes as usual.
    fn new() -> Result<Self> {
        Self::start(|_| Ok(None))
    }

    /// A server that is held back before the last chunk.
    fn held() -> Result<Self> {
        Self::start(|folder| {
            let script = HELD.replace("FOLDER", &folder.path().display().to_string());
            let tools = folder.path().join("tools");
            wrapped_tool(&tools, "ffmpeg", &script).map(Some)
        })
    }

    fn start(path: impl FnOnce(&TempDir) -> Result<Option<String>>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = path(&folder)?;
        let plain = corpus::clip(Clip::Plain)?;
        let sources = plain.parent().context("a clip lies in a folder")?;
        let at = folder.path().canonicalize()?;
        let server = Server::start_with(&at, sources, path.as_deref())?;
        Ok(Self { folder, server })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Submits an encode and gives its id.
    fn submit(&self, clip: Clip, output: &str, more: &[&str]) -> Result<String> {
        let source = corpus::clip(clip)?.display().to_string();
        let words = ["submit", &source, "-o", output, "--quiet"];
        let said = self.server.said(&[&words[..], more].concat())?;
        Ok(said.trim().to_owned())
    }

    /// Starts `ves cat` with its output to be read, and what it says in a file.
    fn cat(&self, words: &[&str]) -> Result<Cat> {
        let said = self.at("said");
        let mut command = self.server.command(&[&["cat"], words].concat())?;
        command.stdout(Stdio::piped()).stderr(File::create(&said)?);
        Ok(Cat {
            child: spawn(&mut command)?,
            said,
        })
    }

    /// What `ves cat` wrote, as a file.
    fn written(&self, words: &[&str], name: &str) -> Result<PathBuf> {
        let output = self.server.ves(&[&["cat"], words].concat())?;
        ensure!(output.status.success(), "{words:?}: {output:?}");
        fs::write(self.at(name), output.stdout)?;
        Ok(self.at(name))
    }

    /// Chunks that are encoded.
    fn chunks_done(&self, id: &str) -> Result<Option<u64>> {
        let view = json_lines(&self.server.said(&["status", id, "--json"])?)?;
        let stages = view[0]["stages"].as_array();
        let encoder = stages
            .into_iter()
            .flatten()
            .find(|stage| stage["stage"] == "encoder");
        let done = encoder.and_then(|stage| stage["done"].as_str());
        Ok(done.and_then(|done| done.parse().ok()))
    }
}

struct Cat {
    child: Child,
    said: PathBuf,
}

impl Cat {
    fn output(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().context("it was taken")
    }

    /// Demands that it ends with this status; what it said.
    fn end(mut self, status: i32) -> Result<String> {
        let ended = self.child.wait()?.code();
        let said = fs::read_to_string(&self.said)?;
        ensure!(ended == Some(status), "{ended:?}, not {status}: {said}");
        Ok(said)
    }
}

/// Decodes what it is given, and tells each frame as soon as it is decoded.
fn decoder(input: ChildStdout) -> Result<Child> {
    let args = "-nostdin -v error -copyts -probesize 4096 -analyzeduration 0 -threads 1 -i - \
        -map 0:v:0 -fps_mode passthrough -enc_time_base -1 -flush_packets 1 -f framemd5 -";
    let mut command = Command::new("ffmpeg");
    command.args(args.split_whitespace());
    spawn(command.stdin(input).stdout(Stdio::piped()))
}

/// The next frames that a decoder tells, at most so many.
fn told(decoder: &mut impl BufRead, most: usize) -> Result<Vec<Frame>> {
    let mut told = Vec::new();
    for line in decoder.lines() {
        let line = line?;
        if line.starts_with('#') {
            continue;
        }
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        if let [_, _, pts, _, _, md5] = fields[..] {
            let (pts, md5) = (pts.parse()?, md5.to_owned());
            told.push(Frame { pts, md5 });
        }
        if told.len() == most {
            break;
        }
    }
    Ok(told)
}

#[test]
fn a_consumer_plays_before_the_last_chunk_is_encoded() -> Result<()> {
    let proof = Proof::held()?;
    let id = proof.submit(Clip::Plain, "out.mp4", &CHUNKS)?;
    let mut cat = proof.cat(&[&id])?;
    let mut decoder = decoder(cat.output()?)?;
    let mut frames_told = BufReader::new(decoder.stdout.take().context("no standard output")?);
    let mut played = told(&mut frames_told, 60)?;
    ensure!(played.len() == 60, "only {} frames", played.len());
    ensure!(!proof.at("go").exists() && !proof.at("out.mp4").exists());
    wait_until("chunks", || Ok(proof.chunks_done(&id)? == Some(2)))?;

    File::create(proof.at("go"))?;
    played.extend(told(&mut frames_told, usize::MAX)?);
    ensure!(decoder.wait()?.success(), "it does not decode");
    let said = cat.end(0)?;
    ensure!(said.is_empty(), "{said}");
    // It has waited for the validated file.
    let whole = frames(&proof.at("out.mp4"))?;
    ensure!(played == whole, "{played:?}\n{whole:?}");
    again_from_a_place(&proof, &id, &whole)?;
    the_index(&proof, &id)
}

/// A consumer that begins later gets the same frames from there on, at the same times.
fn again_from_a_place(proof: &Proof, id: &str, whole: &[Frame]) -> Result<()> {
    let mut cat = proof.cat(&[id, "--from", "130"])?;
    let mut bytes = Vec::new();
    cat.output()?.read_to_end(&mut bytes)?;
    fs::write(proof.at("part.mp4"), bytes)?;
    let said = cat.end(0)?;
    ensure!(said.contains("begins at frame 120"), "{said}");
    let part = frames(&proof.at("part.mp4"))?;
    ensure!(part == whole[120..], "{part:?}");

    let refused = proof.server.ves(&["cat", id, "--from", "150"])?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(refused.status.code() == Some(2), "{refused:?}");
    ensure!(said.contains("--from: there is no frame 150"), "{said}");
    ensure!(said.contains("150 frames, the first is 0"), "{said}");
    Ok(())
}

fn the_index(proof: &Proof, id: &str) -> Result<()> {
    let lines = json_lines(&proof.server.said(&["cat", id, "--index"])?)?;
    let of =
        |part: &str| -> Vec<&Value> { lines.iter().filter(|line| line["part"] == part).collect() };
    let (head, chunks, units) = (of("head"), of("chunk"), of("unit"));
    ensure!(
        head[0]["frames"] == 150 && head[0]["chunks"] == 3,
        "{head:?}"
    );
    ensure!(head[0]["sample_entry"] == "avc1", "{head:?}");
    ensure!(chunks.len() == 3 && units.len() == 150, "{lines:?}");
    ensure!(lines[0]["part"] == "head" && lines[154]["part"] == "end");
    for chunk in chunks {
        let of_chunk = units.iter().filter(|unit| unit["chunk"] == chunk["chunk"]);
        let bytes: u64 = of_chunk.filter_map(|unit| unit["size"].as_u64()).sum();
        ensure!(chunk["size"] == bytes, "{chunk}");
    }
    let starts = units.iter().filter(|unit| unit["random_access"] == true);
    let starts: Vec<_> = starts.filter_map(|unit| unit["frame"].as_u64()).collect();
    ensure!(starts.starts_with(&[0]) && starts.contains(&60) && starts.contains(&LAST));
    let from = json_lines(
        &proof
            .server
            .said(&["cat", id, "--index", "--from", "125"])?,
    )?;
    ensure!(
        from[1]["chunk"] == 2 && from[2]["frame"] == LAST,
        "{from:?}"
    );
    Ok(())
}

#[test]
fn readers_that_go_away_and_encodes_that_do_not_succeed_end_it() -> Result<()> {
    let proof = Proof::held()?;
    let id = proof.submit(Clip::Plain, "out.mp4", &CHUNKS)?;
    let mut cat = proof.cat(&[&id])?;
    let mut begins = [0; 1024];
    cat.output()?.read_exact(&mut begins)?;
    // The reader is gone while nothing is written, as the last chunk is not there.
    let said = cat.end(0)?;
    ensure!(said.is_empty(), "{said}");

    let mut cat = proof.cat(&[&id])?;
    let mut output = cat.output()?;
    output.read_exact(&mut begins)?;
    proof
        .server
        .said(&["cancel", &id, "--reason", "wrong cut"])?;
    output.read_to_end(&mut Vec::new())?;
    let said = cat.end(130)?;
    ensure!(said.contains("canceled: wrong cut"), "{said}");

    let id = proof.submit(Clip::Plain, "other.mp4", &CHUNKS)?;
    let mut cat = proof.cat(&[&id])?;
    let mut output = cat.output()?;
    output.read_exact(&mut begins)?;
    File::create(proof.at("fail"))?;
    output.read_to_end(&mut Vec::new())?;
    let said = cat.end(4)?;
    ensure!(said.contains("the hamster is tired"), "{said}");

    let unknown = proof.server.ves(&["cat", "no-such-request"])?;
    let said = String::from_utf8_lossy(&unknown.stderr);
    ensure!(unknown.status.code() == Some(2), "{unknown:?}");
    ensure!(said.contains("[REQUEST_NOT_FOUND]"), "{said}");
    Ok(())
}

#[test]
fn every_codec_is_played_as_it_is_assembled() -> Result<()> {
    let proof = Proof::new()?;
    // With uneven times among them.
    let encodes = [
        (Clip::Vfr, "--codec=avc"),
        (Clip::Tiny(30), "--codec=hevc"),
        (Clip::Tiny(30), "--codec=vp9"),
        (Clip::Tiny(3), "--codec=av1"),
    ];
    let submit = |(number, (clip, codec)): (usize, (Clip, &str))| {
        let output = format!("{number}.mp4");
        let fast = match codec {
            "--codec=vp9" => "--preset=5",
            "--codec=av1" => "--preset=13",
            _ => "--preset=ultrafast",
        };
        let more = [codec, fast, "--chunk=20f", "--tracks=none"];
        let id = proof.submit(clip, &output, &more)?;
        Ok((id, output))
    };
    let encodes: Result<Vec<_>> = encodes.into_iter().enumerate().map(submit).collect();
    for (id, output) in encodes? {
        let written = proof.written(&[&id], "written.mp4")?;
        let (played, whole) = (frames(&written)?, frames(&proof.at(&output))?);
        ensure!(played == whole, "{output}: {played:?}\n{whole:?}");
    }
    Ok(())
}
