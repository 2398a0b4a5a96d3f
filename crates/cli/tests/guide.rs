//! The guide shows what the tool prints: each command in it is carried out, and must print what stands there.
//!
//! A `console` block holds command lines (`$ …`, for the shell) and what each prints. One line `…` in
//! an output stands for any number of lines. With `ROUNDTRIP_WRITE_GUIDE=1` the outputs are written
//! anew from what is printed, and the test only fails where a command does.

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::Roundtrip;

/// The folders of the guide's editions, which have the same chapters.
const EDITIONS: [&str; 2] = ["src", "zh-CN/src"];

/// A line that stands for any number of lines.
const LEFT_OUT: &str = "…";

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../doc/guide")
}

#[allow(clippy::disallowed_methods, reason = "sorted below")]
fn chapters(edition: &str) -> Vec<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "sorted below")]
    let folder = fs::read_dir(guide().join(edition)).expect("the guide is there");
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// One command of a chapter, and what the chapter says that it prints.
struct Shown {
    command: String,
    output: Vec<String>,
}

impl Shown {
    /// The command's output as it is now, shortened where the chapter shortens it.
    fn shortened(&self, printed: &[String]) -> Vec<String> {
        let Some(gap) = self.output.iter().position(|line| line == LEFT_OUT) else {
            return printed.to_vec();
        };
        let (head, tail) = (gap, self.output.len() - gap - 1);
        if printed.len() <= head + tail {
            return printed.to_vec();
        }
        let gap = [LEFT_OUT.to_owned()];
        [&printed[..head], &gap, &printed[printed.len() - tail..]].concat()
    }
}

/// A chapter's text in order: lines that are only read, and commands.
enum Part {
    Text(String),
    Shown(Shown),
}

fn parts(text: &str) -> Vec<Part> {
    let (mut parts, mut console) = (Vec::new(), false);
    for line in text.lines() {
        let fence = line.starts_with("```");
        if fence {
            console = line == "```console";
        }
        match (console, line.strip_prefix("$ "), parts.last_mut()) {
            (true, Some(command), _) => {
                parts.push(Part::Shown(Shown { command: command.to_owned(), output: Vec::new() }));
            }
            (true, None, Some(Part::Shown(shown))) if !fence => shown.output.push(line.to_owned()),
            _ => parts.push(Part::Text(line.to_owned())),
        }
    }
    parts
}

/// What a command prints in the shell, standard error after standard output.
fn print(command: &str, at: &Roundtrip) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_roundtrip")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.env("PATH", format!("{}:{path}", program.display())).current_dir(at.folder(""));
    let run = at.run_with(shell, &["-c", command]);
    let text = run.out() + &run.err();
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Carries a chapter's commands out, one after the other in one place. Gives the chapter with what
/// they print now, and what differs.
fn carry_out(text: &str) -> (String, String) {
    let place = Roundtrip::new();
    let (mut now, mut differs) = (String::new(), String::new());
    for part in parts(text) {
        match part {
            Part::Text(line) => now.push_str(&(line + "\n")),
            Part::Shown(shown) => {
                let printed = print(&shown.command, &place);
                let lines = shown.shortened(&printed);
                let _ = writeln!(now, "$ {}", shown.command);
                for line in &lines {
                    let _ = writeln!(now, "{line}");
                }
                if lines != shown.output {
                    let _ = writeln!(differs, "$ {}\n{}", shown.command, printed.join("\n"));
                }
            }
        }
    }
    (now, differs)
}

#[test]
fn each_command_prints_what_the_guide_shows() {
    let mut seen = 0;
    for file in EDITIONS.into_iter().flat_map(chapters) {
        let text = fs::read_to_string(&file).expect("a chapter");
        seen += text.matches("\n$ ").count();
        let (now, differs) = carry_out(&text);
        if std::env::var_os("ROUNDTRIP_WRITE_GUIDE").is_some() {
            fs::write(&file, now).expect("written");
        } else {
            assert!(differs.is_empty(), "{}: this is printed now:\n{differs}", file.display());
        }
    }
    assert!(seen > 20, "only {seen} commands found");
}

#[test]
fn both_editions_have_the_same_chapters_and_commands() {
    let commands = |edition: &str| -> Vec<(String, Vec<String>)> {
        let chapter = |file: PathBuf| {
            let text = fs::read_to_string(&file).expect("a chapter");
            let commands = parts(&text).into_iter().filter_map(|part| match part {
                Part::Shown(shown) => Some(shown.command),
                Part::Text(_) => None,
            });
            (file.file_name().expect("a name").to_string_lossy().into_owned(), commands.collect())
        };
        chapters(edition).into_iter().map(chapter).collect()
    };
    assert_eq!(commands(EDITIONS[0]), commands(EDITIONS[1]));
}

#[test]
fn each_link_leads_somewhere_and_each_chapter_is_in_the_summary() {
    for edition in EDITIONS {
        let summary = fs::read_to_string(guide().join(edition).join("SUMMARY.md")).expect("one");
        for file in chapters(edition) {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name}");
            let text = fs::read_to_string(&file).expect("a chapter");
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let to = link.split('#').next().unwrap_or_default();
                let there = to.starts_with("https://") || file.with_file_name(to).exists();
                assert!(there, "{}: {link} leads nowhere", file.display());
            }
        }
    }
}
