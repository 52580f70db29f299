//! What can be told of a condition before it is decided: the names it uses, and the
//! types of what it is made of. What JSON holds is of a type that nobody knows.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};

/// A text that is written there.
macro_rules! text_literal {
    ($name:ident) => {
        IdedExpr {
            expr: Expr::Literal(LiteralValue::String($name)),
            ..
        }
    };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Unknown,
    Bool,
    Number,
    Text,
    Bytes,
    Null,
    List,
    Map,
    /// By the names of nodes, what each put out.
    Outputs,
    /// By the names of nodes, numbers.
    Counts,
    /// By names, texts.
    Attributes,
}

type Result<T> = std::result::Result<T, String>;

/// Checks that it gives true or false.
pub(super) fn is_condition(syntax: &IdedExpr, nodes: &BTreeSet<&str>) -> Result<()> {
    match (Checking { nodes }).of(syntax)? {
        Type::Bool | Type::Unknown => Ok(()),
        other => Err(format!("it gives {}, not true or false", other.shown())),
    }
}

struct Checking<'a> {
    nodes: &'a BTreeSet<&'a str>,
}

impl Checking<'_> {
    fn of(&self, syntax: &IdedExpr) -> Result<Type> {
        match &syntax.expr {
            Expr::Literal(literal) => Ok(of_literal(literal)),
            Expr::Ident(name) => named(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                let mut elements = list.elements.iter();
                elements.try_for_each(|element| self.of(element).map(drop))?;
                Ok(Type::List)
            }
            _ => Err("maps, structures and macros are not known here".to_owned()),
        }
    }

    fn select(&self, select: &SelectExpr) -> Result<Type> {
        let operand = self.of(&select.operand)?;
        self.member(operand, &select.field)
    }

    fn member(&self, of: Type, name: &str) -> Result<Type> {
        match of {
            Type::Outputs => self.node(name).map(|()| Type::Unknown),
            Type::Counts => self.node(name).map(|()| Type::Number),
            Type::Attributes => Ok(Type::Text),
            Type::Map | Type::Unknown => Ok(Type::Unknown),
            other => Err(format!("`.{name}` of {}", other.shown())),
        }
    }

    fn node(&self, name: &str) -> Result<()> {
        if self.nodes.contains(name) {
            return Ok(());
        }
        let known: Vec<&str> = self.nodes.iter().copied().collect();
        Err(match known.is_empty() {
            true => format!("no node `{name}` comes before this one; none does"),
            false => format!(
                "no node `{name}` comes before this one; {} do",
                known.join(", ")
            ),
        })
    }

    fn call(&self, call: &CallExpr) -> Result<Type> {
        let target = call.target.as_deref().into_iter();
        let arguments: Vec<&IdedExpr> = target.chain(&call.args).collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::INDEX, [of, text_literal!(name)]) => self.member(self.of(of)?, name),
            (operators::IN, [text_literal!(name), of]) if self.of(of)?.is_by_node() => {
                self.node(name).map(|()| Type::Bool)
            }
            (operators::CONDITIONAL, [condition, yes, no]) => self.choice(condition, yes, no),
            (name, [a]) => one(name, self.of(a)?),
            (name, [a, b]) => two(name, self.of(a)?, self.of(b)?),
            (name, arguments) => Err(unknown_function(name, arguments.len())),
        }
    }

    fn choice(&self, condition: &IdedExpr, yes: &IdedExpr, no: &IdedExpr) -> Result<Type> {
        let condition = self.of(condition)?;
        condition.must_be("?", &[Type::Bool])?;
        let (yes, no) = (self.of(yes)?, self.of(no)?);
        Ok(if yes == no { yes } else { Type::Unknown })
    }
}

fn named(name: &str) -> Result<Type> {
    match name {
        "input" => Ok(Type::Unknown),
        "attributes" => Ok(Type::Attributes),
        "outputs" => Ok(Type::Outputs),
        "counts" => Ok(Type::Counts),
        _ => Err(format!(
            "there is no `{name}`; there are input, attributes, outputs, counts"
        )),
    }
}

