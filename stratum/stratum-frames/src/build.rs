//! Building the table of a source.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use tracing::{debug, info};
use video::{StaticHdr, TimeBase};

use crate::decode::{CONTAINERS, LOGGING, decoder};
use crate::observe::{DECODED, Observed, Seen};
use crate::packets::{ENTRIES, RawPacket};
use crate::started::Started;
use crate::tools::{each_line, read_all, succeeded, url};
use crate::{
    Description, Error, FrameTable, HdrHeaders, Origin, Packet, SourceInfo, Timing, Tools, packets,
    trust,
};

/// Bounds what a hostile file can make ffprobe tell.
const LARGEST_DESCRIPTION: u64 = 8 << 20;
const LARGEST_COMPLAINT: u64 = 64 << 10;
const COMPLAINTS_KEPT: usize = 20;
const LONGEST_COMPLAINT_LINE: usize = 300;

/// Reads the source once, without decoding where the container can be trusted.
///
/// # Errors
/// When it has no video that can be decoded, or its picture size changes.
pub async fn build_table(tools: &Tools, source: &Path) -> Result<FrameTable, Error> {
    Ok(examine(tools, source).await?.table)
}

/// A source's frame table, and what was seen on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    pub table: FrameTable,
    pub description: Description,
    /// Why the packets did not do and everything was decoded; `None` when they did.
    pub doubt: Option<&'static str>,
    /// What the demuxer complained of, the first lines of it.
    pub complaints: Vec<String>,
}

/// Builds the table as [`build_table`] does, and tells the rest too.
///
/// # Errors
/// As [`build_table`].
pub async fn examine(tools: &Tools, source: &Path) -> Result<Examined, Error> {
    let json = description(tools, source).await?;
    let info = hdr_told(tools, source, SourceInfo::parse(&json)?).await?;
    let (packets, said) = list_packets(tools, source, info.track).await?;
    let doubt = trust::doubt(&info, &packets, &said);
    let complaints = complaints(&said);
    let table = match doubt {
        None => demuxed(info, &packets),
        Some(why) => {
            info!(why, "frame table from a decode of everything");
            decoded(tools, source, info, &packets, &complaints).await?
        }
    };
    Ok(Examined {
        table,
        description: Description::parse(&json)?,
        doubt,
        complaints,
    })
}

/// What the headers of a source say: nothing but its beginning, and an index, is read.
///
/// # Errors
/// When it has no video that can be decoded.
pub async fn describe(tools: &Tools, source: &Path) -> Result<(SourceInfo, Description), Error> {
    let json = description(tools, source).await?;
    Ok((SourceInfo::parse(&json)?, Description::parse(&json)?))
}

/// What HDR10 says may be told by the bitstream alone.
async fn hdr_told(tools: &Tools, source: &Path, mut info: SourceInfo) -> Result<SourceInfo, Error> {
    let told = info.format.hdr;
    let all_told = told.mastering_display.is_some() && told.content_light.is_some();
    let can_be = info.format.colour.transfer.is_hdr() && HdrHeaders::can_be_in(&info.codec);
    if can_be && !all_told {
        info.format.hdr = told.or(first_headers(tools, source, info.track).await?);
    }
    Ok(info)
}

/// What the first packet's headers say; nothing when they cannot be read.
async fn first_headers(tools: &Tools, source: &Path, track: u32) -> Result<StaticHdr, Error> {
    let mut args: Vec<OsString> = LOGGING.split(' ').map(OsString::from).collect();
    args.extend(decoder(source, 1, None));
    let after = format!("-map 0:{track} -c copy -frames:v 1 -bsf:v trace_headers -f null -");
    args.extend(after.split(' ').map(OsString::from));
    let mut running = tools.ffmpeg(source, None, args).await?;
    let mut headers = HdrHeaders::default();
    if let Some(log) = running.take_stderr() {
        each_line(log, |line| {
            headers.line(line);
            Ok(())
        })
        .await?;
    }
    running.wait().await?;
    Ok(headers.first())
}

