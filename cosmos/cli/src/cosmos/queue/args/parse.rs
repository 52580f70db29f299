//! What is written on the command line, as values.

use std::str::FromStr;

use clock::Timestamp;
use timestone::{Clause, Happening};

/// A moment: `now`, one with its offset, or one by the clock here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Now,
    At(i64),
}

impl Moment {
    /// Unix milliseconds.
    pub(crate) fn unix_ms(self, now: Timestamp) -> i64 {
        match self {
            Self::Now => now.unix_ms(),
            Self::At(at) => at,
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::Now);
        }
        let moment = text.parse::<jiff::Timestamp>().or_else(|_| here(text));
        moment
            .map(|moment| Self::At(moment.as_millisecond()))
            .map_err(|_| {
                format!("`{text}` is no time; write now, 2026-08-01T12:00:00Z or 2026-08-01 12:00")
            })
    }
}

/// By the clock of this machine.
fn here(text: &str) -> Result<jiff::Timestamp, jiff::Error> {
    let moment: jiff::civil::DateTime = text.parse()?;
    let zoned = moment.to_zoned(jiff::tz::TimeZone::system())?;
    Ok(zoned.timestamp())
}

/// `key=value,value`
pub(super) fn clause(text: &str) -> Result<Clause, String> {
    let (key, values) = pair(text).ok_or_else(|| {
        format!("`{text}` is no condition; write key=value, or key=value,value for any of them")
    })?;
    Ok(Clause {
        key: key.to_owned(),
        any_of: values.split(',').map(str::to_owned).collect(),
    })
}

/// `lapsed`
pub(super) fn happening(text: &str) -> Result<Happening, String> {
    let mut all = Happening::ALL.into_iter();
    all.find(|known| known.name() == text).ok_or_else(|| {
        let names = Happening::ALL.map(Happening::name).join(", ");
        format!("`{text}` is no event; one of {names}")
    })
}

/// `value=turns`
pub(super) fn weight(text: &str) -> Result<(String, u32), String> {
    let weight = text
        .rsplit_once('=')
        .and_then(|(value, turns)| Some((value.to_owned(), turns.parse().ok()?)));
    weight.ok_or_else(|| format!("`{text}` is no weight; write value=2"))
}

fn pair(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(key, _)| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_written() {
        assert_eq!("now".parse(), Ok(Moment::Now));
        let noon = Moment::At(1_785_585_600_000);
        for text in ["2026-08-01T12:00:00Z", "2026-08-01T14:00:00+02:00"] {
            assert_eq!(text.parse(), Ok(noon), "{text}");
        }
        let here: Moment = "2026-08-01 12:00".parse().expect("a time");
        let Moment::At(at) = here else {
            panic!("{here:?}")
        };
        // Time zones lie within a day.
        assert!(at.abs_diff(1_785_585_600_000) <= 86_400_000);
        for text in ["", "soon", "2026-13-01", "5m", "12"] {
            let problem = text.parse::<Moment>().expect_err(text);
            assert!(problem.contains("write now"), "{problem}");
        }
    }

    #[test]
    fn events_are_known_by_their_names() {
        assert_eq!(happening("lapsed"), Ok(Happening::Lapsed));
        let problem = happening("lost").expect_err("no event");
        assert!(problem.contains("leased, extended"), "{problem}");
    }

    #[test]
    fn conditions_and_weights_read_as_written() {
        let read = clause("tenant=a,b").expect("a condition");
        assert_eq!(read.key, "tenant");
        assert_eq!(read.any_of, ["a", "b"]);
        assert_eq!(clause("tenant=").expect("empty").any_of, [""]);
        assert_eq!(clause("a=b=c").expect("two").any_of, ["b=c"]);
        assert!(clause("tenant").is_err() && clause("=a").is_err());
        assert_eq!(weight("a=b=3"), Ok(("a=b".to_owned(), 3)));
        assert!(weight("a").is_err() && weight("a=-1").is_err());
    }
}
