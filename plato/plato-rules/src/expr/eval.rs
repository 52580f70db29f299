use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value as Json;

use super::{Comparison, Expr, Operation, TextTest};
use crate::value::{Type, Value};

/// What an expression is evaluated over.
pub(crate) trait Env {
    /// The value of a field of the fact of a pattern.
    fn field(&self, pattern: usize, field: usize) -> Option<&Value>;

    /// What a run ended with.
    fn outcome(&self) -> Option<&Json> {
        None
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EvalError {
    #[error("a number is too large or too small")]
    Overflow,
    #[error("division by zero")]
    DivisionByZero,
    #[error("there is no `{0}`")]
    Absent(String),
    #[error("`{path}` does not fit: {problem}")]
    Unfit { path: String, problem: String },
    #[error("a value has another type than it must have")]
    OtherType,
}

type Result<'a> = std::result::Result<Cow<'a, Value>, EvalError>;

impl Expr {
    /// Its value.
    pub(crate) fn value<'a>(&'a self, env: &'a impl Env) -> Result<'a> {
        match self {
            Self::Constant(value) => Ok(Cow::Borrowed(value)),
            Self::Field { pattern, field } => {
                let value = env.field(*pattern, *field);
                value.map(Cow::Borrowed).ok_or(EvalError::OtherType)
            }
            Self::Outcome { path, kind } => read(env.outcome(), path, *kind).map(Cow::Owned),
            Self::If(condition, yes, no) => match condition.holds(env)? {
                true => yes.value(env),
                false => no.value(env),
            },
            Self::Compute(operation, a, b) => {
                compute(*operation, &*a.value(env)?, &*b.value(env)?).map(Cow::Owned)
            }
            Self::Negate(a) => negate(&*a.value(env)?).map(Cow::Owned),
            Self::Size(a) => size(&*a.value(env)?).map(Cow::Owned),
            Self::Convert(kind, a) => convert(*kind, &*a.value(env)?).map(Cow::Owned),
            _ => self.holds(env).map(|holds| Cow::Owned(Value::Bool(holds))),
        }
    }

    /// Whether it is true.
    pub(crate) fn holds(&self, env: &impl Env) -> std::result::Result<bool, EvalError> {
        match self {
            Self::Not(a) => Ok(!a.holds(env)?),
            Self::And(a, b) => either(a.holds(env), || b.holds(env), false),
            Self::Or(a, b) => either(a.holds(env), || b.holds(env), true),
            Self::Compare(comparison, a, b) => {
                compare(*comparison, &*a.value(env)?, &*b.value(env)?)
            }
            Self::In(a, list) => is_in(&*a.value(env)?, list, env),
            Self::Text(test, a, b) => match (&*a.value(env)?, &*b.value(env)?) {
                (Value::String(a), Value::String(b)) => Ok(passes(*test, a, b)),
                _ => Err(EvalError::OtherType),
            },
            _ => match &*self.value(env)? {
                Value::Bool(value) => Ok(*value),
                _ => Err(EvalError::OtherType),
            },
        }
    }
}

/// Either side decides alone, whatever is wrong with the other one (as in CEL).
fn either(
    first: std::result::Result<bool, EvalError>,
    second: impl FnOnce() -> std::result::Result<bool, EvalError>,
    decisive: bool,
) -> std::result::Result<bool, EvalError> {
    match first {
        Ok(value) if value == decisive => Ok(decisive),
        Ok(_) => second(),
        Err(error) => match second() {
            Ok(value) if value == decisive => Ok(decisive),
            _ => Err(error),
        },
    }
}

fn compare(comparison: Comparison, a: &Value, b: &Value) -> std::result::Result<bool, EvalError> {
    let order = a.order(b).ok_or(EvalError::OtherType)?;
    Ok(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    })
}

fn is_in(value: &Value, list: &[Expr], env: &impl Env) -> std::result::Result<bool, EvalError> {
    let mut wrong = None;
    for element in list {
        match element.value(env) {
            Ok(element) if compare(Comparison::Equal, value, &element)? => return Ok(true),
            Ok(_) => {}
            Err(error) => wrong = Some(error),
        }
    }
    wrong.map_or(Ok(false), Err)
}

fn passes(test: TextTest, a: &str, b: &str) -> bool {
    match test {
        TextTest::StartsWith => a.starts_with(b),
        TextTest::EndsWith => a.ends_with(b),
        TextTest::Contains => a.contains(b),
    }
}

fn compute(operation: Operation, a: &Value, b: &Value) -> std::result::Result<Value, EvalError> {
    let divides = matches!(operation, Operation::Divide | Operation::Remainder);
    let value = match (a, b) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) if divides => {
            return Err(EvalError::DivisionByZero);
        }
        (Value::Int(a), Value::Int(b)) => int(operation, *a, *b).map(Value::Int),
        (Value::Uint(a), Value::Uint(b)) => uint(operation, *a, *b).map(Value::Uint),
        (Value::String(a), Value::String(b)) if operation == Operation::Add => {
            Some(Value::String([a.as_ref(), b].concat().into()))
        }
        _ => return Err(EvalError::OtherType),
    };
    value.filter(Value::fits).ok_or(EvalError::Overflow)
}

