//! From the syntax tree of CEL to a typed expression.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use cel::Env;
use cel::common::ast::{CallExpr, Expr as Syntax, IdedExpr, LiteralValue, SelectExpr, operators};

use super::{Comparison, Compiled, Expr, Operation, TextTest};
use crate::limits::MAX_EXPRESSION_BYTES;
use crate::value::{Type, Value, time_of_text};

/// Standard operators and functions, but no macros: an expression cannot loop.
static ENVIRONMENT: LazyLock<Env> = LazyLock::new(|| Env::default().with_stdlib());

/// What a name in an expression stands for.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// The fact of a pattern, with the fields of its type.
    Fact {
        pattern: usize,
        fields: Arc<BTreeMap<String, (usize, Type)>>,
    },
    /// A variable: the field that bound it.
    Variable {
        pattern: usize,
        field: usize,
        kind: Type,
    },
    /// What a run ended with.
    Outcome,
}

/// The names that an expression may use.
pub(crate) type Scope = BTreeMap<String, Name>;

type Typed = (Expr, Option<Type>);
type Result<T> = std::result::Result<T, String>;

/// Reads an expression over `scope`, which must be of type `wanted` if one is given.
///
/// # Errors
/// Says what is wrong with it.
pub(crate) fn compile(source: &str, scope: &Scope, wanted: Option<Type>) -> Result<Compiled> {
    if source.len() > MAX_EXPRESSION_BYTES {
        return Err(format!("it is longer than {MAX_EXPRESSION_BYTES} bytes"));
    }
    let program = ENVIRONMENT.compile(source).map_err(|problem| {
        let text = problem.to_string();
        format!("it is not CEL: {}", text.lines().next().unwrap_or_default())
    })?;
    let mut lowering = Lowering {
        scope,
        reads: BTreeSet::new(),
    };
    let (expr, kind) = lowering.lower(program.expression())?;
    let expr = match wanted {
        Some(wanted) => fit((expr, kind), wanted)?,
        None => expr,
    };
    Ok(Compiled {
        source: source.into(),
        expr,
        reads: lowering.reads,
    })
}

struct Lowering<'a> {
    scope: &'a Scope,
    reads: BTreeSet<(usize, usize)>,
}

