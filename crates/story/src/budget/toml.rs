//! Budgets in TOML: `load = "2.5 s"`, and tables for kinds of resources. Of TOML 1.0 only what a
//! budget needs is read; anything else is an error that says so, with its line.

use super::limit::{BadBudget, Budget, Entry, Group, Limit, Measured, Sum};
use crate::figure::Figure;
use crate::quantity::quantity;

/// Reads a budget.
pub(super) fn read(text: &str) -> Result<Budget, BadBudget> {
    let mut entry = Entry::default();
    let mut table: Option<(String, Group)> = None;
    let mut tables: Vec<String> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = Line { number, text: without_comment(line).trim() };
        if line.text.is_empty() {
            continue;
        }
        if let Some(name) = line.text.strip_prefix('[') {
            let name = line.table(name)?;
            if tables.contains(&name) {
                return Err(line.bad(format!("[{name}] is there twice")));
            }
            let group = Group::named(&name).map_err(|what| line.bad(what))?;
            tables.push(name.clone());
            table = Some((name, group));
            continue;
        }
        for (key, value) in line.pairs()? {
            let limit = line.limit(table.as_ref().map(|(_, group)| *group), &key, &value)?;
            if entry.limits.iter().any(|known| known.measured == limit.measured) {
                return Err(line.bad(format!("{} is there twice", limit.measured.name())));
            }
            entry.limits.push(limit);
        }
    }
    if entry.limits.is_empty() {
        let example = "load = \"2.5 s\", transferSize = \"500 kB\", requests = 50";
        return Err(BadBudget::somewhere(format!("there is no limit in it, such as {example}")));
    }
    Ok(Budget { entries: vec![entry] })
}

/// A line up to its comment. A `#` within quotes begins none.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, letter) in line.char_indices() {
        match (letter, quote) {
            ('#', None) => return &line[..at],
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            _ => {}
        }
    }
    line
}

/// A value: a text, or a number as it is written.
enum Value {
    Text(String),
    Number(String),
}

/// A line that is not empty, without its comment.
struct Line<'a> {
    number: usize,
    text: &'a str,
}

