use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, Program, Value};

use crate::limits;

/// Standard operators and functions, but no macros: a condition cannot loop, so
/// its cost is bounded by its length.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::default().with_stdlib()));

/// A CEL expression over an invocation's attributes: `codec == "avc" && height <= 1080`.
///
/// Attributes that read as whole numbers are numbers, `true` and `false` are
/// booleans, all others are text.
#[derive(Debug)]
pub struct Condition {
    source: String,
    program: Program,
}

/// Why a condition cannot be read or decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    #[error("`{source_text}` is longer than {limit} bytes", limit = limits::CONDITION)]
    TooLong { source_text: String },
    #[error("`{source_text}` is not a condition: {problem}")]
    Syntax {
        source_text: String,
        problem: String,
    },
    #[error("`{source_text}` cannot be decided: {problem}")]
    Undecided {
        source_text: String,
        problem: String,
    },
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// When it is too long or not CEL.
    pub fn new(source: &str) -> Result<Self, ConditionError> {
        if source.len() > limits::CONDITION {
            return Err(ConditionError::TooLong {
                source_text: source.chars().take(100).collect(),
            });
        }
        match ENVIRONMENT.compile(source) {
            Ok(program) => Ok(Self {
                source: source.to_owned(),
                program,
            }),
            Err(error) => Err(ConditionError::Syntax {
                source_text: source.to_owned(),
                problem: error.to_string(),
            }),
        }
    }

    /// Whether it holds. A condition on an attribute that the invocation does not
    /// have does not hold.
    ///
    /// # Errors
    /// When it is not a yes-or-no question, or compares what cannot be compared.
    pub fn holds(&self, attributes: &BTreeMap<String, String>) -> Result<bool, ConditionError> {
        let mut context = Context::with_env(ENVIRONMENT.clone());
        for (name, text) in attributes {
            context.add_variable_from_value(name.clone(), value(text));
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(self.undecided(format!("it gives {other:?}, not true or false"))),
            Err(ExecutionError::UndeclaredReference(name)) if self.is_variable(&name) => Ok(false),
            Err(error) => Err(self.undecided(error.to_string())),
        }
    }

    fn is_variable(&self, name: &str) -> bool {
        self.program.references().has_variable(name)
    }

    fn undecided(&self, problem: String) -> ConditionError {
        ConditionError::Undecided {
            source_text: self.source.clone(),
            problem,
        }
    }
}

impl fmt::Display for Condition {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

fn value(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) => Value::Int(number),
        Err(_) if text == "true" || text == "false" => Value::Bool(text == "true"),
        Err(_) => Value::String(Arc::new(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn holds(source: &str, attributes: &[(&str, &str)]) -> Result<bool, ConditionError> {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Condition::new(source)?.holds(&attributes.iter().map(pair).collect())
    }

    #[test]
    fn conditions_over_attributes() {
        let avc = &[("codec", "avc"), ("height", "1080"), ("hdr", "false")];
        for (source, expected) in [
            (r#"codec == "avc""#, true),
            (r#"codec == "avc" && height <= 1080"#, true),
            ("height < 1080", false),
            (r#"codec in ["hevc", "avc"]"#, true),
            ("!hdr", true),
            (r#"codec.startsWith("a") || height > 5000"#, true),
            (r#"preset == "slow""#, false),
            ("true", true),
        ] {
            assert_eq!(holds(source, avc), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_is_no_question_is_told() {
        let attributes = &[("height", "1080")];
        assert!(holds("height", attributes).is_err());
        assert!(holds(r#"height < "abc""#, attributes).is_err());
        assert!(holds("unknownFunction(height)", attributes).is_err());
        for bad in ["", "height <", "(", "\0", &"x".repeat(2_000)] {
            assert!(Condition::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn conditions_cannot_loop() {
        let looping = "[1, 2].map(x, [1, 2].map(y, x * y)).size() > 0";
        assert!(holds(looping, &[("height", "1")]).is_err() || holds(looping, &[]) == Ok(false));
        assert!(holds("[1, 2].all(x, x > 0)", &[("x", "1")]).is_err());
    }
}