impl Lowering<'_> {
    fn lower(&mut self, syntax: &IdedExpr) -> Result<Typed> {
        match &syntax.expr {
            Syntax::Literal(literal) => constant(literal),
            Syntax::Ident(name) => self.name(name),
            Syntax::Select(select) => self.select(select),
            Syntax::Call(call) => self.call(call),
            _ => Err("lists, maps, structures and macros are not known here".to_owned()),
        }
    }

    fn name(&mut self, name: &str) -> Result<Typed> {
        match self.scope.get(name) {
            Some(Name::Variable {
                pattern,
                field,
                kind,
            }) => Ok(self.field(*pattern, *field, *kind)),
            Some(Name::Fact { .. }) => Err(format!(
                "`{name}` is a fact; name a field of it: `{name}.field`"
            )),
            Some(Name::Outcome) => Ok((outcome(vec![name.to_owned()]), None)),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> String {
        let names: Vec<&str> = self.scope.keys().map(String::as_str).collect();
        match names.is_empty() {
            true => format!("`{name}` is not bound; no name is, here"),
            false => format!("`{name}` is not bound here; {} are", names.join(", ")),
        }
    }

    fn field(&mut self, pattern: usize, field: usize, kind: Type) -> Typed {
        self.reads.insert((pattern, field));
        (Expr::Field { pattern, field }, Some(kind))
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Typed> {
        if select.test {
            return Err("`has()` is not known here: every field has a value".to_owned());
        }
        if let Syntax::Ident(name) = &select.operand.expr
            && let Some(Name::Fact { pattern, fields }) = self.scope.get(name)
        {
            let (field, kind) = fields.get(&select.field).copied().ok_or_else(|| {
                let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                format!(
                    "`{name}` has no field `{}`; it has {}",
                    select.field,
                    known.join(", ")
                )
            })?;
            return Ok(self.field(*pattern, field, kind));
        }
        match self.lower(&select.operand)? {
            (Expr::Outcome { mut path, .. }, _) => {
                path.push(select.field.clone());
                Ok((outcome(path), None))
            }
            _ => Err(format!(
                "`.{}` of something that has no fields",
                select.field
            )),
        }
    }

    fn call(&mut self, call: &CallExpr) -> Result<Typed> {
        let arguments: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::LOGICAL_NOT, [a]) => {
                Ok((Expr::Not(Box::new(self.bool(a)?)), Some(Type::Bool)))
            }
            (operators::LOGICAL_AND, [a, b]) => {
                let (a, b) = (self.bool(a)?, self.bool(b)?);
                Ok((Expr::And(Box::new(a), Box::new(b)), Some(Type::Bool)))
            }
            (operators::LOGICAL_OR, [a, b]) => {
                let (a, b) = (self.bool(a)?, self.bool(b)?);
                Ok((Expr::Or(Box::new(a), Box::new(b)), Some(Type::Bool)))
            }
            (operators::CONDITIONAL, [condition, yes, no]) => self.choice(condition, yes, no),
            (operators::IN, [a, list]) => self.is_in(a, list),
            (operators::NEGATE, [a]) => self.negate(a),
            ("size", [a]) => self.size(a),
            ("timestamp", [a]) => timestamp(a),
            ("int", [a]) => self.convert(Type::Int, a),
            ("uint", [a]) => self.convert(Type::Uint, a),
            ("string", [a]) => self.convert(Type::String, a),
            (name, [a, b]) => self.binary(name, a, b),
            (name, arguments) => Err(unknown_function(name, arguments.len())),
        }
    }

    fn bool(&mut self, syntax: &IdedExpr) -> Result<Expr> {
        fit(self.lower(syntax)?, Type::Bool)
    }

    fn choice(&mut self, condition: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Result<Typed> {
        let condition = self.bool(condition)?;
        let (yes, no) = (self.lower(yes)?, self.lower(no)?);
        let (yes, no, kind) = alike("? :", yes, no)?;
        Ok((
            Expr::If(Box::new(condition), Box::new(yes), Box::new(no)),
            kind,
        ))
    }

    fn is_in(&mut self, a: &IdedExpr, list: &IdedExpr) -> Result<Typed> {
        let Syntax::List(list) = &list.expr else {
            return Err(
                "`in` needs a list that is written there: `codec in [\"avc\", \"av1\"]`".to_owned(),
            );
        };
        let mut value = self.lower(a)?;
        let mut elements = Vec::new();
        for element in &list.elements {
            let element = self.lower(element)?;
            let (a, element, kind) = alike("in", value, element)?;
            value = (a, kind);
            elements.push(element);
        }
        Ok((Expr::In(Box::new(value.0), elements), Some(Type::Bool)))
    }

    fn negate(&mut self, a: &IdedExpr) -> Result<Typed> {
        let a = fit(self.lower(a)?, Type::Int)?;
        Ok((Expr::Negate(Box::new(a)), Some(Type::Int)))
    }

    fn size(&mut self, a: &IdedExpr) -> Result<Typed> {
        match self.lower(a)? {
            (a, Some(Type::String | Type::Bytes)) => Ok((Expr::Size(Box::new(a)), Some(Type::Int))),
            (_, kind) => Err(format!("`size` of {}", shown(kind))),
        }
    }

    fn convert(&mut self, to: Type, a: &IdedExpr) -> Result<Typed> {
        let (a, from) = self.lower(a)?;
        let is_number = matches!(to, Type::Int | Type::Uint);
        match from {
            Some(Type::Bool | Type::Bytes) if is_number => Err(no_conversion(from, to)),
            Some(Type::Timestamp) if to == Type::Uint => Err(no_conversion(from, to)),
            _ => Ok((Expr::Convert(to, Box::new(a)), Some(to))),
        }
    }

    fn binary(&mut self, name: &str, a: &IdedExpr, b: &IdedExpr) -> Result<Typed> {
        if let Some(comparison) = comparison(name) {
            let (a, b) = (self.lower(a)?, self.lower(b)?);
            let (a, b, _) = comparable(symbol(name), a, b)?;
            let compare = Expr::Compare(comparison, Box::new(a), Box::new(b));
            return Ok((compare, Some(Type::Bool)));
        }
        if let Some(operation) = operation(name) {
            let (a, b) = (self.lower(a)?, self.lower(b)?);
            return compute(operation, symbol(name), a, b);
        }
        let Some(test) = text_test(name) else {
            return Err(unknown_function(name, 2));
        };
        let a = fit(self.lower(a)?, Type::String)?;
        let b = fit(self.lower(b)?, Type::String)?;
        Ok((Expr::Text(test, Box::new(a), Box::new(b)), Some(Type::Bool)))
    }
}

fn outcome(path: Vec<String>) -> Expr {
    Expr::Outcome { path, kind: None }
}

fn unknown_function(name: &str, arguments: usize) -> String {
    format!("there is no function `{name}` of {arguments} arguments here")
}

fn no_conversion(from: Option<Type>, to: Type) -> String {
    format!("{} cannot become {to}", shown(from))
}

fn constant(literal: &LiteralValue) -> Result<Typed> {
    let value = match literal {
        LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
        LiteralValue::Int(value) => Value::Int(*value.inner()),
        LiteralValue::UInt(value) => Value::Uint(*value.inner()),
        LiteralValue::String(value) => Value::String(value.inner().into()),
        LiteralValue::Bytes(value) => Value::Bytes(value.inner().into()),
        LiteralValue::Double(_) => return Err("there are no floats here".to_owned()),
        LiteralValue::Null => {
            return Err("there is no null here: every field has a value".to_owned());
        }
    };
    let kind = value.kind();
    Ok((Expr::Constant(value), Some(kind)))
}

fn timestamp(argument: &IdedExpr) -> Result<Typed> {
    let time = match &argument.expr {
        Syntax::Literal(LiteralValue::String(text)) => time_of_text(text.inner()),
        _ => None,
    };
    match time {
        Some(time) => Ok((
            Expr::Constant(Value::Timestamp(time)),
            Some(Type::Timestamp),
        )),
        None => Err("`timestamp` needs a time as in RFC 3339 that is written there".to_owned()),
    }
}

/// `typed` as an expression of type `wanted`.
fn fit(typed: Typed, wanted: Type) -> Result<Expr> {
    match typed {
        (expr, Some(kind)) if kind == wanted => Ok(expr),
        (Expr::Constant(Value::Int(value)), _) if wanted == Type::Uint && value >= 0 => {
            Ok(Expr::Constant(Value::Uint(value.unsigned_abs())))
        }
        (Expr::Outcome { path, .. }, _) => Ok(Expr::Outcome {
            path,
            kind: Some(wanted),
        }),
        (Expr::If(condition, yes, no), None) => {
            let (yes, no) = (fit((*yes, None), wanted)?, fit((*no, None), wanted)?);
            Ok(Expr::If(condition, Box::new(yes), Box::new(no)))
        }
        (_, kind) => Err(format!(
            "it is {}, but must be {wanted}{}",
            shown(kind),
            hint(kind, wanted)
        )),
    }
}

fn hint(kind: Option<Type>, wanted: Type) -> String {
    match (kind, wanted) {
        (Some(Type::Int | Type::Uint | Type::String), Type::Int | Type::Uint | Type::String) => {
            format!("; `{wanted}()` converts")
        }
        _ => String::new(),
    }
}

/// Both as expressions of one type.
fn alike(symbol: &str, a: Typed, b: Typed) -> Result<(Expr, Expr, Option<Type>)> {
    let told = |_| format!("`{symbol}` of {} and {}", shown(a.1), shown(b.1));
    match (a.1, b.1) {
        (None, None) => Ok((a.0, b.0, None)),
        (Some(kind), None) => Ok((a.0.clone(), fit(b.clone(), kind).map_err(told)?, Some(kind))),
        (None, Some(kind)) => Ok((fit(a.clone(), kind).map_err(told)?, b.0.clone(), Some(kind))),
        (Some(Type::Int), Some(Type::Uint)) if matches!(a.0, Expr::Constant(_)) => {
            Ok((fit(a.clone(), Type::Uint).map_err(told)?, b.0.clone(), b.1))
        }
        (Some(kind), Some(_)) => Ok((a.0.clone(), fit(b.clone(), kind).map_err(told)?, Some(kind))),
    }
}

/// As [`alike`], but whole numbers compare across types.
fn comparable(symbol: &str, a: Typed, b: Typed) -> Result<(Expr, Expr, Option<Type>)> {
    match (a.1, b.1) {
        (Some(Type::Int | Type::Uint), Some(Type::Int | Type::Uint)) => Ok((a.0, b.0, a.1)),
        _ => alike(symbol, a, b),
    }
}

fn compute(operation: Operation, symbol: &str, a: Typed, b: Typed) -> Result<Typed> {
    let (a, b, kind) = alike(symbol, a, b)?;
    match kind {
        Some(Type::Int | Type::Uint) => {}
        Some(Type::String) if operation == Operation::Add => {}
        kind => return Err(format!("`{symbol}` of {}", shown(kind))),
    }
    Ok((Expr::Compute(operation, Box::new(a), Box::new(b)), kind))
}

fn shown(kind: Option<Type>) -> String {
    kind.map_or_else(
        || "a value of unknown type".to_owned(),
        |kind| kind.to_string(),
    )
}

/// An operator as it is written: `_<=_` is `<=`.
fn symbol(name: &str) -> &str {
    name.trim_matches('_')
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        operators::ADD => Operation::Add,
        operators::SUBSTRACT => Operation::Subtract,
        operators::MULTIPLY => Operation::Multiply,
        operators::DIVIDE => Operation::Divide,
        operators::MODULO => Operation::Remainder,
        _ => return None,
    })
}

fn text_test(name: &str) -> Option<TextTest> {
    Some(match name {
        "startsWith" => TextTest::StartsWith,
        "endsWith" => TextTest::EndsWith,
        "contains" => TextTest::Contains,
        _ => return None,
    })
}
