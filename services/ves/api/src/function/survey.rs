//! A first pass over one chunk, by an encoder that leaves statistics as x264 and x265 write them.

use std::fs;

use errors::Error;
use stratum_function::{Progress, WorkDir, io};

use super::{COSTS, SURVEY, Survey, SurveyParams, pass};
use crate::rate::Cost;

/// Makes a first pass over `input/source.y4m`, by the encoder options of the parameters, which leaves
/// the file `statistics` below `output/`: for us, and for a second pass.
pub fn survey(
    work: &WorkDir,
    params: SurveyParams,
    statistics: &str,
    progress: &mut Progress,
) -> Result<Survey, Error> {
    let encode = params.pass();
    pass(work, &encode, progress)?;
    found(work, params, costs(work, statistics, encode.frames)?)
}

/// What is put out of a pass that found these costs of frames, in decoding order.
pub fn found(work: &WorkDir, params: SurveyParams, costs: Vec<Cost>) -> Result<Survey, Error> {
    let SurveyParams { chunk, crf, .. } = params;
    work.write_json(COSTS, &costs)?;
    let cost = costs.into_iter().sum();
    let survey = Survey { chunk, crf, cost };
    work.write_json(SURVEY, &survey)?;
    Ok(survey)
}

/// Of each frame, in decoding order.
fn costs(work: &WorkDir, statistics: &str, frames: u64) -> Result<Vec<Cost>, Error> {
    let path = work.output(statistics);
    let text = fs::read_to_string(&path).map_err(|e| io("reading", &path, &e))?;
    let lines = text.lines().filter(|line| line.starts_with("in:"));
    let costs: Option<Vec<Cost>> = lines.map(of_frame).collect();
    match costs {
        Some(costs) if costs.len() as u64 == frames => Ok(costs),
        _ => {
            let message = "the encoder's statistics do not tell the bits of each frame once";
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
        let x265 = "in:5 out:1 type:P q:33.26 q-aq:32.15 q-noVbv:33.26 q-Rceq:0.98 tex:1201 \
                    mv:340 misc:43 icu:38.35 pcu:201.13 scu:0.52 sc:0 ;";
        assert_eq!(of_frame(x265), Some(expected));
        assert_eq!(of_frame("in:3 out:1 type:P q:14.24 tex:1201 mv:340"), None);
    }
}