fn demuxed(info: SourceInfo, packets: &[RawPacket]) -> FrameTable {
    debug!(frames = packets.len(), "frame table from packets");
    let rows = packets.iter().filter_map(RawPacket::row).collect();
    FrameTable::new(info, Origin::Demuxed, Timing::Source, rows)
}

async fn decoded(
    tools: &Tools,
    source: &Path,
    info: SourceInfo,
    packets: &[RawPacket],
    complaints: &[String],
) -> Result<FrameTable, Error> {
    let frames = decode_all(tools, source, info.track).await?;
    let damage = trust::damage(&info, packets, complaints, frames.len());
    from_decode(SourceInfo { damage, ..info }, packets, &frames)
}

async fn description(tools: &Tools, source: &Path) -> Result<Vec<u8>, Error> {
    let args = probe(
        source,
        "-v error -show_streams -show_format -show_chapters -show_data_hash sha256 -of json",
    );
    let (json, _) = run_probe(tools.ffprobe(source, args).await?).await?;
    Ok(json)
}

fn complaints(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    // "[mov,mp4 @ 0x5636] " tells nothing, and is never the same.
    let plain = |line: &str| match line.split_once("] ") {
        Some((who, what)) if who.starts_with('[') && who.contains(" @ 0x") => what.to_owned(),
        _ => line.to_owned(),
    };
    let short = |line| plain(line).chars().take(LONGEST_COMPLAINT_LINE).collect();
    lines.take(COMPLAINTS_KEPT).map(short).collect()
}

async fn run_probe(mut running: Started) -> Result<(Vec<u8>, String), Error> {
    let (out, err) = pipes(&mut running)?;
    let (json, said) = tokio::try_join!(
        read_all(out, LARGEST_DESCRIPTION),
        read_all(err, LARGEST_COMPLAINT)
    )?;
    let said = String::from_utf8_lossy(&said).into_owned();
    succeeded("ffprobe", &running.wait().await?, said.clone())?;
    Ok((json, said))
}

async fn list_packets(
    tools: &Tools,
    source: &Path,
    track: u32,
) -> Result<(Vec<RawPacket>, String), Error> {
    let what =
        format!("-v warning -select_streams {track} -show_entries {ENTRIES} -of compact=p=0");
    let mut running = tools.ffprobe(source, probe(source, &what)).await?;
    let (out, err) = pipes(&mut running)?;
    let mut all = Vec::new();
    let lines = each_line(out, |line| packets::line(&mut all, line));
    let ((), said) = tokio::try_join!(lines, read_all(err, LARGEST_COMPLAINT))?;
    let said = String::from_utf8_lossy(&said).into_owned();
    succeeded("ffprobe", &running.wait().await?, said.clone())?;
    Ok((all, said))
}

fn pipes(
    running: &mut Started,
) -> Result<(tokio::process::ChildStdout, tokio::process::ChildStderr), Error> {
    let both = running.take_stdout().zip(running.take_stderr());
    both.ok_or_else(|| Error::Source("the tool has no output to read".into()))
}

fn probe(source: &Path, what: &str) -> Vec<OsString> {
    let words = what.split(' ').chain(["-protocol_whitelist", "file"]);
    let words = words.chain(["-format_whitelist", CONTAINERS]);
    let mut args: Vec<OsString> = words.map(OsString::from).collect();
    args.push(url(source));
    args
}

/// What the decoder gives for the whole file, through the same door as every later range.
async fn decode_all(tools: &Tools, source: &Path, track: u32) -> Result<Vec<Seen>, Error> {
    let mut args: Vec<OsString> = LOGGING.split(' ').map(OsString::from).collect();
    args.extend(decoder(source, 0, None));
    let after = format!(
        "-map 0:{track} -vf {DECODED}=checksum=0 -autoscale 0 -fps_mode passthrough -f null -"
    );
    args.extend(after.split(' ').map(OsString::from));
    let mut running = tools.ffmpeg(source, None, args).await?;
    let mut observed = Observed::default();
    if let Some(log) = running.take_stderr() {
        each_line(log, |line| {
            observed.line(line);
            Ok(())
        })
        .await?;
    }
    succeeded("ffmpeg", &running.wait().await?, observed.said())?;
    Ok(observed.decoded)
}

