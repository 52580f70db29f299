use std::str::FromStr;

/// Bits in a second as people write them: `2M`, `1.5M`, `800k` or `1500000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BitsPerSecond(pub(crate) u64);

/// Bits as people write them, as [`BitsPerSecond`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BufferBits(pub(crate) u64);

impl FromStr for BufferBits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| {
            format!("`{text}` is no size of a buffer; write bits with k for thousands or M for millions, such as 800k or 2.5M")
        })
    }
}

impl FromStr for BitsPerSecond {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| {
            format!("`{text}` is no bitrate; write bits in a second with k for thousands or M for millions, such as 800k or 2.5M")
        })
    }
}

fn parse(text: &str) -> Option<u64> {
    let (number, digits) = match text.chars().last()? {
        'k' | 'K' => (&text[..text.len() - 1], 3),
        'M' => (&text[..text.len() - 1], 6),
        'G' => (&text[..text.len() - 1], 9),
        _ => (text, 0),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > digits || !is_number(whole) || !is_number(part) {
        return None;
    }
    format!("{whole}{part:0<digits$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_as_written() {
        for (text, bits) in [
            ("2M", 2_000_000),
            ("1.25M", 1_250_000),
            ("800k", 800_000),
            ("0.5k", 500),
            ("1500000", 1_500_000),
            ("1G", 1_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(BitsPerSecond(bits)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_explained() {
        for text in [
            "",
            "M",
            "2m",
            ".5M",
            "1.5",
            "-2M",
            "1.2345k",
            "2 M",
            "99999999999999G",
            "é",
        ] {
            assert!(text.parse::<BitsPerSecond>().is_err(), "{text}");
            assert!(text.parse::<BufferBits>().is_err(), "{text}");
        }
    }
}
