//! The command line of `get`, made plain: curl's own habits become what `clap` reads.
//!
//! An option's value is whatever stands next, `--no-…` takes an option back, an option may be shortened
//! as long as it is clear which is meant, `-K` reads options from a file, `--next` begins anew, and
//! `--expand-…` fills in variables.

use std::ffi::OsString;

use clap::FromArgMatches as _;

use super::args::Get;
use super::config;
use super::line_error::LineError;
use super::refused::REFUSED;
use super::variables::Variables;
use super::words::Words;
use crate::args::{Cli, Colour, Command, Speech};

/// Reads the program's command line where it is one of `get`; `None` where it is another command's, or
/// asks for help.
///
/// # Errors
/// What cannot be read, and why.
pub(crate) fn read(all: &[OsString]) -> Option<Result<Cli, LineError>> {
    // The first word is the program's own name, which may be this one too.
    let at = all.iter().skip(1).position(|word| word == "get")? + 1;
    // Only options of the program itself stand before a command.
    let before = &all[1..at];
    let plain = before.iter().all(|word| word.to_string_lossy().starts_with("--color"))
        || matches!(before, [color, _] if color == "--color");
    let help = |word: &OsString| word == "--help" || word == "-h";
    if !plain || all[at + 1..].iter().any(help) {
        return None;
    }
    let words = all[at + 1..].iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let command = command();
    let groups = Line::of(&command).read(words);
    Some(groups.and_then(|groups| parse(&command, &all[..=at], groups)))
}

/// What `clap` needs to know of `get`. The options of all other commands take longer to build than many
/// a request.
fn command() -> clap::Command {
    let color = clap::Arg::new("color").long("color").global(true).default_value("auto");
    // What `get` says is curl's, in English; the option is there as for every command.
    let lang = clap::Arg::new("lang").long("lang").global(true);
    clap::Command::new("roundtrip")
        .arg(color.value_parser(clap::value_parser!(Colour)))
        .arg(lang.value_parser(clap::value_parser!(Speech)))
        .subcommand(<Get as clap::Args>::augment_args(clap::Command::new("get")))
}

/// Hands each group of options to `clap`.
fn parse(
    command: &clap::Command,
    before: &[OsString],
    groups: Vec<Group>,
) -> Result<Cli, LineError> {
    let mut first: Option<Cli> = None;
    for group in groups {
        let all = before.iter().cloned().chain(group.plain().into_iter().map(OsString::from));
        // A fault in a value is told by clap itself, with the option's text, and ends the program.
        let matches = command.clone().get_matches_from(all);
        let mut cli =
            Cli::from_arg_matches(&matches).map_err(|error| LineError::of(error.to_string()))?;
        let Command::Get(get) = &mut cli.command else { continue };
        let options = group.options.into_iter();
        get.words = Words(options.map(|(name, value)| (name, value.unwrap_or_default())).collect());
        match &mut first {
            None => first = Some(cli),
            Some(Cli { command: Command::Get(head), .. }) => {
                if let Command::Get(get) = cli.command {
                    head.after.push(*get);
                }
            }
            Some(_) => {}
        }
    }
    first.ok_or_else(|| LineError::of("no URL was given".into()))
}

/// The options and URLs between two `--next`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    /// Names, and the values of those that have one.
    options: Vec<(String, Option<String>)>,
    urls: Vec<String>,
}

impl Group {
    /// Words that cannot be read in two ways.
    fn plain(&self) -> Vec<String> {
        let option = |(name, value): &(String, Option<String>)| match value {
            Some(value) => format!("--{name}={value}"),
            None => format!("--{name}"),
        };
        let mut all: Vec<String> = self.options.iter().map(option).collect();
        all.push("--".into());
        all.extend(self.urls.iter().cloned());
        all
    }

    fn add(&mut self, name: &str, value: Option<String>) {
        self.options.push((name.to_owned(), value));
    }

    /// Takes an option back.
    fn remove(&mut self, name: &str) {
        self.options.retain(|(known, _)| known != name);
    }

    fn has_url(&self) -> bool {
        !self.urls.is_empty() || self.options.iter().any(|(name, _)| name == "url")
    }
}

/// What is known of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    name: String,
    aliases: Vec<String>,
    short: Option<char>,
    valued: bool,
}

/// The reader of a command line.
pub(super) struct Line {
    known: Vec<Known>,
    groups: Vec<Group>,
    variables: Variables,
    /// Files of `-K` that are being read.
    depth: usize,
}

/// A file of `-K` within a file, so deep at most.
const DEEPEST: usize = 16;

