//! Standard output and standard error: how a view may look there, and printing.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::sync::OnceLock;

use roundtrip_report::{Charset, Colour, Detail, Language, Options};

use crate::args;

/// An error with its causes, each printed once: the text of many library errors already ends with
/// that of their cause.
pub(crate) fn whole(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |said, cause| {
        if said.ends_with(&cause) { said } else { format!("{said}: {cause}") }
    })
}

/// The language of what is shown, decided once.
static LANGUAGE: OnceLock<Language> = OnceLock::new();

/// Decides on the language: by `--lang`, or by the environment.
pub(crate) fn speak(wish: Option<args::Speech>) {
    let language = match wish {
        Some(args::Speech::En) => Language::English,
        Some(args::Speech::Zh) => Language::Chinese,
        None => of_environment(),
    };
    // It is decided when the program starts, and never again.
    let _ = LANGUAGE.set(language);
}

/// The language of what is shown.
pub(crate) fn language() -> Language {
    LANGUAGE.get().copied().unwrap_or_default()
}

/// The locale of a category.
fn locale(category: &str) -> Option<String> {
    ["LC_ALL", category, "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

/// What the locale says (POSIX.1-2024, 8.2). On a terminal that has ASCII alone it is English.
fn of_environment() -> Language {
    let named = locale("LC_MESSAGES").and_then(|name| Language::named(&name)).unwrap_or_default();
    if charset() == Charset::Ascii { Language::English } else { named }
}

/// The options of a view on standard output.
pub(crate) fn options(wish: args::Colour) -> Options {
    let columns = rustix::termios::tcgetwinsize(stdout()).map(|size| usize::from(size.ws_col));
    Options {
        width: columns.ok().filter(|columns| *columns > 0).unwrap_or(Options::USUAL),
        colour: colour(wish),
        charset: charset(),
        ..Options::default()
    }
}

/// How much is told with `-v` and with `-q`.
pub(crate) const fn detail(verbose: bool, quiet: bool) -> Detail {
    match (verbose, quiet) {
        (true, _) => Detail::Verbose,
        (false, true) => Detail::Answer,
        (false, false) => Detail::Normal,
    }
}

/// Decides on colour: by `--color`, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether standard
/// output is a terminal.
fn colour(wish: args::Colour) -> Colour {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let on = match wish {
        args::Colour::Always => true,
        args::Colour::Never => false,
        args::Colour::Auto if set("NO_COLOR") => false,
        args::Colour::Auto => {
            std::env::var("CLICOLOR_FORCE").is_ok_and(|value| !value.is_empty() && value != "0")
                || (stdout().is_terminal()
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb"))
        }
    };
    if on { Colour::Ansi } else { Colour::Never }
}

/// The characters to use: ASCII on a terminal whose locale is known and is not UTF-8; otherwise
/// Unicode, also for files and pipes.
fn charset() -> Charset {
    match locale("LC_CTYPE") {
        Some(locale) if stdout().is_terminal() => {
            let locale = locale.to_ascii_lowercase();
            if locale.contains("utf-8") || locale.contains("utf8") {
                Charset::Unicode
            } else {
                Charset::Ascii
            }
        }
        _ => Charset::Unicode,
    }
}

/// Prints on standard output.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Prints bytes on standard output.
pub(crate) fn print_bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Whether somebody sees how far a command has come: standard error is a terminal, and the command is not to be
/// quiet.
pub(crate) fn is_watched(quiet: bool) -> bool {
    !quiet && stderr().is_terminal()
}

/// Prints a message about progress, if somebody sees it.
pub(crate) fn progress(quiet: bool, text: &str) {
    if is_watched(quiet) {
        eprintln!("{text}");
    }
}

/// The text in one line of standard error: what does not fit is left out, so that the line can be
/// drawn over.
pub(crate) fn one_line(text: &str) -> String {
    // A terminal without a size, as `script` makes, says 0.
    let columns = rustix::termios::tcgetwinsize(stderr()).map(|size| usize::from(size.ws_col));
    let columns = columns.ok().filter(|columns| *columns > 0).unwrap_or(80);
    text.chars().filter(|letter| !letter.is_control()).take(columns.max(20) - 1).collect()
}

/// Prints a note on standard error.
pub(crate) fn note(text: &str) {
    eprintln!("roundtrip: {text}");
}

#[cfg(test)]
mod tests {
    use roundtrip_record::FolderError;

    use super::whole;

    #[test]
    fn a_cause_is_said_once() {
        let source = || std::io::Error::other("no room");
        let folder = FolderError::Io { path: "/runs".into(), source: source() };
        assert_eq!(whole(&folder.into()), "/runs: no room");
        let named = anyhow::Error::from(source()).context("the site");
        assert_eq!(whole(&named), "the site: no room");
    }
}