fn from_decode(
    info: SourceInfo,
    packets: &[RawPacket],
    frames: &[Seen],
) -> Result<FrameTable, Error> {
    if frames.is_empty() {
        return Err(Error::Source("no frame can be decoded".into()));
    }
    if let Some(index) = frames
        .iter()
        .position(|f| f.resolution != frames[0].resolution)
    {
        return Err(Error::Source(format!(
            "the picture size changes at frame {index}"
        )));
    }
    if packets.iter().all(|packet| packet.pts.is_none()) {
        return Ok(counted(info, frames.len()));
    }
    let (timing, rows) = match match_packets(packets, frames) {
        Some(rows) => (Timing::Source, rows),
        None if times_rise(frames) => (Timing::Source, rows_in_order(&info, frames)),
        None => (Timing::Repaired, rows_in_order(&info, frames)),
    };
    Ok(FrameTable::new(info, Origin::Decoded, timing, rows))
}

/// A source without any times: one tick is one nominal frame.
fn counted(mut info: SourceInfo, frames: usize) -> FrameTable {
    let period = info.format.frame_rate.as_rational().inverse();
    info.format.time_base = period
        .and_then(TimeBase::new)
        .unwrap_or(info.format.time_base);
    let step = info.nominal_duration();
    let rows = (0..frames as i64)
        .map(|index| row(index * step, step))
        .collect();
    FrameTable::new(info, Origin::Decoded, Timing::Repaired, rows)
}

fn times_rise(frames: &[Seen]) -> bool {
    let all_there = frames.iter().all(|frame| frame.pts.is_some());
    all_there && frames.is_sorted_by(|a, b| a.pts < b.pts)
}

/// The packets that became frames, when their times say which did: seeking works as in a table
/// from packets alone. `None` when times do not tell.
fn match_packets(packets: &[RawPacket], frames: &[Seen]) -> Option<Vec<Packet>> {
    if !times_rise(frames) {
        return None;
    }
    let mut decoded: HashMap<i64, bool> = frames
        .iter()
        .filter_map(|f| Some((f.pts?, f.key)))
        .collect();
    let mut rows = Vec::with_capacity(packets.len());
    for packet in packets {
        let mut row = packet.row()?;
        let became = decoded.remove(&row.pts);
        row.shown = became.is_some();
        row.key &= became.unwrap_or(packet.hidden);
        rows.push(row);
    }
    decoded.is_empty().then_some(rows)
}

/// One row for each frame that came out. A frame without a time later than its predecessor's
/// follows it by one nominal frame.
fn rows_in_order(info: &SourceInfo, frames: &[Seen]) -> Vec<Packet> {
    let step = info.nominal_duration();
    let mut last: Option<i64> = None;
    let mut rows = Vec::with_capacity(frames.len());
    for frame in frames {
        let next = last.map_or(0, |last| last.saturating_add(step));
        let pts = frame
            .pts
            .filter(|pts| last.is_none_or(|last| *pts > last))
            .unwrap_or(next);
        last = Some(pts);
        rows.push(row(pts, step));
    }
    rows
}

/// A frame of which nothing but its time is known.
fn row(pts: i64, duration: i64) -> Packet {
    Packet {
        pts,
        dts: pts,
        duration,
        key: false,
        shown: true,
        position: None,
        size: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_without_addresses() {
        let said = "[mov,mp4 @ 0x56365dfcaa00] Packet corrupt (dts = 1).\n\n[x] stays\n";
        assert_eq!(complaints(said), ["Packet corrupt (dts = 1).", "[x] stays"]);
    }
}
