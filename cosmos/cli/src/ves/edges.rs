use std::str::FromStr;

use ves_api::wire;

/// Pixels at the sides of a picture as people write them: `LEFT,TOP,RIGHT,BOTTOM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EdgesArg([u32; 4]);

impl EdgesArg {
    pub(super) fn wire(self) -> wire::Edges {
        let Self([left, top, right, bottom]) = self;
        wire::Edges {
            left,
            top,
            right,
            bottom,
            ..Default::default()
        }
    }
}

impl FromStr for EdgesArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sides: Option<Vec<u32>> = text.split(',').map(|side| side.parse().ok()).collect();
        let sides = sides.and_then(|sides| sides.try_into().ok());
        sides.map(Self).ok_or_else(|| {
            format!("`{text}` is not left,top,right,bottom in pixels; write 0,140,0,140")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_read_as_written() {
        assert_eq!("1,2,3,4".parse(), Ok(EdgesArg([1, 2, 3, 4])));
        for text in ["", "1,2,3", "1,2,3,4,5", "1,2,3,-4", "1, 2,3,4"] {
            assert!(text.parse::<EdgesArg>().is_err(), "{text}");
        }
    }
}