impl Line<'_> {
    fn bad(&self, what: impl Into<String>) -> BadBudget {
        BadBudget::at(self.number, what)
    }

    /// The name of a table, from behind its first bracket.
    fn table(&self, rest: &str) -> Result<String, BadBudget> {
        if rest.starts_with('[') {
            return Err(self.bad("[[…]]: a budget has no arrays of tables; [script] is a table"));
        }
        let Some(name) = rest.strip_suffix(']') else {
            return Err(self.bad(format!("{:?}: a table is written as [script]", self.text)));
        };
        self.key(name)
    }

    /// A key, bare or in quotes.
    fn key(&self, text: &str) -> Result<String, BadBudget> {
        let text = text.trim();
        for quote in ['"', '\''] {
            let inner = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
            if let Some(inner) = inner.filter(|inner| !inner.contains([quote, '\\'])) {
                return Ok(inner.to_owned());
            }
        }
        let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
        if text.is_empty() || !text.chars().all(is_bare) {
            return Err(self.bad(format!("{text:?} is no name; wanted NAME = LIMIT")));
        }
        Ok(text.to_owned())
    }

    /// The assignments of a line: one, or those of a table in braces, each with the names of its tables
    /// before it.
    fn pairs(&self) -> Result<Vec<(Vec<String>, Value)>, BadBudget> {
        let (keys, value) = self.pair(self.text)?;
        let Some(inner) = value.strip_prefix('{') else {
            return Ok(vec![(keys, self.value(value)?)]);
        };
        let inner = inner.strip_suffix('}').ok_or_else(|| self.bad("{ without a } behind it"))?;
        let parts = inner.split(',').filter(|part| !part.trim().is_empty());
        let within = |part: &str| {
            let (more, value) = self.pair(part)?;
            Ok(([&keys[..], &more[..]].concat(), self.value(value)?))
        };
        parts.map(within).collect()
    }

    fn pair<'t>(&self, text: &'t str) -> Result<(Vec<String>, &'t str), BadBudget> {
        let Some((keys, value)) = text.split_once('=') else {
            return Err(self.bad(format!("{text:?}: wanted NAME = LIMIT, as load = \"2.5 s\"")));
        };
        let keys = if keys.contains(['"', '\'']) {
            vec![self.key(keys)?]
        } else {
            keys.split('.').map(|key| self.key(key)).collect::<Result<_, _>>()?
        };
        Ok((keys, value.trim()))
    }

    fn value(&self, text: &str) -> Result<Value, BadBudget> {
        for quote in ['"', '\''] {
            let Some(rest) = text.strip_prefix(quote) else { continue };
            return match rest.strip_suffix(quote) {
                Some(inner) if !inner.contains([quote, '\\']) => Ok(Value::Text(inner.to_owned())),
                _ => Err(self.bad(format!("{text}: wanted a text in one pair of quotes"))),
            };
        }
        let digits = text.replace('_', "");
        let is_number = digits.starts_with(|letter: char| letter.is_ascii_digit() || letter == '+');
        if is_number && !text.contains([' ', ',']) {
            return Ok(Value::Number(digits));
        }
        let wrong = if text.is_empty() {
            "there is no limit behind =".into()
        } else {
            format!("{text}: wanted a text in quotes, as \"2.5 s\", or a whole number")
        };
        Err(self.bad(wrong))
    }

    /// The limit that an assignment states.
    fn limit(
        &self,
        table: Option<Group>,
        keys: &[String],
        value: &Value,
    ) -> Result<Limit, BadBudget> {
        let measured = match (table, keys) {
            (None, [name]) => match Figure::named(name) {
                Ok(figure) => Measured::Figure(figure),
                Err(_) if Group::named(name).is_ok() => {
                    return Err(
                        self.bad(format!("{name} is a table: [{name}], or {name}.requests = 5"))
                    );
                }
                Err(unknown) => return Err(self.bad(unknown.to_string())),
            },
            (None, [group, name]) => {
                let group = Group::named(group).map_err(|what| self.bad(what))?;
                Measured::Sum(group, Sum::named(name).map_err(|what| self.bad(what))?)
            }
            (Some(group), [name]) => {
                Measured::Sum(group, Sum::named(name).map_err(|what| self.bad(what))?)
            }
            _ => return Err(self.bad("a table of a budget holds limits, and no more tables")),
        };
        let text = match value {
            Value::Text(text) | Value::Number(text) => text,
        };
        let most = quantity(text, measured.unit())
            .map_err(|bad| self.bad(format!("{}: {bad}", measured.name())))?;
        if most < 0 {
            return Err(self.bad(format!("{}: a limit is not less than nothing", measured.name())));
        }
        Ok(Limit { measured, most })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> Vec<(String, i64)> {
        let budget = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let limit = |limit: &Limit| (limit.measured.name(), limit.most);
        budget.entries[0].limits.iter().map(limit).collect()
    }

    #[test]
    fn limits_have_units_and_tables() {
        let text = "# what the shop may cost\n\
            load = \"2.5 s\"  # on cable\n\
            'first-paint' = '1 s'\n\
            transferSize = \"500 kB\"\n\
            requests = 5_0\n\
            font.requests = 2\n\
            image = { transferSize = \"300 kB\", requests = 10 }\n\n\
            [script]\n\
            transferSize = \"200 kB\"\n\
            [third-party]\n\
            requests = 0\n";
        let wanted = [
            ("load", 2_500_000_000),
            ("first-paint", 1_000_000_000),
            ("transferSize", 500_000),
            ("requests", 50),
            ("font requests", 2),
            ("image transferSize", 300_000),
            ("image requests", 10),
            ("script transferSize", 200_000),
            ("third-party requests", 0),
        ];
        assert_eq!(limits(text), wanted.map(|(name, most)| (name.to_owned(), most)));
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_its_line() {
        for (text, line, says) in [
            ("load = \"1 s\"\nlaod = \"1 s\"", 2, "did you mean load?"),
            ("\n\n[scripts]\nrequests = 1", 3, "did you mean script?"),
            ("[script]\ntransfersize = \"1 kB\"", 2, "did you mean transferSize?"),
            ("load = 2500", 1, "wanted a time with its unit"),
            ("load = \"2 kB\"", 1, "wanted a time with its unit"),
            ("requests = \"many\"", 1, "wanted a whole number"),
            ("requests = 1\nrequests = 2", 2, "requests is there twice"),
            ("[font]\nrequests = 1\n[font]\nrequests = 1", 3, "[font] is there twice"),
            ("load", 1, "wanted NAME = LIMIT"),
            ("load =", 1, "there is no limit behind ="),
            ("load = 1 s", 1, "wanted a text in quotes"),
            ("load = \"1 s", 1, "one pair of quotes"),
            ("script = 5", 1, "script is a table"),
            ("[[script]]", 1, "no arrays of tables"),
            ("[script", 1, "a table is written as [script]"),
            ("a.b.c = 1", 1, "no more tables"),
            ("load = \"-1 s\"", 1, "not less than nothing"),
            ("x = { requests = 1", 1, "without a }"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}: {error}");
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
        assert!(read("# nothing").unwrap_err().to_string().contains("there is no limit in it"));
    }
}
