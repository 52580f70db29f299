use std::str::FromStr;

use video::Rational;

/// Frames in a second as people write them, and exactly: `25` or `24000/1001`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fps(pub Rational);

impl FromStr for Fps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = text.parse().map(Self);
        rate.map_err(|_| {
            format!(
                "`{text}` is not a rate; write it as a fraction: 25, 24000/1001 (23.976), 30000/1001 \
                 (29.97) or 60000/1001 (59.94)"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rates_are_fractions() {
        assert_eq!("25".parse(), Ok(Fps(Rational::whole(25))));
        let film = Rational::new(24_000, 1001).unwrap();
        assert_eq!("24000/1001".parse(), Ok(Fps(film)));
        for text in ["23.976", "", "a", "1/0"] {
            let error = text.parse::<Fps>().unwrap_err();
            assert!(error.contains("24000/1001"), "{error}");
        }
    }
}
