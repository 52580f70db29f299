use std::str::FromStr;

/// The size of a picture as people write it: `1280x720`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PictureSize {
    pub width: u32,
    pub height: u32,
}

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (width, height) = text.split_once('x')?;
            let side = |text: &str| text.parse().ok().filter(|side| *side > 0);
            Some(Self {
                width: side(width)?,
                height: side(height)?,
            })
        };
        parse().ok_or_else(|| format!("`{text}` is not a size; write 1280x720"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_written() {
        let size = PictureSize {
            width: 1280,
            height: 720,
        };
        assert_eq!("1280x720".parse(), Ok(size));
        for text in ["1280", "x720", "0x720", "1280x720x3", "-1x2"] {
            assert!(text.parse::<PictureSize>().is_err(), "{text}");
        }
    }
}
