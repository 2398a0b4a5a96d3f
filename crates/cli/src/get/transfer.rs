//! One transfer: one URL, where its body goes, and what is told of it.

use std::cell::{OnceCell, RefCell};
use std::fs::File;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;

use anyhow::Context as _;
use futures_util::future::{Either, select};
use http::Method;
use roundtrip_http::client::Failure;
use roundtrip_record::{FaultKind, Log, Step, Time, Trace as _, What};
use roundtrip_visit::get::{Got, Session, Sink as _};
use roundtrip_wire::Wire;
use url::Url;

use super::args::Get;
use super::early::{Early, complain};
use super::ends::Ends;
use super::explain::{When, explain, fault};
use super::glob::Match;
use super::inputs::Inputs;
use super::output::{Heads, Look, Output, Target};
use super::progress::{Progress, watch};
use super::proto::permitted;
use super::target::Wishes;
use super::teller::Teller;
use super::wanted::wanted;
use super::write_out::{Steps, To, Told, fill};

/// The options between two `--next`, ready for transfers.
pub(super) struct Group<'a, W: Wire> {
    pub(super) arguments: &'a Get,
    pub(super) session: Session<W>,
    pub(super) inputs: &'a Inputs,
    /// Its session has connections of its own, not those of the group before.
    pub(super) begins: bool,
    pub(super) wishes: Wishes,
    /// The file of `-D`, which is made when the first transfer of the group begins.
    pub(super) dump: OnceCell<Rc<File>>,
    pub(super) teller: &'a RefCell<Teller>,
    pub(super) ends: &'a RefCell<Ends>,
    /// Whether the record is kept, bodies included.
    pub(super) kept: bool,
    /// Whether nothing is said of what is tried again (`-s`).
    pub(super) quiet: bool,
}

impl<W: Wire> Group<'_, W> {
    fn dump(&self) -> anyhow::Result<Option<Rc<File>>> {
        let Some(path) = &self.arguments.dump_header else { return Ok(None) };
        if let Some(file) = self.dump.get() {
            return Ok(Some(Rc::clone(file)));
        }
        let file = if path == Path::new("-") {
            std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned()?.into()
        } else {
            File::create(path).with_context(|| format!("-D {}", path.display()))?
        };
        Ok(Some(Rc::clone(self.dump.get_or_init(|| Rc::new(file)))))
    }
}

/// One transfer.
pub(super) struct Transfer<'a, W: Wire> {
    pub(super) group: &'a Group<'a, W>,
    /// The place of its URL in the group.
    pub(super) number: usize,
    pub(super) found: Match,
    /// The file that goes up.
    pub(super) upload: Option<String>,
}

