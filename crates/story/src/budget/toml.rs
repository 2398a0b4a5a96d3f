//! Budgets in TOML: `load = "2.5 s"`, and tables for kinds of resources.

use core::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::limit::{BadBudget, Budget, Entry, Group, Limit, Measured, Sum};
use crate::figure::Figure;
use crate::quantity::quantity;

/// Reads a budget.
pub(super) fn read(text: &str) -> Result<Budget, BadBudget> {
    let reader = Reader { text };
    let table = DeTable::parse(text).map_err(|error| {
        let what = error.message().to_owned();
        error.span().map_or(BadBudget::somewhere(what.clone()), |span| reader.bad(&span, what))
    })?;
    let mut entry = Entry::default();
    for (name, value) in in_order(table.get_ref()) {
        if let DeValue::Table(inner) = value.get_ref() {
            let group = reader.known(name, Group::named)?;
            for (name, value) in in_order(inner) {
                let sum = reader.known(name, Sum::named)?;
                entry.limits.push(reader.limit(Measured::Sum(group, sum), value)?);
            }
        } else {
            let figure = reader.figure(name)?;
            entry.limits.push(reader.limit(Measured::Figure(figure), value)?);
        }
    }
    if entry.limits.is_empty() {
        let example = "load = \"2.5 s\", transferSize = \"500 kB\", requests = 50";
        return Err(BadBudget::somewhere(format!("there is no limit in it, such as {example}")));
    }
    Ok(Budget { entries: vec![entry] })
}

/// A key of a table, and its place.
type Key<'t> = Spanned<std::borrow::Cow<'t, str>>;

/// What a table has, in the order in which it is written.
fn in_order<'a, 't>(table: &'a DeTable<'t>) -> Vec<(&'a Key<'t>, &'a Spanned<DeValue<'t>>)> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn bad(&self, at: &Range<usize>, what: impl Into<String>) -> BadBudget {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        BadBudget::at(1 + before.matches('\n').count(), what)
    }

    /// What a key names.
    fn known<T>(
        &self,
        key: &Key<'_>,
        named: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, BadBudget> {
        named(key.get_ref()).map_err(|what| self.bad(&key.span(), what))
    }

    fn figure(&self, key: &Key<'_>) -> Result<Figure, BadBudget> {
        let name = key.get_ref();
        self.known(key, |name| Figure::named(name).map_err(|unknown| unknown.to_string())).map_err(
            |error| match Group::named(name) {
                Ok(_) => {
                    let what = format!("{name} is a table: [{name}], or {name}.requests = 5");
                    self.bad(&key.span(), what)
                }
                Err(_) => error,
            },
        )
    }

    /// The limit that a value states.
    fn limit(&self, measured: Measured, value: &Spanned<DeValue<'_>>) -> Result<Limit, BadBudget> {
        let bad = |what: String| self.bad(&value.span(), format!("{}: {what}", measured.name()));
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Table(_) => return Err(bad("holds limits, and no more tables".into())),
            _ => return Err(bad("wanted a text, as \"2.5 s\", or a whole number".into())),
        };
        let most = quantity(&text, measured.unit()).map_err(|why| bad(why.to_string()))?;
        if most < 0 {
            return Err(bad("a limit is not less than nothing".into()));
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
            ("requests = 1\nrequests = 2", 2, "duplicate key"),
            ("[font]\nrequests = 1\n[font]\nrequests = 1", 3, "duplicate key"),
            ("load", 1, ""),
            ("load = \"1 s", 1, ""),
            ("load = true", 1, "wanted a text"),
            ("script = 5", 1, "script is a table"),
            ("[[script]]\nrequests = 1", 1, "script is a table"),
            ("[script", 1, ""),
            ("script.requests.x = 1", 1, "no more tables"),
            ("load = \"-1 s\"", 1, "not less than nothing"),
            ("x = { requests = 1", 1, ""),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}: {error}");
            assert!(error.to_string().contains(says), "{text}: {error}");
        }
        assert!(read("# nothing").unwrap_err().to_string().contains("there is no limit in it"));
    }
}
