//! The `roundtrip` command: arguments in, exit code out.
#![forbid(unsafe_code)]

#[cfg(feature = "page")]
mod advise;
#[allow(clippy::doc_markdown, reason = "these are the texts of --help")]
mod args;
mod browser;
#[allow(clippy::doc_markdown, reason = "among these are texts of --help")]
mod budget;
mod calendar;
mod completions;
mod credentials;
#[allow(clippy::doc_markdown, reason = "among these are texts of --help")]
mod diff;
mod drill;
#[allow(clippy::doc_markdown, reason = "among these are texts of --help")]
#[allow(clippy::struct_field_names, reason = "fields are named as curl names its options")]
mod get;
mod import;
mod jar;
mod keep;
mod licenses;
mod limits;
mod load;
mod manual;
mod network;
#[allow(clippy::doc_markdown, reason = "these are the texts of --help")]
mod options;
mod outcome;
#[cfg(feature = "page")]
mod painter;
mod progress;
mod proxies;
mod proxy;
mod resolve;
mod serve;
mod show;
mod sites;
mod stop;
#[cfg(feature = "page")]
#[allow(clippy::doc_markdown, reason = "among these are texts of --help")]
mod sweep;
mod terminal;
mod threads;
mod transfer;
mod visit;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};
use outcome::Outcome;

fn main() -> ExitCode {
    #[cfg(feature = "page")]
    if painter::is_asked_for() {
        return painter::run();
    }
    let cli = match get::line::read(&std::env::args_os().collect::<Vec<_>>()) {
        None => Cli::parse(),
        Some(Ok(cli)) => cli,
        Some(Err(error)) => {
            eprintln!("roundtrip: get: {error}");
            return ExitCode::from(error.code);
        }
    };
    let colour = cli.color;
    terminal::speak(cli.lang);
    let outcome: Outcome = match &cli.command {
        Command::Visit(arguments) => visit::run(arguments, colour),
        #[cfg(feature = "page")]
        Command::Advise(arguments) => advise::run(arguments, colour),
        #[cfg(feature = "page")]
        Command::Sweep(arguments) => sweep::run(arguments, colour),
        Command::Resolve(arguments) => resolve::run(arguments, colour),
        Command::Transfer(arguments) => transfer::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Load(arguments) => load::run(arguments, colour),
        Command::Get(arguments) => get::run(arguments),
        Command::Drill(arguments) => drill::run(arguments),
        Command::Show(arguments) => show::run(arguments, colour),
        Command::Import(arguments) => import::run(arguments, colour),
        Command::Proxy(arguments) => proxy::run(arguments, colour),
        Command::Diff(arguments) => diff::run(arguments, colour),
        Command::Licenses => licenses::run(),
        Command::Completions { shell } => completions::run(*shell),
        Command::Man { folder } => manual::pages(folder),
    };
    match outcome {
        Ok(exit) => ExitCode::from(exit),
        // The reader of our output has closed it (`| head`), which is no error.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("roundtrip: {}", terminal::whole(&error));
            // curl's exit code 2, "failed early": the command could not begin its work.
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
