//! Expressions: the part of CEL that has types, no loops and no surprises.
//!
//! They are parsed by the `cel` crate, checked against the types of the facts that
//! they speak of, and evaluated here, without a map of names for each evaluation.
//!
//! | of                | operators and functions                                          |
//! |-------------------|------------------------------------------------------------------|
//! | bool              | `&&` `\|\|` `!` `? :`                                             |
//! | all               | `==` `!=` `in [a, b]`                                            |
//! | all               | `<` `<=` `>` `>=`                                                |
//! | int, uint         | `+` `-` `*` `/` `%` `int()` `uint()` `string()`                  |
//! | string            | `+` `size()` `startsWith()` `endsWith()` `contains()`            |
//! | bytes             | `size()` `string()`, which writes hexadecimal                    |
//! | timestamp         | `timestamp("2026-01-31T12:00:00Z")` `int()`, which is in seconds |
//!
//! A whole number that is written without `u` takes the type of what it is used with.

mod eval;
mod lower;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::value::{Type, Value};
pub(crate) use eval::{Env, EvalError};
pub(crate) use lower::{Name, Scope, compile};

/// An expression that was found well typed.
#[derive(Clone, Debug)]
pub(crate) struct Compiled {
    pub(crate) source: Arc<str>,
    pub(crate) expr: Expr,
    /// Fields it reads: (pattern, field) each.
    pub(crate) reads: BTreeSet<(usize, usize)>,
}

/// What is evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Constant(Value),
    /// A field of the fact of a pattern.
    Field {
        pattern: usize,
        field: usize,
    },
    /// A place in what a run ended with, read as this type if it is known.
    Outcome {
        path: Vec<String>,
        kind: Option<Type>,
    },
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Vec<Expr>),
    Compute(Operation, Box<Expr>, Box<Expr>),
    Negate(Box<Expr>),
    Text(TextTest, Box<Expr>, Box<Expr>),
    Size(Box<Expr>),
    Convert(Type, Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cel::{Context, Program, Value as Cel};
    use serde_json::json;

    use super::*;

    struct Nothing;

    impl Env for Nothing {
        fn field(&self, _: usize, _: usize) -> Option<&Value> {
            None
        }
    }

    fn ours(source: &str) -> Option<Value> {
        let compiled = compile(source, &Scope::new(), None).unwrap();
        compiled
            .expr
            .value(&Nothing)
            .ok()
            .map(|value| value.into_owned())
    }

    fn of_cel(source: &str) -> Option<Value> {
        let value = Program::compile(source)
            .unwrap()
            .execute(&Context::default());
        value.ok().map(|value| match value {
            Cel::Bool(value) => Value::Bool(value),
            Cel::Int(value) => Value::Int(value),
            Cel::UInt(value) => Value::Uint(value),
            Cel::String(value) => Value::String(value.as_str().into()),
            Cel::Bytes(value) => Value::Bytes(value.as_slice().into()),
            other => panic!("{other:?}"),
        })
    }

    /// What has a value in CEL has the same here, and what has none has none.
    #[test]
    fn values_are_those_of_cel() {
        for source in [
            "1 + 2 * 3 - 4 / 2",
            "-7 / 2 + -7 % 2",
            "9223372036854775807 + 1",
            "-9223372036854775807 - 2",
            "0u - 1u",
            "18446744073709551615u / 0u",
            "1 / 0 > 0",
            "1 / 0 > 0 && false",
            "false && 1 / 0 > 0",
            "true || 1 / 0 > 0",
            "1 / 0 > 0 || true",
            "1 / 0 > 0 || false",
            "!(1 < 2) ? 1 : 2",
            "false ? 1 / 0 : 3",
            "\"b\" > \"a\" && \"a\" + \"b\" == \"ab\"",
            "\"æther\".startsWith(\"æ\") && \"abc\".endsWith(\"bc\") && \"abc\".contains(\"d\")",
            "size(\"æther\")",
            "3 in [1, 2, 3] && !(4 in [1, 2, 3])",
            "\"x\" in [\"y\"]",
            "int(5u) + int(\"-12\")",
            "int(18446744073709551615u)",
            "uint(5) + uint(\"7\")",
            "uint(-1)",
            "int(\"twelve\")",
            "string(5) + string(7u)",
            "b\"ab\" == b\"ab\"",
            "true != false",
        ] {
            assert_eq!(ours(source), of_cel(source), "{source}");
        }
    }

    #[test]
    fn an_outcome_is_read_as_the_type_that_is_wanted() {
        struct Ended(serde_json::Value);
        impl Env for Ended {
            fn field(&self, _: usize, _: usize) -> Option<&Value> {
                None
            }
            fn outcome(&self) -> Option<&serde_json::Value> {
                Some(&self.0)
            }
        }
        let ended = Ended(json!({"result": {"digest": "00ff", "frames": 24, "ratio": 1.5}}));
        let scope = Scope::from([("result".to_owned(), Name::Outcome)]);
        let read = |source: &str, kind| {
            let compiled = compile(source, &scope, Some(kind)).unwrap();
            let value = compiled.expr.value(&ended).map(|value| value.into_owned());
            value.map_err(|error| error.to_string())
        };
        assert_eq!(
            read("result.digest", Type::Bytes),
            Ok(Value::Bytes([0, 255].into()))
        );
        assert_eq!(read("result.frames", Type::Uint), Ok(Value::Uint(24)));
        assert_eq!(
            read("result.frames > 20", Type::Bool),
            Ok(Value::Bool(true))
        );
        assert_eq!(
            read("result.frame", Type::Uint),
            Err("there is no `result.frame`".to_owned())
        );
        assert!(
            read("result.ratio", Type::Int)
                .unwrap_err()
                .contains("`result.ratio` does not fit")
        );
    }
}
