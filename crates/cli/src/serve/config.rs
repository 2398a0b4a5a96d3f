//! `--config FILE`: the options of a server in a file. Each key is an option without its dashes, so that what
//! `--help` says of an option is said of the key.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Args as _, Command, FromArgMatches as _};
use roundtrip_story::nearest;
use toml::de::{DeTable, DeValue};

use crate::args::Serve;

/// The key of the folder, which is no option.
const FOLDER: &str = "dir";
/// Options that make no sense in a file.
const NOT_HERE: [&str; 3] = ["config", "help", "version"];

/// Reads a file.
///
/// # Errors
/// What is wrong with it, with the line.
pub(super) fn read(path: &Path) -> anyhow::Result<Serve> {
    let named = || format!("--config {}", path.display());
    let text = std::fs::read_to_string(path).with_context(named)?;
    parse(&text).with_context(named)
}

fn parse(text: &str) -> anyhow::Result<Serve> {
    let line = |at: usize| 1 + text.get(..at).unwrap_or(text).matches('\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        anyhow!("line {}: {}", line(at), error.message())
    })?;
    let mut command = Serve::augment_args(Command::new("serve").no_binary_name(true));
    command.build();
    let mut pairs: Vec<_> = table.get_ref().iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    let (mut arguments, mut lines) = (Vec::new(), Vec::new());
    for (key, value) in pairs {
        let (name, at) = (key.get_ref().as_ref(), line(key.span().start));
        let wrong = |why: String| anyhow!("line {at}: {name}: {why}");
        let words = words(&command, name, value.get_ref()).map_err(wrong)?;
        arguments.extend(words);
        lines.push((name.to_owned(), at));
    }
    let matches = command.try_get_matches_from(arguments);
    let read = matches.and_then(|matches| Serve::from_arg_matches(&matches));
    read.map_err(|error| told(&error, &lines))
}

/// An error of the whole, with the line of the key that it names.
fn told(error: &clap::Error, lines: &[(String, usize)]) -> anyhow::Error {
    let named = error.context().find_map(|(kind, value)| match (kind, value) {
        (ContextKind::InvalidArg, ContextValue::String(named)) => Some(named.as_str()),
        _ => None,
    });
    let is_of = |name: &str, named: &str| {
        let own = if name == FOLDER { "[DIR]".to_owned() } else { format!("--{name}") };
        named.split(' ').next() == Some(own.as_str())
    };
    let line = named.and_then(|named| lines.iter().find(|(name, _)| is_of(name, named)));
    let text = error.to_string();
    // What follows the first blank line is how the command is used.
    let said: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let said = said.join(" ");
    let said = said.trim_start_matches("error: ");
    match line {
        Some((_, line)) => anyhow!("line {line}: {said}"),
        None => anyhow!("{said}"),
    }
}

/// What would be written on the command line.
fn words(command: &Command, name: &str, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    if name == FOLDER {
        return Ok(vec![scalar(value)?]);
    }
    let known = |arg: &&Arg| arg.get_long().is_some_and(|long| !NOT_HERE.contains(&long));
    let options: Vec<&Arg> = command.get_arguments().filter(known).collect();
    let Some(option) = options.iter().find(|option| option.get_long() == Some(name)) else {
        let names = options.iter().filter_map(|option| option.get_long()).chain([FOLDER]);
        let near = nearest(name, names.clone());
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let mut all: Vec<&str> = names.collect();
        all.sort_unstable();
        return Err(format!("there is no such key{near} There are: {}", all.join(", ")));
    };
    let written = |value: &DeValue<'_>| scalar(value).map(|scalar| format!("--{name}={scalar}"));
    match (option.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(true)) => Ok(vec![format!("--{name}")]),
        (ArgAction::SetTrue, DeValue::Boolean(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, _) => Err("wanted true or false".into()),
        (ArgAction::Append, DeValue::Array(list)) => {
            list.iter().map(|one| written(one.get_ref())).collect()
        }
        (_, value) => Ok(vec![written(value)?]),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        DeValue::Boolean(_) => Err("wanted a text or a number, not true or false".into()),
        DeValue::Array(_) => Err("wanted one value, not a list".into()),
        _ => Err("wanted a text or a number".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_options() {
        let read = parse(
            "dir = \"site\"\nlisten = [\"127.0.0.1:0\", \"unix:web.sock\"]\nworkers = 2\nprecompressed = true\n\
             list = false\nkeepalive-timeout = 2.5\nhost = \"a.test=a\"\nlog-format = \"json\"\n",
        )
        .unwrap();
        assert_eq!(read.dir, Path::new("site"));
        assert_eq!(read.listen.len(), 2);
        assert_eq!(read.workers.map(core::num::NonZeroUsize::get), Some(2));
        assert!(read.precompressed && !read.list);
        assert!((read.keepalive_timeout - 2.5).abs() < f64::EPSILON);
        assert_eq!(read.host, ["a.test=a"]);
        assert_eq!(parse("").unwrap().dir, Path::new("."));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, why) in [
            ("\n\nlissten = \"[::]:80\"\n", "line 3", "did you mean listen?"),
            ("workers = 1\nnosuch = 1\n", "line 2", "There are: "),
            ("workers = 1\nlist = \"yes\"\n", "line 2", "true or false"),
            ("workers = 1\nlisten = \"nowhere\"\n", "line 2", "wanted ADDR:PORT"),
            ("workers = 1\nlisten = [true]\n", "line 2", "wanted a text"),
            ("workers = [1, 2]\n", "line 1", "not a list"),
            ("config = \"other\"\n", "line 1", "no such key"),
            ("[listen]\nat = 1\n", "line 1", "wanted a text"),
            ("workers = 0\n", "line 1", "0"),
            ("a = \n", "line 1", ""),
            ("workers = 1\nworkers = 2\n", "line 2", ""),
        ] {
            let error = parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(line) && error.contains(why), "{text}: {error}");
        }
        let error = parse("cert = \"a.pem\"\n").map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("--key"), "{error}");
    }
}
