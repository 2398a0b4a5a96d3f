//! The lexer of code.

/// A token of code.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Int(i128),
    Float(f64),
    Text {
        text: String,
        is_format: bool,
    },
    /// An operator or a bracket.
    Sign(&'static str),
    /// The end of a statement.
    Newline,
}

/// A token, its line, and its bytes in the text, from and to.
pub(super) type Lexeme = (Token, u32, usize, usize);

/// The signs, longer ones first.
const SIGNS: [&str; 38] = [
    "**=", "//=", "<<=", ">>=", "==", "!=", "<=", ">=", "<<", ">>", "**", "//", "+=", "-=", "*=",
    "/=", "%=", "|=", "&=", "^=", "<", ">", "=", "+", "-", "*", "/", "%", "|", "&", "^", "~", "(",
    ")", "[", "]", ",", ":",
];

/// All tokens; or the line with an error, and what it is.
pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, (u32, String)> {
    let mut all = Vec::new();
    let (mut at, mut line, mut depth) = (0, 0, 0_usize);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let from = at;
        match first {
            '\n' => {
                if depth == 0 {
                    all.push((Token::Newline, line, at, at));
                }
                line += 1;
                at += 1;
            }
            ';' => {
                all.push((Token::Newline, line, at, at));
                at += 1;
            }
            '\\' if rest[1..].trim_start_matches([' ', '\t', '\r']).starts_with('\n') => {
                at += rest.find('\n').unwrap_or(0) + 1;
                line += 1;
            }
            '\\' if rest[1..].trim().is_empty() => at = text.len(),
            c if c.is_whitespace() => at += c.len_utf8(),
            '#' => at += rest.find('\n').unwrap_or(rest.len()),
            '0'..='9' | '.' => {
                let token;
                (token, at) = number(text, at).map_err(|why| (line, why))?;
                all.push((token, line, from, at));
            }
            '"' | '\'' => {
                let token;
                (token, at) = string(text, at, false).map_err(|why| (line, why))?;
                all.push((token, line, from, at));
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let name = &rest[..length.unwrap_or(rest.len())];
                at += name.len();
                let quoted = text[at..].starts_with(['"', '\'']);
                let is_format = matches!(name, "f" | "F");
                let token = if quoted && (is_format || matches!(name, "r" | "b" | "u" | "R")) {
                    let token;
                    (token, at) = string(text, at, is_format).map_err(|why| (line, why))?;
                    token
                } else {
                    Token::Name(name.to_owned())
                };
                all.push((token, line, from, at));
            }
            _ => {
                let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) else {
                    return Err((line, format!("`{first}` means nothing")));
                };
                match sign {
                    "(" | "[" => depth += 1,
                    ")" | "]" => depth = depth.saturating_sub(1),
                    _ => {}
                }
                at += sign.len();
                all.push((Token::Sign(sign), line, from, at));
            }
        }
    }
    all.push((Token::Newline, line, at, at));
    Ok(all)
}

fn number(text: &str, at: usize) -> Result<(Token, usize), String> {
    let rest = &text[at..];
    let mut length = 0;
    let mut before = ' ';
    for c in rest.chars() {
        let is_exponent_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || is_exponent_sign) {
            break;
        }
        // In a hexadecimal number `e` is a digit.
        before = if rest.starts_with("0x") { ' ' } else { c };
        length += 1;
    }
    let word = rest[..length].replace('_', "");
    let int = match word.get(..2) {
        Some("0x" | "0X") => i128::from_str_radix(&word[2..], 16).ok(),
        _ => word.parse().ok(),
    };
    let token = match int {
        Some(int) => Token::Int(int),
        None => Token::Float(word.parse().map_err(|_| format!("`{word}` is no number"))?),
    };
    Ok((token, at + length))
}

fn string(text: &str, at: usize, is_format: bool) -> Result<(Token, usize), String> {
    let quote = &text[at..=at];
    let triple = quote.repeat(3);
    let quote = if text[at..].starts_with(&triple) { &triple } else { quote };
    let body = &text[at + quote.len()..];
    let mut end = 0;
    while !body[end..].starts_with(quote) {
        let escaped = usize::from(body[end..].starts_with('\\'));
        let taken: usize = body[end..].chars().take(1 + escaped).map(char::len_utf8).sum();
        if taken == 0 {
            return Err("a string does not end".into());
        }
        end += taken;
    }
    let inner = body[..end].replace("\\n", "\n").replace("\\'", "'").replace("\\\"", "\"");
    Ok((Token::Text { text: inner, is_format }, at + quote.len() + end + quote.len()))
}
