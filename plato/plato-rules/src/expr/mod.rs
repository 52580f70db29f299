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
