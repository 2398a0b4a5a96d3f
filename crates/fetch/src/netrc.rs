//! Names and passwords of hosts, as `.netrc` has them (GNU inetutils manual, "The .netrc file").

/// Who asks which host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netrc {
    entries: Vec<Entry>,
    /// Whether it is asked for URLs that have a name and no password.
    pub mode: NetrcMode,
}

/// When the file is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetrcMode {
    /// For URLs that do not say who asks.
    #[default]
    Optional,
    /// For all: what URLs say is passed over, but for a name whose password is wanted.
    Required,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entry {
    /// The host; `None` is every one.
    host: Option<String>,
    login: Option<String>,
    password: Option<String>,
}

impl Netrc {
    /// Reads a file: words, in quotes where they have blanks in them.
    pub fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let mut words = Words(line);
            while let Some(word) = words.next() {
                match word.to_ascii_lowercase().as_str() {
                    comment if comment.starts_with('#') => break,
                    "machine" => {
                        entries.push(Entry { host: words.next(), ..Entry::default() });
                    }
                    "default" => entries.push(Entry::default()),
                    // A macro goes up to an empty line.
                    "macdef" => {
                        lines.by_ref().find(|line| line.trim().is_empty());
                        break;
                    }
                    "login" => {
                        let login = words.next();
                        set(&mut entries, |entry| entry.login = login);
                    }
                    "password" => {
                        let password = words.next();
                        set(&mut entries, |entry| entry.password = password);
                    }
                    "account" => drop(words.next()),
                    _ => {}
                }
            }
        }
        Self { entries, mode: NetrcMode::default() }
    }

    /// Whether it has nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Name and password for a host; those with this name, where there is one.
    pub fn find(&self, host: &str, user: Option<&str>) -> Option<(String, String)> {
        let entry = self.entries.iter().find(|entry| {
            entry.host.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(host))
                && user.is_none_or(|user| entry.login.as_deref() == Some(user))
        })?;
        let login = entry.login.as_deref().or(user).unwrap_or_default();
        Some((login.to_owned(), entry.password.clone().unwrap_or_default()))
    }
}

fn set(entries: &mut [Entry], change: impl FnOnce(&mut Entry)) {
    if let Some(last) = entries.last_mut() {
        change(last);
    }
}

/// The words of a line.
struct Words<'a>(&'a str);

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0 = self.0.trim_start();
        if self.0.is_empty() {
            return None;
        }
        let Some(quoted) = self.0.strip_prefix('"') else {
            let end = self.0.find(char::is_whitespace).unwrap_or(self.0.len());
            let (word, rest) = self.0.split_at(end);
            self.0 = rest;
            return Some(word.to_owned());
        };
        let mut out = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.0 = &quoted[at + 1..];
                    return Some(out);
                }
                '\\' => out.extend(chars.next().map(|(_, char)| match char {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                })),
                other => out.push(other),
            }
        }
        self.0 = "";
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names_and_passwords() {
        let told = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        let netrc = Netrc::parse(
            "machine a.test login u password p\n# machine b.test login no password no\n\
             machine b.test\n  login \"v w\"\n  password \"x\\\"y\"\n\
             macdef init\nmachine c.test login no\n\nmachine b.test login z password q\n\
             default login d password e\n",
        );
        assert_eq!(netrc.find("A.test", None), told("u", "p"));
        assert_eq!(netrc.find("b.test", None), told("v w", "x\"y"));
        assert_eq!(netrc.find("b.test", Some("z")), told("z", "q"));
        assert_eq!(netrc.find("c.test", None), told("d", "e"));
        assert_eq!(netrc.find("a.test", Some("nobody")), None);
        assert_eq!(Netrc::parse("machine a.test").find("b.test", None), None);
    }
}
