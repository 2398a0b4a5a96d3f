//! Values of expressions, and the operations on them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::operator::Operator;

/// The value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Value>),
}

/// Names and their values.
pub(crate) type Variables = BTreeMap<String, Value>;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EvalError {
    /// The expression is wrong.
    Wrong(String),
    /// The expression uses something that is not supported.
    Unsupported(String),
}

impl Value {
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(is) => *is,
            Value::Int(int) => *int != 0,
            Value::Float(float) => *float != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::List(all) => !all.is_empty(),
        }
    }

    pub(crate) fn as_int(&self) -> Option<i128> {
        match self {
            Value::Bool(is) => Some(i128::from(*is)),
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }

    fn as_float(&self) -> Option<f64> {
        match self {
            Value::Float(float) => Some(*float),
            other => other.as_int().map(|int| int as f64),
        }
    }

    fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::List(a), Value::List(b)) => {
                let unequal =
                    a.iter().zip(b).map(|(a, b)| a.order(b)).find(|o| *o != Some(Ordering::Equal));
                unequal.unwrap_or_else(|| Some(a.len().cmp(&b.len())))
            }
            (Value::None, Value::None) => Some(Ordering::Equal),
            _ => match (self.as_int(), other.as_int()) {
                (Some(a), Some(b)) => Some(a.cmp(&b)),
                _ => self.as_float()?.partial_cmp(&other.as_float()?),
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(true) => f.write_str("True"),
            Value::Bool(false) => f.write_str("False"),
            Value::Int(int) => int.fmt(f),
            Value::Float(float) => write!(f, "{float:?}"),
            Value::Text(text) => f.write_str(text),
            Value::List(all) => {
                let words: Vec<String> = all.iter().map(Value::to_string).collect();
                write!(f, "[{}]", words.join(", "))
            }
        }
    }
}

fn wrong<T>(why: &str) -> Result<T, EvalError> {
    Err(EvalError::Wrong(why.to_owned()))
}

pub(super) fn negate(value: &Value) -> Result<Value, EvalError> {
    match (value.as_int(), value) {
        (Some(int), _) => {
            int.checked_neg().map_or_else(|| wrong("too large"), |i| Ok(Value::Int(i)))
        }
        (None, Value::Float(float)) => Ok(Value::Float(-float)),
        _ => wrong("cannot negate this"),
    }
}

pub(super) fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, EvalError> {
    let order = left.order(right);
    Ok(match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::In | Operator::NotIn => {
            let is_in = match (left, right) {
                (_, Value::List(all)) => {
                    all.iter().any(|one| one.order(left) == Some(Ordering::Equal))
                }
                (Value::Text(part), Value::Text(whole)) => whole.contains(part.as_str()),
                _ => return wrong("cannot look into this"),
            };
            is_in == (operator == Operator::In)
        }
        _ => match (operator, order) {
            (_, None) => return wrong("cannot compare these"),
            (Operator::Less, Some(order)) => order.is_lt(),
            (Operator::LessOrEqual, Some(order)) => order.is_le(),
            (Operator::Greater, Some(order)) => order.is_gt(),
            (_, Some(order)) => order.is_ge(),
        },
    })
}

pub(super) fn binary(operator: Operator, left: &Value, right: &Value) -> Result<Value, EvalError> {
    if let (Value::Text(a), Value::Text(b), Operator::Add) = (left, right, operator) {
        return Ok(Value::Text(format!("{a}{b}")));
    }
    match (left.as_int(), right.as_int()) {
        (Some(a), Some(b)) if operator != Operator::Divide => integer(operator, a, b),
        _ => match (left.as_float(), right.as_float()) {
            (Some(a), Some(b)) => float(operator, a, b),
            _ => wrong("cannot calculate with these"),
        },
    }
}

