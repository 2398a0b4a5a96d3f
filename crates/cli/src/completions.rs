//! Completions for shells. Besides commands and options they know the profiles of `--net` and, where the
//! shell can ask for them at that moment, the saved runs.

use std::collections::BTreeSet;
use std::io::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use roundtrip_lab::Profile;

use crate::args::Cli;
use crate::{Outcome, terminal};

/// What stands in a generated script where the saved runs belong.
const RUNS: &str = "__saved_runs__";

/// What a shell runs to learn the ids and names of the saved runs, one a line.
const ASK: &str = "roundtrip show --ids 2>/dev/null";

/// The arguments that can be a saved run, by command.
const TAKE_RUNS: [(&str, &str); 5] =
    [("visit", "subject"), ("advise", "subject"), ("show", "run"), ("diff", "a"), ("diff", "b")];

/// The commands that have `--net` with the names of the lab's networks.
const TAKE_NET: [&str; 6] = ["visit", "advise", "get", "resolve", "transfer", "proxy"];

/// Prints completions for a shell.
pub(crate) fn run(shell: Shell) -> Outcome {
    terminal::print_bytes(&script(shell)?)?;
    Ok(0)
}

fn script(shell: Shell) -> anyhow::Result<Vec<u8>> {
    let mut script = Vec::new();
    let mut command = with_profiles(Cli::command());
    if asked(shell).is_some() {
        command = with_runs(command);
    }
    clap_complete::generate(shell, &mut command, "roundtrip", &mut script);
    if shell == Shell::Fish {
        // Scripts for fish leave values of arguments without a name out.
        let commands: BTreeSet<&str> = TAKE_RUNS.iter().map(|(name, _)| *name).collect();
        for name in commands {
            writeln!(
                script,
                "complete -c roundtrip -n \"__fish_roundtrip_using_subcommand {name}\" -a \"({ASK})\""
            )?;
        }
    }
    let Some((placeholder, asked)) = asked(shell) else { return Ok(script) };
    Ok(String::from_utf8(script)?.replace(&placeholder, &asked).into_bytes())
}

/// How the place of the saved runs is written in a generated script, and what asks for them instead; `None`
/// for shells whose scripts have no such place.
fn asked(shell: Shell) -> Option<(String, String)> {
    match shell {
        // Inside a string that the shell expands.
        Shell::Bash => Some((RUNS.into(), format!("$({ASK})"))),
        // In `_arguments`, `{…}` is carried out (zshcompsys(1)); a folder or file will do as well.
        Shell::Zsh => {
            Some((format!("({RUNS})"), format!("{{_files; compadd -- ${{(f)\"$({ASK})\"}}}}")))
        }
        _ => None,
    }
}

/// The command whose `--net` says that the profiles are what it takes. Only completions are made from it: on
/// the command line a network can be more than a profile.
fn with_profiles(command: Command) -> Command {
    TAKE_NET.into_iter().fold(command, |command, name| {
        change(command, name, "net", |net| {
            net.value_parser(PossibleValuesParser::new(Profile::ALL.map(Profile::name)))
        })
    })
}

/// The command whose arguments that can be a saved run say so.
fn with_runs(command: Command) -> Command {
    TAKE_RUNS.into_iter().fold(command, |command, (name, argument)| {
        change(command, name, argument, |run| run.value_parser(PossibleValuesParser::new([RUNS])))
    })
}

/// Changes an argument of a subcommand, where this build has both.
fn change(
    command: Command,
    name: &'static str,
    argument: &'static str,
    how: impl FnOnce(clap::Arg) -> clap::Arg,
) -> Command {
    let has = command
        .find_subcommand(name)
        .is_some_and(|sub| sub.get_arguments().any(|one| one.get_id() == argument));
    if !has {
        return command;
    }
    command.mut_subcommand(name, |sub| sub.mut_arg(argument, how))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(shell: Shell) -> String {
        String::from_utf8(script(shell).expect("a script")).expect("text")
    }

    #[test]
    fn each_shell_knows_the_profiles() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            clap_complete::generate(
                shell,
                &mut with_profiles(Cli::command()),
                "roundtrip",
                &mut Vec::new(),
            );
        }
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            for profile in Profile::ALL {
                assert!(text(shell).contains(profile.name()), "{shell}: {}", profile.name());
            }
        }
    }

    #[test]
    fn shells_that_can_ask_for_the_saved_runs_do() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = text(shell);
            assert!(text.contains(ASK), "{shell} does not ask");
            assert!(!text.contains(RUNS), "{shell}: a place of runs is left");
        }
    }

    #[test]
    fn no_argument_that_is_named_here_is_missing() {
        let command = Cli::command();
        for (name, argument) in
            TAKE_RUNS.into_iter().chain(TAKE_NET.into_iter().map(|name| (name, "net")))
        {
            let Some(sub) = command.find_subcommand(name) else {
                assert!(cfg!(not(feature = "page")) && name == "advise", "no command {name}");
                continue;
            };
            assert!(
                sub.get_arguments().any(|one| one.get_id() == argument),
                "{name} has no {argument}"
            );
        }
    }
}