impl Line {
    /// A reader that knows the options of `get`.
    fn of(command: &clap::Command) -> Self {
        let options = command.get_subcommands().flat_map(clap::Command::get_arguments);
        let known = options.filter_map(|option| {
            Some(Known {
                name: option.get_long()?.to_owned(),
                aliases: option
                    .get_all_aliases()
                    .unwrap_or_default()
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                short: option.get_short(),
                valued: option.get_action().takes_values()
                    && option.get_num_args().is_none_or(|count| count.max_values() > 0),
            })
        });
        // An option of the whole program.
        let colour = Known { name: "color".into(), aliases: Vec::new(), short: None, valued: true };
        Self {
            known: known.chain([colour]).collect(),
            groups: vec![Group::default()],
            variables: Variables::default(),
            depth: 0,
        }
    }
}

/// An option as it stands on the line.
enum Found {
    Plain(usize),
    /// `--no-…`
    Back(usize),
    /// `--expand-…`
    Expand(usize),
    /// `--no-…` of what is refused: it is off anyway.
    Off,
}

impl Line {
    /// Reads all words.
    fn read(mut self, words: Vec<String>) -> Result<Vec<Group>, LineError> {
        let mut words = words.into_iter();
        let mut only_urls = false;
        while let Some(word) = words.next() {
            match word.strip_prefix('-') {
                _ if only_urls => self.url(word),
                Some("-") => only_urls = true,
                None | Some("") => self.url(word),
                Some(rest) => match rest.strip_prefix('-') {
                    Some(long) => self.long(long, &mut words)?,
                    None => self.short(rest, &mut words)?,
                },
            }
        }
        // The session's first group may stand alone without a URL: clap says so.
        Ok(self.groups)
    }

    fn group(&mut self) -> &mut Group {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        let last = self.groups.len() - 1;
        &mut self.groups[last]
    }

    /// Takes a URL.
    pub(super) fn url(&mut self, url: String) {
        self.group().urls.push(url);
    }

    /// Takes `--NAME`, whose value stands next, or behind `=` as in other programs.
    pub(super) fn long(
        &mut self,
        text: &str,
        next: &mut dyn Iterator<Item = String>,
    ) -> Result<(), LineError> {
        let (name, within) = match text.split_once('=') {
            Some((name, value)) if self.find(text).is_err() => (name, Some(value.to_owned())),
            _ => (text, None),
        };
        match self.find(name)? {
            Found::Off => Ok(()),
            Found::Back(at) => {
                let name = self.known[at].name.clone();
                self.group().remove(&name);
                Ok(())
            }
            Found::Plain(at) => {
                let value = self.value(at, within, next)?;
                self.take(at, value)
            }
            Found::Expand(at) => {
                let value = self.value(at, within, next)?;
                let value = value.map(|value| self.variables.expand(&value)).transpose()?;
                self.take(at, value)
            }
        }
    }

