//! The parser of code.

use super::lexer::{Lexeme, Token, lex};
use super::operator::Operator;
use super::stop::Stop;
use super::value::{EvalError, Value, Variables, binary, call, compare, format_percent, negate};

/// The greatest nesting of expressions.
const MAX_DEPTH: usize = 64;

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Assert {
        condition: Expr,
        message: Option<Expr>,
        /// The text of the condition.
        text: String,
    },
    Print(Vec<Expr>),
    Assign {
        name: String,
        value: Expr,
    },
    Nothing,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Constant(Value),
    Name(String),
    /// A string with `{…}` in it; used only in messages.
    Format(String),
    List(Vec<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Inverse(Box<Expr>),
    /// A chain of comparisons: `a < b <= c`.
    Compare(Box<Expr>, Vec<(Operator, Expr)>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// A conditional expression: `then if condition else otherwise`.
    Choice {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Call(String, Vec<Expr>),
    Index(Box<Expr>, Box<Expr>),
}

impl Expr {
    /// The value of the expression.
    pub(crate) fn value(&self, names: &Variables) -> Result<Value, EvalError> {
        Ok(match self {
            Expr::Constant(value) => value.clone(),
            Expr::Name(name) => match names.get(name) {
                Some(value) => value.clone(),
                None if is_foreign(name) => {
                    return Err(EvalError::Unsupported(format!("the value `{name}`")));
                }
                None => return Err(EvalError::Wrong(format!("`{name}` is not defined"))),
            },
            Expr::Format(text) => Value::Text(text.clone()),
            Expr::List(all) => {
                let values: Result<_, _> = all.iter().map(|one| one.value(names)).collect();
                Value::List(values?)
            }
            Expr::And(left, right) => match left.value(names)? {
                left if left.is_true() => right.value(names)?,
                left => left,
            },
            Expr::Or(left, right) => match left.value(names)? {
                left if left.is_true() => left,
                _ => right.value(names)?,
            },
            Expr::Not(inner) => Value::Bool(!inner.value(names)?.is_true()),
            Expr::Negative(inner) => negate(&inner.value(names)?)?,
            Expr::Inverse(inner) => match inner.value(names)?.as_int() {
                Some(int) => Value::Int(!int),
                None => return Err(EvalError::Wrong("cannot invert this".into())),
            },
            Expr::Compare(first, rest) => {
                let mut left = first.value(names)?;
                for (operator, right) in rest {
                    let right = right.value(names)?;
                    if !compare(*operator, &left, &right)? {
                        return Ok(Value::Bool(false));
                    }
                    left = right;
                }
                Value::Bool(true)
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) = (left.value(names)?, right.value(names)?);
                match (operator, &left) {
                    (Operator::Remainder, Value::Text(text)) => format_percent(text, &right),
                    _ => binary(*operator, &left, &right)?,
                }
            }
            Expr::Choice { condition, then, otherwise } => {
                let chosen = if condition.value(names)?.is_true() { then } else { otherwise };
                chosen.value(names)?
            }
            Expr::Call(name, arguments) => {
                let values: Result<Vec<_>, _> = arguments.iter().map(|a| a.value(names)).collect();
                call(name, &values?)?
            }
            Expr::Index(list, index) => {
                let index = index.value(names)?.as_int();
                match (list.value(names)?, index.map(usize::try_from)) {
                    (Value::List(all), Some(Ok(index))) if index < all.len() => all[index].clone(),
                    _ => return Err(EvalError::Wrong("cannot take this index".into())),
                }
            }
        })
    }

    /// Collects the names in the expression, each once.
    pub(crate) fn names(&self, into: &mut Vec<String>) {
        match self {
            Expr::Name(name) if !into.contains(name) => into.push(name.clone()),
            Expr::Name(_) | Expr::Constant(_) | Expr::Format(_) => {}
            Expr::List(all) | Expr::Call(_, all) => {
                for one in all {
                    one.names(into);
                }
            }
            Expr::Not(one) | Expr::Negative(one) | Expr::Inverse(one) => one.names(into),
            Expr::And(left, right)
            | Expr::Or(left, right)
            | Expr::Binary(_, left, right)
            | Expr::Index(left, right) => {
                left.names(into);
                right.names(into);
            }
            Expr::Compare(first, rest) => {
                first.names(into);
                for (_, one) in rest {
                    one.names(into);
                }
            }
            Expr::Choice { condition, then, otherwise } => {
                for one in [condition, then, otherwise] {
                    one.names(into);
                }
            }
        }
    }
}

/// Whether a name is one of the kernel's that is not supported, rather than a mistake.
fn is_foreign(name: &str) -> bool {
    ["tcpi_", "TCP", "SK_MEMINFO_", "bbr_", "dctcp_", "tcpv_", "tcp_"]
        .iter()
        .any(|lead| name.starts_with(lead))
}

/// The statements of a text, each with its line, from 0.
pub(crate) fn parse(text: &str) -> Result<Vec<(u32, Line)>, Stop> {
    let tokens = lex(text).map_err(|(line, why)| Stop::Failed { line, why })?;
    let mut parser = Parser { text, tokens, at: 0, depth: 0 };
    let mut all = Vec::new();
    while parser.at < parser.tokens.len() {
        let line = parser.line();
        let statement = parser.statement().map_err(|error| match error {
            EvalError::Wrong(why) => Stop::Failed { line, why },
            EvalError::Unsupported(what) => Stop::Unsupported { line, what },
        })?;
        if statement != Line::Nothing {
            all.push((line, statement));
        }
    }
    Ok(all)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Lexeme>,
    at: usize,
    depth: usize,
}

type Parsed = Result<Expr, EvalError>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::Newline, |(token, ..)| token)
    }

    fn line(&self) -> u32 {
        self.tokens.get(self.at).map_or(0, |(_, line, ..)| *line)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Token::Sign(s) if *s == sign);
        self.at += usize::from(is);
        is
    }

    fn take_name(&mut self, name: &str) -> bool {
        let is = matches!(self.peek(), Token::Name(n) if n == name);
        self.at += usize::from(is);
        is
    }

    fn statement(&mut self) -> Result<Line, EvalError> {
        if *self.peek() == Token::Newline {
            self.at += 1;
            return Ok(Line::Nothing);
        }
        let statement = self.simple()?;
        if *self.peek() != Token::Newline {
            return Err(EvalError::Wrong("a statement does not end where it should".into()));
        }
        self.at += 1;
        Ok(statement)
    }

    fn simple(&mut self) -> Result<Line, EvalError> {
        let Token::Name(name) = self.peek().clone() else {
            return Err(EvalError::Wrong("a statement begins with a name".into()));
        };
        match name.as_str() {
            "assert" => {
                self.at += 1;
                let from = self.tokens.get(self.at).map_or(0, |(_, _, from, _)| *from);
                let condition = self.expression()?;
                let to = self.tokens.get(self.at - 1).map_or(from, |(_, _, _, to)| *to);
                let text: Vec<&str> = self.text[from..to].split_whitespace().collect();
                let message = if self.take(",") { Some(self.expression()?) } else { None };
                Ok(Line::Assert { condition, message, text: text.join(" ") })
            }
            "print" => {
                self.at += 1;
                let mut all = vec![self.expression()?];
                while self.take(",") {
                    all.push(self.expression()?);
                }
                // `print(a, b)` is parsed as printing one list.
                if let [Expr::List(inner)] = &all[..] {
                    all = inner.clone();
                }
                Ok(Line::Print(all))
            }
            "pass" => {
                self.at += 1;
                Ok(Line::Nothing)
            }
            _ => self.assignment(name),
        }
    }

    fn assignment(&mut self, name: String) -> Result<Line, EvalError> {
        self.at += 1;
        if self.take("=") {
            return Ok(Line::Assign { name, value: self.expression()? });
        }
        let operators = [
            ("+=", Operator::Add),
            ("-=", Operator::Subtract),
            ("*=", Operator::Multiply),
            ("//=", Operator::FloorDivide),
            ("|=", Operator::BitOr),
            ("&=", Operator::BitAnd),
        ];
        for (sign, operator) in operators {
            if self.take(sign) {
                let (left, right) = (Expr::Name(name.clone()), self.expression()?);
                let value = Expr::Binary(operator, left.into(), right.into());
                return Ok(Line::Assign { name, value });
            }
        }
        Err(EvalError::Unsupported(format!("Python beginning with `{name}`")))
    }

    fn expression(&mut self) -> Parsed {
        self.nested(|parser| {
            let then = parser.disjunction()?;
            if !parser.take_name("if") {
                return Ok(then);
            }
            let condition = parser.disjunction()?;
            if !parser.take_name("else") {
                return Err(EvalError::Wrong("`else` is missing".into()));
            }
            let (condition, then) = (condition.into(), then.into());
            let otherwise = parser.expression()?.into();
            Ok(Expr::Choice { condition, then, otherwise })
        })
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(EvalError::Wrong(format!(
                "expressions are nested {MAX_DEPTH} deep at most"
            )));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn disjunction(&mut self) -> Parsed {
        let mut left = self.conjunction()?;
        while self.take_name("or") {
            left = Expr::Or(left.into(), self.conjunction()?.into());
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Parsed {
        let mut left = self.negation()?;
        while self.take_name("and") {
            left = Expr::And(left.into(), self.negation()?.into());
        }
        Ok(left)
    }

    fn negation(&mut self) -> Parsed {
        if self.take_name("not") {
            return self.nested(|parser| Ok(Expr::Not(parser.negation()?.into())));
        }
        let first = self.bit_or()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.comparison() {
            rest.push((operator, self.bit_or()?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compare(first.into(), rest) })
    }

    fn comparison(&mut self) -> Option<Operator> {
        let signs = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        if let Some((_, operator)) = signs.into_iter().find(|(sign, _)| self.take(sign)) {
            return Some(operator);
        }
        if self.take_name("in") {
            return Some(Operator::In);
        }
        if self.take_name("is") {
            let is_not = self.take_name("not");
            return Some(if is_not { Operator::NotEqual } else { Operator::Equal });
        }
        let is_not_in = matches!(self.peek(), Token::Name(n) if n == "not")
            && matches!(self.tokens.get(self.at + 1), Some((Token::Name(n), ..)) if n == "in");
        is_not_in.then(|| {
            self.at += 2;
            Operator::NotIn
        })
    }

    fn left_to_right(
        &mut self,
        signs: &[(&str, Operator)],
        operand: fn(&mut Self) -> Parsed,
    ) -> Parsed {
        let mut left = operand(self)?;
        loop {
            let Some((_, operator)) = signs.iter().find(|(sign, _)| self.take(sign)) else {
                return Ok(left);
            };
            left = Expr::Binary(*operator, left.into(), operand(self)?.into());
        }
    }

    fn bit_or(&mut self) -> Parsed {
        self.left_to_right(&[("|", Operator::BitOr)], |parser| {
            parser.left_to_right(&[("^", Operator::BitXor)], |parser| {
                parser.left_to_right(&[("&", Operator::BitAnd)], Self::shift)
            })
        })
    }

    fn shift(&mut self) -> Parsed {
        let signs = [("<<", Operator::ShiftLeft), (">>", Operator::ShiftRight)];
        self.left_to_right(&signs, Self::sum)
    }

    fn sum(&mut self) -> Parsed {
        let signs = [("+", Operator::Add), ("-", Operator::Subtract)];
        self.left_to_right(&signs, Self::product)
    }

    fn product(&mut self) -> Parsed {
        let signs = [
            ("*", Operator::Multiply),
            ("//", Operator::FloorDivide),
            ("/", Operator::Divide),
            ("%", Operator::Remainder),
        ];
        self.left_to_right(&signs, Self::signed)
    }

    fn signed(&mut self) -> Parsed {
        if self.take("-") {
            return self.nested(|parser| Ok(Expr::Negative(parser.signed()?.into())));
        }
        if self.take("+") {
            return self.nested(Self::signed);
        }
        if self.take("~") {
            return self.nested(|parser| Ok(Expr::Inverse(parser.signed()?.into())));
        }
        let base = self.postfix()?;
        if !self.take("**") {
            return Ok(base);
        }
        let exponent = self.nested(Self::signed)?;
        Ok(Expr::Binary(Operator::Power, base.into(), exponent.into()))
    }

    fn postfix(&mut self) -> Parsed {
        let mut base = self.atom()?;
        while self.take("[") {
            let index = self.expression()?;
            self.close("]")?;
            base = Expr::Index(base.into(), index.into());
        }
        Ok(base)
    }

    fn close(&mut self, sign: &str) -> Result<(), EvalError> {
        if self.take(sign) { Ok(()) } else { Err(EvalError::Wrong(format!("`{sign}` is missing"))) }
    }

    fn list(&mut self, close: &str) -> Result<(Vec<Expr>, bool), EvalError> {
        let (mut all, mut has_comma) = (Vec::new(), false);
        while !self.take(close) {
            all.push(self.expression()?);
            if !self.take(",") {
                self.close(close)?;
                break;
            }
            has_comma = true;
        }
        Ok((all, has_comma))
    }

    fn atom(&mut self) -> Parsed {
        let token = self.peek().clone();
        self.at += 1;
        Ok(match token {
            Token::Int(int) => Expr::Constant(Value::Int(int)),
            Token::Float(float) => Expr::Constant(Value::Float(float)),
            Token::Text { text, is_format: true } => Expr::Format(text),
            Token::Text { text, .. } => Expr::Constant(Value::Text(text)),
            Token::Sign("(") => {
                let (mut all, has_comma) = self.list(")")?;
                if all.len() == 1 && !has_comma { all.remove(0) } else { Expr::List(all) }
            }
            Token::Sign("[") => Expr::List(self.list("]")?.0),
            Token::Name(name) => match name.as_str() {
                "True" => Expr::Constant(Value::Bool(true)),
                "False" => Expr::Constant(Value::Bool(false)),
                "None" => Expr::Constant(Value::None),
                _ if self.take("(") => Expr::Call(name, self.list(")")?.0),
                _ => Expr::Name(name),
            },
            _ => return Err(EvalError::Wrong("an expression is missing".into())),
        })
    }
}