fn integer(operator: Operator, a: i128, b: i128) -> Result<Value, EvalError> {
    if b == 0 && matches!(operator, Operator::FloorDivide | Operator::Remainder) {
        return wrong("division by zero");
    }
    let small = u32::try_from(b).ok();
    let result = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        // Python rounds down, where Rust rounds towards zero.
        Operator::FloorDivide => {
            let is_inexact = a.checked_rem(b).is_some_and(|rest| rest != 0);
            let down = i128::from(is_inexact && (a < 0) != (b < 0));
            a.checked_div(b).map(|quotient| quotient - down)
        }
        Operator::Remainder => a
            .checked_rem(b)
            .map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
        Operator::Power => small.and_then(|b| a.checked_pow(b)),
        Operator::BitOr => Some(a | b),
        Operator::BitXor => Some(a ^ b),
        Operator::BitAnd => Some(a & b),
        Operator::ShiftLeft => small.filter(|b| *b < 127).and_then(|b| a.checked_mul(1 << b)),
        Operator::ShiftRight => small.map(|b| a >> b.min(127)),
        _ => None,
    };
    result.map_or_else(|| wrong("too large"), |int| Ok(Value::Int(int)))
}

fn float(operator: Operator, a: f64, b: f64) -> Result<Value, EvalError> {
    if b == 0.0
        && matches!(operator, Operator::Divide | Operator::FloorDivide | Operator::Remainder)
    {
        return wrong("division by zero");
    }
    Ok(Value::Float(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::FloorDivide => (a / b).floor(),
        Operator::Remainder => a - b * (a / b).floor(),
        Operator::Power => a.powf(b),
        _ => return wrong("cannot do this with fractions"),
    }))
}

/// Formats `'cwnd=%d' % 10`: each `%` with its letter becomes the next value.
pub(super) fn format_percent(text: &str, values: &Value) -> Value {
    let one = [values.clone()];
    let mut values = match values {
        Value::List(all) => all.iter(),
        _ => one.iter(),
    };
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let conversion = rest.find(|c| c.is_ascii_alphabetic() || *c == '%');
        match conversion {
            Some('%') | None => out.push('%'),
            Some(_) => out.push_str(&values.next().map(Value::to_string).unwrap_or_default()),
        }
    }
    Value::Text(out)
}

/// Calls one of the few supported functions.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, EvalError> {
    let items = match arguments {
        [Value::List(all)] => all,
        _ => arguments,
    };
    match (name, arguments) {
        ("abs", [one]) => {
            let is_negative = compare(Operator::Less, one, &Value::Int(0))?;
            if is_negative { negate(one) } else { Ok(one.clone()) }
        }
        ("min" | "max", [_, ..]) if !items.is_empty() => {
            let operator = if name == "min" { Operator::Less } else { Operator::Greater };
            let mut best = &items[0];
            for item in items {
                if compare(operator, item, best)? {
                    best = item;
                }
            }
            Ok(best.clone())
        }
        ("sum", [Value::List(all)]) => {
            all.iter().try_fold(Value::Int(0), |sum, one| binary(Operator::Add, &sum, one))
        }
        ("int", [Value::Float(float)]) => Ok(Value::Int(*float as i128)),
        ("int", [Value::Text(text)]) => match text.trim().parse() {
            Ok(int) => Ok(Value::Int(int)),
            Err(_) => wrong("this is no number"),
        },
        ("int", [one]) if one.as_int().is_some() => Ok(Value::Int(one.as_int().unwrap_or(0))),
        ("float", [one]) if one.as_float().is_some() => {
            Ok(Value::Float(one.as_float().unwrap_or(0.0)))
        }
        ("round", [one]) if one.as_float().is_some() => {
            // Python rounds halves to even.
            Ok(Value::Int(one.as_float().unwrap_or(0.0).round_ties_even() as i128))
        }
        ("bool", [one]) => Ok(Value::Bool(one.is_true())),
        ("str" | "repr", [one]) => Ok(Value::Text(one.to_string())),
        ("len", [Value::Text(text)]) => Ok(Value::Int(text.chars().count() as i128)),
        ("len", [Value::List(all)]) => Ok(Value::Int(all.len() as i128)),
        _ => Err(EvalError::Unsupported(format!("the Python function `{name}`"))),
    }
}
