//! Questions by which samples are told apart, in the words of routing.

use std::collections::BTreeMap;
use std::fmt;

use stratum::Condition;

type Attributes = BTreeMap<String, String>;

/// A question about one attribute. What has no such attribute is not meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Test {
    AtMost { name: String, most: i64 },
    Is { name: String, value: String },
}

impl Test {
    /// Every question that tells some of these from others, and that routing answers alike.
    pub(crate) fn of_all(all: &[&Attributes]) -> Vec<Self> {
        let mut names: Vec<&String> = all.iter().flat_map(|one| one.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let names = names.into_iter().filter(|name| is_identifier(name));
        let tests = names.flat_map(|name| Self::of_attribute(name, all));
        tests.filter(|test| test.is_understood(all)).collect()
    }

    fn of_attribute(name: &str, all: &[&Attributes]) -> Vec<Self> {
        let mut values: Vec<&String> = all.iter().filter_map(|one| one.get(name)).collect();
        values.sort_unstable();
        values.dedup();
        let numbers: Result<Vec<i64>, _> = values.iter().map(|value| value.parse()).collect();
        let name = name.to_owned();
        match numbers {
            Ok(numbers) => {
                let at_most = |most| Self::AtMost {
                    name: name.clone(),
                    most,
                };
                numbers.into_iter().map(at_most).collect()
            }
            Err(_) => {
                let is = |value: &String| Self::Is {
                    name: name.clone(),
                    value: value.clone(),
                };
                values.into_iter().map(is).collect()
            }
        }
    }

    /// Whether the condition is one, and says of each sample what is meant.
    fn is_understood(&self, all: &[&Attributes]) -> bool {
        let Ok(condition) = Condition::new(&self.to_string()) else {
            return false;
        };
        all.iter()
            .all(|one| condition.holds(one) == Ok(self.holds(one)))
    }

    pub(crate) fn holds(&self, attributes: &Attributes) -> bool {
        match self {
            Self::AtMost { name, most } => {
                let value = attributes.get(name).and_then(|value| value.parse().ok());
                value.is_some_and(|value: i64| value <= *most)
            }
            Self::Is { name, value } => attributes.get(name) == Some(value),
        }
    }

    /// Whether `other` need not be asked any more where this one holds, which was asked after it.
    pub(crate) fn narrows(&self, other: &Self) -> bool {
        let (Self::AtMost { name: mine, .. }, Self::AtMost { name, .. }) = (self, other) else {
            return self == other;
        };
        mine == name
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost { name, most } => write!(f, "{name} <= {most}"),
            Self::Is { name, value } if value == "true" || value == "false" => {
                write!(f, "{name} == {value}")
            }
            Self::Is { name, value } => write!(f, "{name} == {}", literal(value)),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(word) && !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty()
}

/// Text as CEL writes it, on one line.
fn literal(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn attributes(text: &str) -> Attributes {
        let pairs = text
            .split_whitespace()
            .filter_map(|word| word.split_once('='));
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    fn told(all: &[&str]) -> Vec<String> {
        let all: Vec<Attributes> = all.iter().map(|text| attributes(text)).collect();
        let all: Vec<&Attributes> = all.iter().collect();
        Test::of_all(&all).iter().map(Test::to_string).collect()
    }

    #[test]
    fn numbers_are_compared_and_words_are_equal() {
        assert_eq!(
            told(&["height=720", "height=1080"]),
            ["height <= 1080", "height <= 720"]
        );
        let words = ["codec == \"avc\"", "codec == \"hevc\""];
        assert_eq!(told(&["codec=avc", "codec=hevc"]), words);
        assert_eq!(told(&["hdr=true", ""]), ["hdr == true"]);
    }

    #[test]
    fn what_routing_would_not_understand_is_not_asked() {
        // Reserved words, and no identifiers at all.
        assert_eq!(told(&["in=1", "in=2"]), Vec::<String>::new());
        assert_eq!(told(&["a-b=1", "1a=2"]), Vec::<String>::new());
    }

    #[test]
    fn text_stays_text() {
        let odd = "a\"b\\c\nd\u{7f}é'";
        let test = Test::Is {
            name: "x".into(),
            value: odd.into(),
        };
        let condition = Condition::new(&test.to_string()).unwrap();
        assert_eq!(
            condition.holds(&[("x".into(), odd.into())].into()),
            Ok(true)
        );
        assert!(!test.to_string().contains('\n'));
    }
}
