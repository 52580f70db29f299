//! A first pass of x264 over one chunk, and what its statistics say.

use std::fs;

use errors::Error;
use stratum_function::{Progress, WorkDir, io};
use ves_api::function::{COSTS, EncodeParams, SURVEY, Survey, SurveyParams, pass};
use ves_api::rate::Cost;

/// What the statistics of a first pass begin with, below `output/`; below `input/` for the second.
const STATISTICS: &str = "first";

/// Makes a first pass over `input/source.y4m`. The statistics stay in `output/`, for a second pass.
pub fn survey(
    work: &WorkDir,
    params: SurveyParams,
    progress: &mut Progress,
) -> Result<Survey, Error> {
    let encode = first_pass(work, &params);
    pass(work, &encode, progress)?;
    let costs = costs(work, encode.frames)?;
    work.write_json(COSTS, &costs)?;
    let survey = Survey {
        cost: costs.into_iter().sum(),
        chunk: params.chunk,
        crf: params.crf,
    };
    work.write_json(SURVEY, &survey)?;
    Ok(survey)
}

fn first_pass(work: &WorkDir, params: &SurveyParams) -> EncodeParams {
    let crf = f64::from(params.crf) / 1_000.0;
    let statistics = work.output(STATISTICS).display().to_string();
    let pass = [
        "-crf",
        &crf.to_string(),
        "-pass",
        "1",
        "-passlogfile",
        &statistics,
    ];
    EncodeParams {
        frames: params.chunk.end - params.chunk.start,
        frame_rate: params.frame_rate.clone(),
        encoder_args: with(&params.encoder_args, pass),
        filter_graph: params.filter_graph.clone(),
        packets_digest: params.chunk.packets_digest.clone(),
        second_pass: None,
        buffer: None,
    }
}

/// Arguments of a second pass to so many bits in a second, by the statistics in `input/`.
pub(crate) fn second_pass(work: &WorkDir, args: &[String], bitrate: u64) -> Vec<String> {
    let statistics = work.input(STATISTICS).display().to_string();
    let bitrate = bitrate.to_string();
    with(
        args,
        ["-b:v", &bitrate, "-pass", "2", "-passlogfile", &statistics],
    )
}

fn with<const N: usize>(args: &[String], more: [&str; N]) -> Vec<String> {
    let more = more.into_iter().map(str::to_owned);
    args.iter().cloned().chain(more).collect()
}

/// Of each frame, in decoding order.
fn costs(work: &WorkDir, frames: u64) -> Result<Vec<Cost>, Error> {
    let path = work.output(&format!("{STATISTICS}-0.log"));
    let text = fs::read_to_string(&path).map_err(|e| io("reading", &path, &e))?;
    let lines = text.lines().filter(|line| line.starts_with("in:"));
    let costs: Option<Vec<Cost>> = lines.map(of_frame).collect();
    match costs {
        Some(costs) if costs.len() as u64 == frames => Ok(costs),
        _ => {
            let message = "x264's statistics do not tell the bits of each frame once";
            Err(Error::function("STATISTICS", message))
        }
    }
}

/// Of a line: `in:0 out:0 type:I dur:2 cpbdur:2 q:9.90 aq:8.46 tex:96 mv:20 misc:700 …`.
fn of_frame(line: &str) -> Option<Cost> {
    let value = |name: &str| {
        let mut words = line.split_whitespace();
        words.find_map(|word| word.strip_prefix(name)?.parse().ok())
    };
    Some(Cost {
        texture: value("tex:")?,
        motion: value("mv:")?,
        fixed: value("misc:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_its_bits_are_for() {
        let line = "in:3 out:1 type:P dur:2 cpbdur:2 q:14.24 aq:9.00 tex:1201 mv:340 misc:43 \
                    imb:2 pmb:20 smb:9 d:- ref:0 ;";
        let expected = Cost {
            texture: 1_201,
            motion: 340,
            fixed: 43,
        };
        assert_eq!(of_frame(line), Some(expected));
        assert_eq!(of_frame("in:3 out:1 type:P q:14.24 tex:1201 mv:340"), None);
    }
}
