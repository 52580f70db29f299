use std::str::FromStr;

/// The length of a chunk as people write it: `5s`, `500ms`, `2m` or `120f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkLength {
    Milliseconds(u64),
    Frames(u32),
}

impl FromStr for ChunkLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        parse(number, unit).filter(|length| !length.is_zero()).ok_or_else(|| {
            format!("`{text}` is not a length; write seconds (5s), milliseconds (500ms), minutes (2m) or frames (120f)")
        })
    }
}

fn parse(number: &str, unit: &str) -> Option<ChunkLength> {
    let count: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(ChunkLength::Milliseconds(count)),
        "s" => Some(ChunkLength::Milliseconds(count.checked_mul(1_000)?)),
        "m" => Some(ChunkLength::Milliseconds(count.checked_mul(60_000)?)),
        "f" => Some(ChunkLength::Frames(count.try_into().ok()?)),
        _ => None,
    }
}

impl ChunkLength {
    fn is_zero(self) -> bool {
        matches!(self, Self::Milliseconds(0) | Self::Frames(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_written() {
        let cases = [
            ("5s", ChunkLength::Milliseconds(5_000)),
            ("500ms", ChunkLength::Milliseconds(500)),
            ("2m", ChunkLength::Milliseconds(120_000)),
            ("120f", ChunkLength::Frames(120)),
        ];
        for (text, length) in cases {
            assert_eq!(text.parse(), Ok(length), "{text}");
        }
    }

    #[test]
    fn anything_else_is_explained() {
        for text in [
            "",
            "5",
            "s",
            "-5s",
            "1.5s",
            "0f",
            "0s",
            "5h",
            "99999999999f",
            "18446744073709551615m",
        ] {
            let problem = text.parse::<ChunkLength>().expect_err(text);
            assert!(problem.contains("120f"), "{problem}");
        }
    }
}