    /// Takes `-abc`: options of one letter, the last of which may have a value, here or next.
    fn short(
        &mut self,
        text: &str,
        next: &mut dyn Iterator<Item = String>,
    ) -> Result<(), LineError> {
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            if let Some(refused) = REFUSED.iter().find(|refused| refused.short == Some(letter)) {
                return Err(LineError::of(refused.words()));
            }
            let at = self.known.iter().position(|known| known.short == Some(letter));
            let at =
                at.ok_or_else(|| LineError::of(format!("-{letter} is no option of curl's")))?;
            let within = (self.known[at].valued && !rest.is_empty())
                .then(|| core::mem::take(&mut rest).to_owned());
            let value = self.value(at, within, next)?;
            self.take(at, value)?;
        }
        Ok(())
    }

    /// The value of an option that has one.
    fn value(
        &self,
        at: usize,
        within: Option<String>,
        next: &mut dyn Iterator<Item = String>,
    ) -> Result<Option<String>, LineError> {
        let known = &self.known[at];
        match within {
            Some(_) if !known.valued => {
                Err(LineError::of(format!("--{}: this option has no value", known.name)))
            }
            None if known.valued => next
                .next()
                .map(Some)
                .ok_or_else(|| LineError::of(format!("--{}: its value is missing", known.name))),
            within => Ok(within),
        }
    }

    /// Takes an option with its value.
    fn take(&mut self, at: usize, value: Option<String>) -> Result<(), LineError> {
        let name = self.known[at].name.clone();
        match (name.as_str(), &value) {
            ("next", _) if self.group().has_url() => self.groups.push(Group::default()),
            // As in curl: where no URL stands before it, nothing ends.
            ("next", _) => {}
            ("config", Some(path)) => {
                if self.depth == DEEPEST {
                    return Err(LineError::of(format!(
                        "-K {path}: more than {DEEPEST} files within files"
                    )));
                }
                self.depth += 1;
                let read = config::read(path, &mut |name, value| self.of_file(name, value));
                self.depth -= 1;
                read?;
            }
            ("variable", Some(text)) => self.variables.set(text)?,
            _ => self.group().add(&name, value),
        }
        Ok(())
    }

    /// Finds an option by its long name, or by a beginning of it that no other has.
    fn find(&self, name: &str) -> Result<Found, LineError> {
        let named = |wanted: &str| {
            let own =
                |known: &Known| known.name == wanted || known.aliases.iter().any(|a| a == wanted);
            self.known.iter().position(own)
        };
        if let Some(at) = named(name) {
            return Ok(Found::Plain(at));
        }
        // `--no-buffer` is an option here, `--buffer` in curl: each takes the other back.
        let opposite = name.strip_prefix("no-").map_or_else(|| format!("no-{name}"), str::to_owned);
        if let Some(at) = named(&opposite).filter(|at| !self.known[*at].valued) {
            return Ok(Found::Back(at));
        }
        if let Some(at) = name.strip_prefix("expand-").and_then(named) {
            return Ok(Found::Expand(at));
        }
        let refused = |name: &str| REFUSED.iter().find(|refused| refused.name == name);
        if let Some(refused) = refused(name) {
            return Err(LineError::of(refused.words()));
        }
        if name.strip_prefix("no-").is_some_and(|name| refused(name).is_some()) {
            return Ok(Found::Off);
        }
        let begins = |known: &&str| !name.is_empty() && known.starts_with(name);
        let others = REFUSED.iter().map(|refused| refused.name).filter(begins);
        let ours = self.known.iter().map(|known| known.name.as_str()).filter(begins);
        let found: Vec<&str> = ours.chain(others).collect();
        match found[..] {
            [] => {
                Err(LineError::of(format!("--{name}: curl has no such option, nor has roundtrip")))
            }
            [only] => match named(only) {
                Some(at) => Ok(Found::Plain(at)),
                None => self.find(only),
            },
            [..] => Err(LineError::of(format!(
                "--{name} may be any of --{}; write it out",
                found.join(", --")
            ))),
        }
    }

    /// Takes an option of a file of `-K`: its name without dashes, or with them, and its value.
    fn of_file(&mut self, name: &str, value: Option<String>) -> Result<(), LineError> {
        let mut next = value.into_iter();
        match name.strip_prefix("--") {
            Some(long) => self.long(long, &mut next)?,
            None => match name.strip_prefix('-') {
                Some(short) => self.short(short, &mut next)?,
                None => self.long(name, &mut next)?,
            },
        }
        match next.next() {
            Some(more) if !more.is_empty() => Err(LineError::of(format!(
                "{name}: this option has no value, and {more} stands there"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(words: &[&str]) -> Result<Vec<Vec<String>>, String> {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let groups = Line::of(&command()).read(words).map_err(|error| error.text)?;
        Ok(groups.iter().map(Group::plain).collect())
    }

    #[test]
    fn the_program_may_have_any_name() {
        for (words, expected) in [
            (&["get", "get", "a"][..], Some(vec!["a".to_owned()])),
            (&["get", "visit", "a"], None),
            (&["get"], None),
            (&[], None),
        ] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let urls = read(&words).map(|read| match read.map(|cli| cli.command) {
                Ok(Command::Get(get)) => get.urls().map(str::to_owned).collect(),
                _ => Vec::new(),
            });
            assert_eq!(urls, expected, "{words:?}");
        }
    }

    #[test]
    fn a_line_is_read_as_curl_does() {
        for (words, expected) in [
            (&["-sSo", "-x", "a"][..], &["--silent", "--show-error", "--output=-x", "--", "a"][..]),
            (&["-d-x", "--data-raw", "--y", "a"], &["--data=-x", "--data-raw=--y", "--", "a"]),
            (&["-v", "--no-verbose", "a"], &["--", "a"]),
            (&["--no-buffer", "--buffer", "a"], &["--", "a"]),
            (&["--max-t", "3", "a", "--", "-b"], &["--max-time=3", "--", "a", "-b"]),
            (&["a", "-L", "b"], &["--location", "--", "a", "b"]),
            (&["--no-mptcp", "--no-negotiate", "a"], &["--", "a"]),
        ] {
            assert_eq!(
                plain(words).as_deref(),
                Ok(&[expected.to_vec().iter().map(|word| (*word).to_owned()).collect()][..]),
                "{words:?}"
            );
        }
    }

    #[test]
    fn next_begins_anew() {
        let groups = plain(&["-d", "1", "a", "--next", "-L", "b", "-:", "c"]);
        let groups = groups.expect("three groups");
        assert_eq!(groups.concat().join(" "), "--data=1 -- a --location -- b -- c");
        assert_eq!(plain(&["--next", "a"]).map(|groups| groups.len()), Ok(1));
    }

    #[test]
    fn what_is_missing_is_refused_by_name() {
        for (words, said) in [
            (&["--krb", "a"][..], "--krb"),
            (&["--ntlm", "a"], "--ntlm"),
            (&["--capath", "/x", "a"], "--cacert"),
            (&["--no-alpn", "a"], "--http1.1"),
            (&["-V"], "roundtrip --version"),
            (&["--nonsense", "a"], "--nonsense"),
            (&["--max", "1", "a"], "--max-time"),
            (&["a", "-o"], "--output"),
        ] {
            let told = plain(words).expect_err("refused");
            assert!(told.contains(said), "{told}");
        }
    }
}
