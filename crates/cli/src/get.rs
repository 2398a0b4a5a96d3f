//! The command `roundtrip get`.

pub(crate) mod args;
mod books;
mod condition;
mod config;
mod content;
mod destination;
mod disposition;
mod early;
mod ends;
mod explain;
mod form;
mod glob;
mod header;
mod inputs;
mod job;
pub(crate) mod line;
mod line_error;
mod output;
mod percent;
mod progress;
mod proto;
mod refused;
mod setup;
mod source;
mod target;
mod teller;
mod trace;
mod transfer;
mod variables;
mod verbose;
mod wanted;
mod way;
mod words;
mod write_out;
mod written;

use std::fs::File;

use anyhow::{Context as _, bail};
use roundtrip_http::client::ProxyError;
use roundtrip_live::CaptureWish;
use roundtrip_record::{Capture, FaultKind, Log, Recorder, Settings};
use roundtrip_report::{Model, json};
use roundtrip_visit::ground::{Ground, Scene};
use roundtrip_visit::run::{RunError, ThisMachine, Title, end};
use roundtrip_visit::trust::TrustError;

use crate::args::Format;
use crate::keep::Kept;
use crate::network::{no_authority_in_lab, this_machine};
use crate::sites::Sites;
use crate::{Outcome, terminal};
use args::Get;
use early::{Early, complain};
use inputs::Inputs;
use job::Job;

/// Runs the command.
pub(crate) fn run(arguments: &Get) -> Outcome {
    if let Some(path) = &arguments.stderr {
        errors_to(path)?;
    }
    match carry_out(arguments) {
        Err(error) => match error.downcast_ref::<Early>() {
            Some(early) => {
                complain(arguments, early.code, &early.text);
                Ok(early.code)
            }
            None if is_trust(&error) => {
                complain(arguments, BAD_CA_FILE, &terminal::whole(&error));
                Ok(BAD_CA_FILE)
            }
            None if is_identity(&error) => {
                complain(arguments, BAD_CERTIFICATE, &terminal::whole(&error));
                Ok(BAD_CERTIFICATE)
            }
            None if error.is::<ProxyError>() => {
                complain(arguments, PROXY, &error.to_string());
                Ok(PROXY)
            }
            None => Err(error),
        },
        done => done,
    }
}

/// curl's exit code for a proxy that cannot be used (`CURLE_COULDNT_RESOLVE_PROXY`).
const PROXY: u8 = 5;
/// curl's exit code for a CA file that cannot be used (`CURLE_SSL_CACERT_BADFILE`).
const BAD_CA_FILE: u8 = 77;

/// curl's exit code for a certificate of ours that cannot be used (`CURLE_SSL_CERTPROBLEM`).
const BAD_CERTIFICATE: u8 = 58;

/// What is wrong with whom to trust or what to show, be it to servers or to proxies.
fn trust_error(error: &RunError) -> Option<&TrustError> {
    match error {
        RunError::Trust(TrustError::Proxies(inner)) => Some(inner),
        RunError::Trust(error) => Some(error),
        _ => None,
    }
}

/// Whether an error is about the file of `--cacert`.
fn is_trust(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref().and_then(trust_error);
    matches!(error, Some(TrustError::Unreadable { .. } | TrustError::Empty { .. }))
}

/// Whether an error is about the file of `--cert`.
fn is_identity(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref().and_then(trust_error);
    matches!(error, Some(TrustError::Identity { .. }))
}

/// Writes what would go to standard error to a file from now on; `-` is standard output.
fn errors_to(path: &std::path::Path) -> anyhow::Result<()> {
    let told = || format!("--stderr {}", path.display());
    if path == std::path::Path::new("-") {
        return rustix::stdio::dup2_stderr(std::io::stdout()).with_context(told);
    }
    let file = File::create(path).with_context(told)?;
    rustix::stdio::dup2_stderr(file).with_context(told)
}