fn int(operation: Operation, a: i64, b: i64) -> Option<i64> {
    match operation {
        Operation::Add => a.checked_add(b),
        Operation::Subtract => a.checked_sub(b),
        Operation::Multiply => a.checked_mul(b),
        Operation::Divide => a.checked_div(b),
        Operation::Remainder => a.checked_rem(b),
    }
}

fn uint(operation: Operation, a: u64, b: u64) -> Option<u64> {
    match operation {
        Operation::Add => a.checked_add(b),
        Operation::Subtract => a.checked_sub(b),
        Operation::Multiply => a.checked_mul(b),
        Operation::Divide => a.checked_div(b),
        Operation::Remainder => a.checked_rem(b),
    }
}

fn negate(value: &Value) -> std::result::Result<Value, EvalError> {
    match value {
        Value::Int(value) => value
            .checked_neg()
            .map(Value::Int)
            .ok_or(EvalError::Overflow),
        _ => Err(EvalError::OtherType),
    }
}

fn size(value: &Value) -> std::result::Result<Value, EvalError> {
    let size = match value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        _ => return Err(EvalError::OtherType),
    };
    i64::try_from(size)
        .map(Value::Int)
        .map_err(|_| EvalError::Overflow)
}

fn convert(kind: Type, value: &Value) -> std::result::Result<Value, EvalError> {
    let converted = match (kind, value) {
        (kind, value) if value.kind() == kind => Some(value.clone()),
        (Type::Int, Value::Uint(value)) => i64::try_from(*value).ok().map(Value::Int),
        (Type::Int, Value::Timestamp(value)) => Some(Value::Int(value.div_euclid(1_000))),
        (Type::Int, Value::String(text)) => text.parse().ok().map(Value::Int),
        (Type::Uint, Value::Int(value)) => u64::try_from(*value).ok().map(Value::Uint),
        (Type::Uint, Value::String(text)) => text.parse().ok().map(Value::Uint),
        (Type::String, value) => match value.to_json() {
            Json::String(text) => Some(Value::String(text.into())),
            other => Some(Value::String(other.to_string().into())),
        },
        _ => return Err(EvalError::OtherType),
    };
    converted.filter(Value::fits).ok_or(EvalError::Overflow)
}

fn read(
    outcome: Option<&Json>,
    path: &[String],
    kind: Option<Type>,
) -> std::result::Result<Value, EvalError> {
    let found = outcome.and_then(|json| path.iter().try_fold(json, |json, name| json.get(name)));
    let json = found.ok_or_else(|| EvalError::Absent(path.join(".")))?;
    let unfit = |problem| EvalError::Unfit {
        path: path.join("."),
        problem,
    };
    let kind = match (kind, json) {
        (Some(kind), _) => kind,
        (None, Json::Bool(_)) => Type::Bool,
        (None, Json::Number(number)) if number.is_u64() && !number.is_i64() => Type::Uint,
        (None, Json::Number(_)) => Type::Int,
        (None, _) => Type::String,
    };
    Value::of_json(json, kind).map_err(unfit)
}