impl<W: Wire> Transfer<'_, W> {
    /// Carries it out, and returns its exit code.
    pub(super) async fn run(&self, wire: &W) -> anyhow::Result<u8> {
        let Self { group, number, found, upload } = self;
        let arguments = group.arguments;
        let url = match super::setup::url(arguments, &found.text) {
            Ok(url) => url,
            Err(kind) => return Ok(self.refuse(When::now(wire), &kind)),
        };
        self.check(&url)?;
        let target = group.wishes.target(arguments, *number, found, &url)?;
        let mut wanted =
            wanted(arguments, group.inputs, upload.as_deref(), url, (&found.text, &target))?;
        let traces = group.teller.borrow().traces();
        // What goes up is traced from the record.
        wanted.keep_body = group.kept || traces && wanted.sends_something();
        let shows = |shown| if shown { Heads::Shown } else { Heads::Hidden };
        let look = Look {
            heads: shows(arguments.include || arguments.head),
            tunnels: shows(!arguments.connection.suppress_connect_headers),
            quiet: group.quiet,
        };
        let log = wire.log();
        let before = log.event_count();
        let told = arguments.verbose || traces;
        let tell = |data: Option<(&[u8], Time)>| {
            let mut teller = group.teller.borrow_mut();
            match data {
                None if told => teller.tell(&log),
                Some((bytes, at)) if traces => teller.data(at, bytes),
                _ => {}
            }
        };
        let is_file = matches!(target, Target::File { .. });
        let progress = RefCell::new(Progress::new(wire.now()));
        let shown = self.shows_progress(&target);
        let dump = group.dump()?;
        let etags = arguments.files.etag_save.clone();
        if let Some(path) = &etags {
            let made = File::options().append(true).create(true).open(path);
            made.map_err(|error| Early {
                code: READ_ERROR,
                text: format!("--etag-save {}: {error}; nothing was asked", path.display()),
            })?;
        }
        let mut output = Output::new(target, look, dump, etags, &progress, Box::new(tell));
        let mut got = {
            let getting = pin!(group.session.get(&mut wanted, &mut output));
            if shown {
                match select(getting, pin!(watch(wire.clone(), &progress))).await {
                    Either::Left((got, _)) => got?,
                    Either::Right((never, _)) => match never {},
                }
            } else {
                getting.await?
            }
        };
        progress.borrow_mut().clear();
        // An answer that says "as before" makes no file.
        if got.failure.is_none()
            && is_file
            && !got.unchanged
            && let Err(error) = output.touch()
        {
            let kind = FaultKind::WriteFailed { path: output.place(), why: error.to_string() };
            got.failure = Some(fault(wire.now(), kind));
        }
        let file = output.finish(&arguments.files, got.failure.is_some(), &got.fields);
        if told {
            group.teller.borrow_mut().tell(&log);
        }
        let words = self.failed(&got, wire, &log);
        if let Some(format) = &group.inputs.format {
            let ends = |connection| group.ends.borrow_mut().of(connection, &log);
            let steps = Steps::read(log.events_from(before), &got.exchanges(), ends);
            let words = words.as_deref().unwrap_or_default();
            let (given, number) = (&found.text, *number);
            let told = Told { got: &got, steps: &steps, file: file.as_ref(), words, number, given };
            print(&fill(format, &told))?;
        }
        Ok(got.exit_code())
    }

    /// Refuses a URL that the options do not permit.
    fn check(&self, url: &Url) -> Result<(), Early> {
        /// curl's exit code for a URL with a name in it (`CURLE_LOGIN_DENIED`).
        const LOGIN_DENIED: u8 = 67;
        let arguments = self.group.arguments;
        if !permitted(arguments.shape.proto.as_deref()).permit(url) {
            let text = format!("--proto does not permit {}: nothing was asked", url.scheme());
            return Err(Early { code: UNSUPPORTED, text });
        }
        if arguments.login.disallow_username_in_url && !url.username().is_empty() {
            let text =
                "--disallow-username-in-url: the URL has a user name; -u USER is where it goes";
            return Err(Early { code: LOGIN_DENIED, text: text.into() });
        }
        Ok(())
    }

    /// Records and tells a failure.
    fn failed(&self, got: &Got, wire: &W, log: &Log) -> Option<String> {
        let failure = got.failure.as_ref()?;
        if log.is_on() {
            log.clone().emit(wire.now(), failure.cause, || What::Fault(failure.fault(true)));
        }
        let words = explain(failure, Some(&got.url), &got.method, When::now(wire));
        complain(self.group.arguments, got.exit_code(), &words);
        Some(words)
    }

    /// Whether progress is shown; never where it would mix with a body on the terminal.
    fn shows_progress(&self, target: &Target) -> bool {
        let arguments = self.group.arguments;
        let wanted = !arguments.silent
            && !arguments.no_progress_meter
            && !arguments.verbose
            && !self.group.teller.borrow().traces()
            && !arguments.parallel;
        let apart = !matches!(target, Target::Output) || !std::io::stdout().is_terminal();
        wanted && apart && stderr().is_terminal()
    }

    /// Reports a URL that cannot be used, and returns the exit code.
    fn refuse(&self, at: When, kind: &FaultKind) -> u8 {
        let failure = Failure { step: Step::Url, ..fault(Time::ZERO, kind.clone()) };
        let words = explain(&failure, None, &Method::GET, at);
        let code = if has_other_scheme(&self.found.text) { UNSUPPORTED } else { kind.exit_code() };
        complain(self.group.arguments, code, &words);
        code
    }
}

/// curl's exit code for a file that cannot be used before anything is asked (`CURLE_READ_ERROR`).
const READ_ERROR: u8 = 26;
/// curl's exit code for a scheme that is not spoken (`CURLE_UNSUPPORTED_PROTOCOL`).
const UNSUPPORTED: u8 = 1;

/// Whether a URL names another scheme than http and https.
fn has_other_scheme(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        !known && !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn print(pieces: &[(To, String)]) -> std::io::Result<()> {
    for (to, text) in pieces {
        match to {
            To::Output => {
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes())?;
                out.flush()?;
            }
            To::Error => eprint!("{text}"),
        }
    }
    Ok(())
}