fn carry_out(arguments: &Get) -> Outcome {
    let groups = groups(arguments);
    one_for_all(arguments)?;
    let ground = arguments.network.ground()?;
    let mut inputs = Vec::new();
    for group in &groups {
        if group.fail && group.fail_with_body {
            bail!("-f leaves the body out and --fail-with-body writes it: only one can be had")
        }
        inputs.push((*group, Inputs::read(group, &ground)?));
        if let Ground::Lab(_) = ground {
            no_authority_in_lab(group.cacert.as_deref())?;
        }
    }
    let sites = Sites::read(&arguments.network)?;
    let kept = arguments.out.as_deref().map(Kept::named);
    let log = log(&groups, kept.as_ref())?;
    let subject: Vec<&str> = groups.iter().flat_map(|group| group.urls()).collect();
    let title = Title { command: "get".into(), subject: subject.join(" "), replay_of: None };
    let machine = ThisMachine {
        shown: setup::shown(arguments)?,
        pinned: setup::pinned(arguments)?,
        proxies: setup::toward_proxies(arguments, inputs.iter().map(|(_, own)| &own.proxies))?,
        way: way::way(&arguments.connection, &ground)?,
        ..this_machine(arguments.cacert.as_deref(), arguments.insecure)
    };
    let capture = if kept.is_some() { CaptureWish::IfPermitted } else { CaptureWish::No };
    let sites = || sites.make();
    let scene = Scene::new(&machine, capture, &sites);
    let job = Job { groups: &inputs, kept: kept.is_some() };
    let carried = ground.carry_out(&title, &log, &scene, job)?;
    let exit = carried.done?;
    end(&log, carried.at, exit, exit == FaultKind::Interrupted.exit_code())?;
    if let Some(kept) = kept {
        kept.views()?;
    }
    if arguments.format == Format::Json {
        terminal::print(&format!("{:#}", json(&Model::new(log.events()))))?;
    }
    Ok(exit)
}

/// The options before the first `--next`, and those after each.
fn groups(arguments: &Get) -> Vec<&Get> {
    core::iter::once(arguments).chain(&arguments.after).collect()
}

/// Options that are for the whole command, though `--next` begins anew: there is one network, one record
/// and one trust.
const FOR_ALL: [&str; 35] = [
    "wire",
    "net",
    "site",
    "seed",
    "date",
    "dns",
    "walk",
    "fresh",
    "format",
    "out",
    "keep-secrets",
    "cert",
    "key",
    "tlsv1.3",
    "tls-max",
    "stderr",
    "interface",
    "local-port",
    "unix-socket",
    "abstract-unix-socket",
    "ciphers",
    "tls13-ciphers",
    "curves",
    "pinnedpubkey",
    "proxy-cacert",
    "proxy-insecure",
    "proxy-cert",
    "proxy-key",
    "proxy-ciphers",
    "proxy-tls13-ciphers",
    "proxy-pinnedpubkey",
    "proxy-tlsv1",
    "trace",
    "trace-ascii",
    "trace-time",
];

/// Refuses options of the whole command behind `--next`, and trust that changes there.
fn one_for_all(arguments: &Get) -> anyhow::Result<()> {
    for group in &arguments.after {
        if let Some((option, _)) = group.words.of(&FOR_ALL).next() {
            bail!("--{option} is for the whole command: it stands before the first --next")
        }
        if group.insecure != arguments.insecure || group.cacert != arguments.cacert {
            bail!(
                "--insecure and --cacert are the same before and after --next; make two commands of it"
            )
        }
    }
    Ok(())
}

/// The log of the command; it records nothing unless an option needs a record.
fn log(groups: &[&Get], kept: Option<&Kept>) -> anyhow::Result<Log> {
    let any = |wanted: fn(&Get) -> bool| groups.iter().any(|group| wanted(group));
    let verbose = any(|group| group.verbose) || trace::is_wanted(&groups[0].trace);
    let told = verbose || any(|group| group.write_out.is_some() || group.format == Format::Json);
    let keep_secrets = any(|group| group.keep_secrets);
    let redact: Vec<String> = groups.iter().flat_map(|group| group.redact.clone()).collect();
    let settings = match kept {
        Some(kept) => {
            Settings { memory: told, keep_secrets, redact, ..Settings::in_folder(&kept.path) }
        }
        None if told => Settings {
            capture: Capture::Nothing,
            frame_events: false,
            // With `-v`, credentials are shown to the user who gave them, and kept nowhere.
            keep_secrets: verbose || keep_secrets,
            redact,
            ..Settings::in_memory()
        },
        None => return Ok(Log::off()),
    };
    Ok(Log::new(Recorder::new(settings)?))
}
