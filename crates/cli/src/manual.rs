//! Manual pages, made from the same text as `--help` and from what holds for several commands
//! ([`sections`]).

mod sections;

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::Outcome;
use crate::args::Cli;
use sections::Entry;

/// Writes a manual page for `roundtrip` and for each of its subcommands.
pub(crate) fn pages(folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    for page in all(&command) {
        std::fs::write(folder.join(&page.file), &page.text)?;
    }
    Ok(0)
}

/// What writes a section that is made of the command alone.
type Section = fn(&Man, &mut dyn std::io::Write) -> std::io::Result<()>;

/// One manual page.
struct Page {
    file: String,
    text: Vec<u8>,
}

/// The pages of a command and of all below it.
fn all(command: &Command) -> Vec<Page> {
    let below = command.get_subcommands().filter(|one| !one.is_hide_set());
    let mut pages: Vec<Page> = below.flat_map(all).collect();
    pages.push(page(command));
    pages
}

fn page(command: &Command) -> Page {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    // `roundtrip-visit` is a page of the commands that stand in the tables as `visit`.
    let short = name.strip_prefix("roundtrip-").unwrap_or(&name);
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone()).manual("roundtrip");
    let mut text = Vec::new();
    let parts: [Section; 5] = [
        Man::render_title,
        Man::render_name_section,
        Man::render_synopsis_section,
        Man::render_description_section,
        Man::render_options_section,
    ];
    for part in parts {
        part(&man, &mut text).expect("memory takes everything");
    }
    if command.get_subcommands().any(|one| !one.is_hide_set()) {
        man.render_subcommands_section(&mut text).expect("memory takes everything");
    }
    let mut more = Roff::new();
    let (examples, notes) = told(&after);
    listed(&mut more, "EXIT STATUS", &of(sections::EXIT_STATUS, short));
    listed(&mut more, "ENVIRONMENT", &of(sections::ENVIRONMENT, short));
    listed(&mut more, "FILES", &of(sections::FILES, short));
    verbatim(&mut more, "NOTES", &notes);
    verbatim(&mut more, "EXAMPLES", &examples);
    more.to_writer(&mut text).expect("memory takes everything");
    man.render_version_section(&mut text).expect("memory takes everything");
    Page { file: format!("{name}.1"), text }
}

/// The entries that concern a command.
fn of(entries: &'static [Entry], command: &str) -> Vec<&'static Entry> {
    let root = command.split('-').next().unwrap_or(command);
    entries.iter().filter(|entry| entry.concerns(root)).collect()
}

/// What stands at the end of a command's `--help`: its examples, and what is said after them.
fn told(after: &str) -> (String, String) {
    let (examples, notes) = after.split_once("\n\n").unwrap_or((after, ""));
    let examples = examples.strip_prefix("Examples:\n").unwrap_or(examples);
    (examples.to_owned(), notes.to_owned())
}

/// A section of names, each with what it means.
fn listed(roff: &mut Roff, title: &str, entries: &[&Entry]) {
    if entries.is_empty() {
        return;
    }
    roff.control("SH", [title]);
    for entry in entries {
        roff.control("TP", []);
        roff.text([bold(entry.name)]);
        roff.text([roman(entry.meaning)]);
    }
}

/// A section whose lines stay as they are.
fn verbatim(roff: &mut Roff, title: &str, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    roff.control("SH", [title]);
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line.strip_prefix("  ").unwrap_or(line))]);
    }
    roff.control("fi", []);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<(String, String)> {
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let text = |page: Page| (page.file, String::from_utf8(page.text).expect("text"));
        all(&command).into_iter().map(text).collect()
    }

    #[test]
    fn commands_that_visit_have_all_sections() {
        let pages = texts();
        for name in ["roundtrip.1", "roundtrip-visit.1", "roundtrip-get.1"] {
            let (_, text) = pages.iter().find(|(file, _)| file == name).expect(name);
            for section in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
                assert!(
                    text.contains(&format!(".SH \"{section}\""))
                        || text.contains(&format!(".SH {section}")),
                    "{name} has no {section}:\n{text}"
                );
            }
        }
    }

    #[test]
    fn no_section_is_called_extra() {
        for (file, text) in texts() {
            assert!(!text.contains(".SH EXTRA"), "{file}");
        }
    }

    /// A variable that the code reads and no page tells of, or the other way round, is a mistake.
    #[test]
    fn each_variable_that_the_program_reads_is_told() {
        let told: Vec<&str> =
            sections::ENVIRONMENT.iter().flat_map(|entry| entry.name.split(", ")).collect();
        let code = [
            include_str!("terminal.rs"),
            include_str!("keep.rs"),
            include_str!("proxies.rs"),
            include_str!("network.rs"),
            include_str!("../../sweep/src/shard.rs"),
        ]
        .join("\n");
        for name in &told {
            assert!(code.contains(&format!("\"{name}\"")), "{name} is told and read nowhere");
        }
        for name in ["HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SSLKEYLOGFILE", "NO_COLOR"] {
            assert!(told.contains(&name), "{name} is read and told nowhere");
        }
    }
}