fn of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => Type::Number,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::Bytes(_) => Type::Bytes,
        LiteralValue::Null => Type::Null,
    }
}

fn one(name: &str, a: Type) -> Result<Type> {
    let (takes, gives): (&[Type], Type) = match name {
        operators::LOGICAL_NOT => (&[Type::Bool], Type::Bool),
        operators::NEGATE => (&[Type::Number], Type::Number),
        "size" => (
            &[Type::Text, Type::Bytes, Type::List, Type::Map],
            Type::Number,
        ),
        "int" | "uint" | "double" => (&[Type::Text, Type::Number], Type::Number),
        "string" => (&[Type::Text, Type::Number, Type::Bytes], Type::Text),
        _ => return Err(unknown_function(name, 1)),
    };
    a.must_be(symbol(name), takes)?;
    Ok(gives)
}

fn two(name: &str, a: Type, b: Type) -> Result<Type> {
    let symbol = symbol(name);
    match name {
        operators::LOGICAL_AND | operators::LOGICAL_OR => {
            a.must_be(symbol, &[Type::Bool])?;
            b.must_be(symbol, &[Type::Bool])?;
            Ok(Type::Bool)
        }
        operators::EQUALS | operators::NOT_EQUALS => {
            let with_null = a == Type::Null || b == Type::Null;
            alike(symbol, a, b, with_null).map(|()| Type::Bool)
        }
        operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => {
            both(symbol, a, b, &[Type::Number, Type::Text]).map(|_| Type::Bool)
        }
        operators::ADD => both(symbol, a, b, &[Type::Number, Type::Text, Type::List]),
        operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO => {
            both(symbol, a, b, &[Type::Number])
        }
        operators::IN => match b {
            Type::Unknown | Type::List | Type::Map | Type::Attributes => Ok(Type::Bool),
            Type::Outputs | Type::Counts if a == Type::Unknown => Ok(Type::Bool),
            _ => Err(of_two(symbol, a, b)),
        },
        operators::INDEX => match a {
            Type::Unknown | Type::List | Type::Map => Ok(Type::Unknown),
            _ => Err(of_two("[]", a, b)),
        },
        "startsWith" | "endsWith" | "contains" | "matches" => {
            both(symbol, a, b, &[Type::Text]).map(|_| Type::Bool)
        }
        _ => Err(unknown_function(name, 2)),
    }
}

/// Both of one of these types; which it is, if that is known.
fn both(symbol: &str, a: Type, b: Type, allowed: &[Type]) -> Result<Type> {
    let fits = |kind: Type| kind == Type::Unknown || allowed.contains(&kind);
    if !fits(a) || !fits(b) {
        return Err(of_two(symbol, a, b));
    }
    alike(symbol, a, b, false)?;
    Ok(if a == Type::Unknown { b } else { a })
}

fn alike(symbol: &str, a: Type, b: Type, anyway: bool) -> Result<()> {
    let is_alike = a == b || a == Type::Unknown || b == Type::Unknown;
    match is_alike || anyway {
        true => Ok(()),
        false => Err(of_two(symbol, a, b)),
    }
}

fn of_two(symbol: &str, a: Type, b: Type) -> String {
    format!("`{symbol}` of {} and {}", a.shown(), b.shown())
}

fn unknown_function(name: &str, arguments: usize) -> String {
    format!("there is no function `{name}` of {arguments} arguments here")
}

/// An operator as it is written: `_<=_` is `<=`.
fn symbol(name: &str) -> &str {
    name.trim_matches('_').trim_start_matches('@')
}

impl Type {
    fn must_be(self, symbol: &str, allowed: &[Self]) -> Result<()> {
        match self == Self::Unknown || allowed.contains(&self) {
            true => Ok(()),
            false => Err(format!("`{symbol}` of {}", self.shown())),
        }
    }

    fn is_by_node(self) -> bool {
        matches!(self, Self::Outputs | Self::Counts)
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Unknown => "a value of unknown type",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Bytes => "bytes",
            Self::Null => "null",
            Self::List => "a list",
            Self::Map | Self::Attributes => "a map",
            Self::Outputs => "all outputs",
            Self::Counts => "all counts",
        }
    }
}
