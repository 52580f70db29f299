//! x264's note of its settings, which tells the bitrate of a second pass and the state of a decoder's
//! buffer: others in each chunk.

use std::fs;
use std::io::Write;

use errors::Error;
use stratum_function::{WorkDir, io};
use ves_api::function::{STREAM, Unit, Units, annex_b, for_each_unit};

use crate::nal::Nal;

/// Before each unit of a stream.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Leaves the notes out of the stream, and tells the sizes of what is left.
pub(crate) fn leave_out(work: &WorkDir, units: Units) -> Result<Units, Error> {
    const PLAIN: &str = "plain";
    let (from, to) = (work.output(PLAIN), work.output(STREAM));
    let mut plain = work.create(PLAIN)?;
    let mut sizes = Vec::with_capacity(units.units.len());
    for_each_unit(work, &units, |_, bytes| {
        let left = without_notes(bytes);
        sizes.push(left.len() as u64);
        plain.write_all(&left).map_err(|e| io("writing", &from, &e))
    })?;
    let written = plain.flush().and_then(|()| fs::rename(&from, &to));
    written.map_err(|e| io("writing", &to, &e))?;
    let resized = units.units.into_iter().zip(sizes);
    let units = resized.map(|(unit, size)| Unit { size, ..unit });
    Ok(Units {
        units: units.collect(),
    })
}

fn without_notes(unit: &[u8]) -> Vec<u8> {
    annex_b::units(unit)
        .filter(|nal| !Nal(nal).is_encoder_note())
        .flat_map(|nal| [&START_CODE, nal].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_notes_is_left() {
        let mut note = vec![0x06, 5, 20];
        note.extend([
            0xdc, 0x45, 0xe9, 0xbd, 0xe6, 0xd9, 0x48, 0xb7, 0x96, 0x2c, 0xd8, 0x20, 0xd9, 0x23,
            0xee, 0xef,
        ]);
        note.extend(b"x264");
        let light = [0x06, 144, 4, 1, 2, 3, 4, 0x80];
        let slice = [0x65, 0x88, 0x84];
        let unit = [
            &[0, 0, 1],
            &note[..],
            &START_CODE,
            &light,
            &[0, 0, 1],
            &slice,
        ]
        .concat();
        let left = [&START_CODE, &light[..], &START_CODE, &slice].concat();
        assert_eq!(without_notes(&unit), left);
    }
}
