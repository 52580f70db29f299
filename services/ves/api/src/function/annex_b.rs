//! Units of a byte stream with start codes (ITU-T H.264, H.265 and H.266, annex B).

/// The units of a byte stream, in order, without start codes.
pub fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = start_code(current).unwrap_or(current.len());
        rest = after_start_code(&current[end..]);
        Some(without_trailing_zeros(&current[..end]))
    })
}

/// What a unit says, without the bytes that keep start codes out of it.
pub fn payload(unit: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    let said = |byte: &u8| {
        let prevents = zeros >= 2 && *byte == 3;
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        !prevents
    };
    unit.iter().copied().filter(said).collect()
}

/// Where the next start code begins.
fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    // Steps over up to three bytes at a time: a code cannot lie across a byte above 1.
    while let Some(window) = bytes.get(at..at + 3) {
        match window {
            [0, 0, 1] => return Some(at),
            [_, _, 2..=255] => at += 3,
            _ => at += 1,
        }
    }
    None
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    start_code(bytes).map(|at| &bytes[at + 3..])
}

/// No unit ends with a zero; those that follow belong to the next start code.
fn without_trailing_zeros(unit: &[u8]) -> &[u8] {
    let end = unit
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1);
    &unit[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_lie_between_start_codes_of_either_length() {
        let split = |stream| units(stream).collect::<Vec<&[u8]>>();
        let stream = [
            0, 0, 0, 1, 0x67, 9, 0, 0, 1, 0x68, 0, 0, 3, 0, 0, 0, 1, 0x65, 1, 0, 2,
        ];
        assert_eq!(
            split(&stream),
            [&[0x67, 9][..], &[0x68, 0, 0, 3], &[0x65, 1, 0, 2]]
        );
        assert!(split(&[0, 0, 0]).is_empty());
        assert!(split(&[]).is_empty());
        assert_eq!(split(&[0, 0, 1]), [&[] as &[u8]]);
    }

    #[test]
    fn bytes_that_prevent_start_codes_are_not_said() {
        let said = payload(&[0x42, 0, 0, 3, 0, 0, 3, 1, 0, 3, 0, 0, 0, 3]);
        assert_eq!(said, [0x42, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0]);
    }
}
