//! All transfers of one command: one after the other, or several at one time (`-Z`).

use std::cell::{OnceCell, RefCell};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use roundtrip_fetch::{Jar, Manner};
use roundtrip_http::client::Options;
use roundtrip_record::{FaultKind, Time};
use roundtrip_visit::get::{Cookies, Session, Ways};
use roundtrip_visit::ground::{Errand, Here};
use roundtrip_visit::{Detour, Pin};
use roundtrip_wire::Wire;

use super::args::Get;
use super::books::Books;
use super::early::{Early, complain};
use super::ends::Ends;
use super::explain::{When, explain, fault};
use super::glob::{Glob, Match};
use super::inputs::Inputs;
use super::setup::{self, options};
use super::target::Wishes;
use super::teller::Teller;
use super::transfer::{Group, Transfer};
use super::verbose::Clock;
use super::{trace, way};
use crate::network::{detours, families, pins};

/// The work of one command.
pub(super) struct Job<'a> {
    /// The options before the first `--next`, and those after each, with what they name.
    pub(super) groups: &'a [(&'a Get, Inputs)],
    /// Whether the record is kept, bodies included.
    pub(super) kept: bool,
}

/// How a group reaches servers: where two do it alike, they share connections.
#[derive(PartialEq)]
struct Reach<'a> {
    options: Options,
    resolve: &'a [String],
    connect_to: &'a [String],
    families: (bool, bool),
    /// The files of `--hsts` and `--alt-svc`.
    books: (Option<&'a Path>, Option<&'a Path>),
}

impl Errand for Job<'_> {
    type Done = anyhow::Result<u8>;

    async fn run<W: Wire>(self, here: Here<W>) -> anyhow::Result<u8> {
        let wire = here.wire.clone();
        let head = self.groups[0].0;
        let clock = head.trace.trace_time.then(|| Clock { epoch: When::now(&wire).epoch });
        let teller = RefCell::new(Teller::new(trace::wanted(&head.trace, clock)?, clock));
        let ends = RefCell::default();
        let books = RefCell::default();
        let groups = self.prepare(here, &teller, &ends, &books)?;
        let exit = if head.parallel {
            all_at_once(&groups, head, &wire).await?
        } else {
            one_by_one(&groups, head, &wire).await?
        };
        for group in groups.iter().filter(|group| group.begins) {
            group.session.close().await;
        }
        for group in &groups {
            if let Some(path) = &group.arguments.cookie_jar {
                crate::jar::write(path, &group.session.cookies().borrow())?;
            }
        }
        Books::write(&books.borrow(), wire.wall())?;
        Ok(exit)
    }
}

impl<'a> Job<'a> {
    /// A session for each group.
    fn prepare<W: Wire>(
        &self,
        here: Here<W>,
        teller: &'a RefCell<Teller>,
        ends: &'a RefCell<Ends>,
        books: &RefCell<Books>,
    ) -> anyhow::Result<Vec<Group<'a, W>>> {
        let Here { wire, trust, pins: pinned, interrupt, begun } = here;
        let head = self.groups[0].0;
        let mut start = Some((trust, interrupt));
        let mut groups: Vec<Group<'a, W>> = Vec::new();
        let mut last: Option<Reach<'a>> = None;
        for (arguments, inputs) in self.groups {
            let reach = Reach {
                options: options(arguments, inputs.proxies.clone())?,
                resolve: &arguments.resolve,
                connect_to: &arguments.connect_to,
                families: (arguments.ipv4, arguments.ipv6),
                books: (arguments.files.hsts.as_deref(), arguments.files.alt_svc.as_deref()),
            };
            let mut pinned = pinned.clone();
            if way::is_unix(&head.connection) {
                // Nobody is looked up: every host is behind the socket, which has no address.
                let addresses = vec![Ipv4Addr::UNSPECIFIED.into()];
                pinned.push(Pin { host: "*".into(), port: None, addresses });
            }
            pinned.extend(pins(&arguments.resolve).map_err(|error| unreadable(&error))?);
            let mut detours = detours(&arguments.connect_to).map_err(|error| unreadable(&error))?;
            let urls = self.groups.iter().flat_map(|(arguments, _)| Get::urls(arguments));
            detours.extend(urls.filter_map(Detour::by_zone));
            let ways = Ways {
                options: reach.options.clone(),
                names: head.network.names(families(arguments.ipv4, arguments.ipv6))?,
                pins: pinned,
                detours,
                known: books.borrow_mut().of(&arguments.files)?,
            };
            let cookies =
                if setup::keeps_cookies(arguments) { Cookies::Kept } else { Cookies::Ignored };
            let begins = last.as_ref() != Some(&reach);
            let session = match (start.take(), groups.last()) {
                (Some((trust, interrupt)), _) => {
                    let jar = Jar::new().in_manner(Manner::Curl);
                    Session::new(wire.clone(), ways, (jar, cookies), trust, Some(interrupt), begun)
                }
                (None, Some(before)) if !begins => before.session.again(cookies),
                (None, Some(before)) => before.session.elsewhere(ways, cookies),
                (None, None) => continue,
            };
            setup::read_cookies(arguments, &mut session.cookies().borrow_mut(), wire.wall());
            last = Some(reach);
            groups.push(Group {
                arguments,
                session,
                inputs,
                begins,
                wishes: Wishes::read(arguments),
                dump: OnceCell::new(),
                teller,
                ends,
                kept: self.kept,
                quiet: head.silent,
            });
        }
        Ok(groups)
    }
}

/// The error of a `--resolve` or `--connect-to` that is none.
fn unreadable(error: &anyhow::Error) -> anyhow::Error {
    /// curl's exit code for it (`CURLE_SETOPT_OPTION_SYNTAX`).
    const OPTION_SYNTAX: u8 = 49;
    Early { code: OPTION_SYNTAX, text: error.to_string() }.into()
}

/// One item of the list of transfers: the transfer, or why there is none.
type Item<'a, W> = Result<Transfer<'a, W>, (&'a Get, Box<FaultKind>)>;

/// The transfers of all groups, made as they are wanted: a glob may stand for very many.
fn transfers<'a, W: Wire>(groups: &'a [Group<'a, W>]) -> impl Iterator<Item = Item<'a, W>> {
    groups.iter().flat_map(|group| {
        Get::urls(group.arguments).enumerate().flat_map(move |(number, text)| {
            let uploads = uploads(group.arguments, number);
            uploads.into_iter().flat_map(move |upload| {
                let all: Box<dyn Iterator<Item = Item<'a, W>>> =
                    match matches(group.arguments, text) {
                        Ok(all) => {
                            let upload = upload.clone();
                            Box::new(all.map(move |found| {
                                Ok(Transfer { group, number, found, upload: upload.clone() })
                            }))
                        }
                        Err(kind) => Box::new(core::iter::once(Err((group.arguments, kind)))),
                    };
                all
            })
        })
    })
}

/// What a URL stands for.
fn matches(arguments: &Get, text: &str) -> Result<Box<dyn Iterator<Item = Match>>, Box<FaultKind>> {
    if arguments.globoff {
        return Ok(Box::new(core::iter::once(Match::plain(text))));
    }
    match Glob::parse(text) {
        Ok(glob) => Ok(Box::new(glob.into_matches())),
        Err(error) => {
            Err(Box::new(FaultKind::BadUrl { url: text.to_owned(), why: error.to_string() }))
        }
    }
}

/// The files that go up to the URL with this number; one without a name where none does.
fn uploads(arguments: &Get, number: usize) -> Vec<Option<String>> {
    let Some(path) = arguments.upload_file.get(number) else { return vec![None] };
    let text = path.to_string_lossy().into_owned();
    if text.is_empty() {
        return vec![None];
    }
    match Glob::parse(&text) {
        Ok(glob) if !arguments.globoff => glob.into_matches().map(|one| Some(one.text)).collect(),
        _ => vec![Some(text)],
    }
}

/// Carries transfers out in turn. The exit code is that of the last.
async fn one_by_one<'a, W: Wire>(
    groups: &'a [Group<'a, W>],
    head: &Get,
    wire: &W,
) -> anyhow::Result<u8> {
    let mut exit = 0;
    let mut pace = Pace::of(head)?;
    for item in transfers(groups) {
        wait_until(pace.next(wire.now()), wire).await;
        exit = carry_out(item, wire).await?;
        if exit == FaultKind::Interrupted.exit_code() || exit != 0 && head.fail_early {
            break;
        }
    }
    Ok(exit)
}

/// Carries transfers out side by side. The exit code is that of the last that failed.
async fn all_at_once<'a, W: Wire>(
    groups: &'a [Group<'a, W>],
    head: &Get,
    wire: &W,
) -> anyhow::Result<u8> {
    /// As many as curl allows.
    const MOST: u16 = 300;
    let most = usize::from(head.parallel_max.clamp(1, MOST));
    let mut exit = 0;
    let mut pace = Pace::of(head)?;
    let mut waiting = transfers(groups);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < most
            && let Some(item) = waiting.next()
        {
            // Its turn is its own: those under way do not wait for it.
            let at = pace.next(wire.now());
            running.push(async move {
                wait_until(at, wire).await;
                carry_out(item, wire).await
            });
        }
        let Some(ended) = running.next().await else { return Ok(exit) };
        let code = ended?;
        if code != 0 {
            exit = code;
        }
        if code == FaultKind::Interrupted.exit_code() || code != 0 && head.fail_early {
            // What is under way is dropped, and its connections closed with it.
            return Ok(exit);
        }
    }
}

/// Carries one transfer out, and returns its exit code. What cannot begin is told, and the next has its
/// turn.
async fn carry_out<W: Wire>(item: Item<'_, W>, wire: &W) -> anyhow::Result<u8> {
    let transfer = match item {
        Ok(transfer) => transfer,
        Err((arguments, kind)) => {
            let failure = fault(Time::ZERO, FaultKind::clone(&kind));
            let failure =
                roundtrip_http::client::Failure { step: roundtrip_record::Step::Url, ..failure };
            let words = explain(&failure, None, &http::Method::GET, When::now(wire));
            complain(arguments, kind.exit_code(), &words);
            return Ok(kind.exit_code());
        }
    };
    let arguments = transfer.group.arguments;
    match transfer.run(wire).await {
        Err(error) => match error.downcast::<Early>() {
            Ok(early) => {
                complain(arguments, early.code, &early.text);
                Ok(early.code)
            }
            Err(error) => Err(error),
        },
        exit => exit,
    }
}

/// Waits until a time that may be over already: even then a timer may take a millisecond.
async fn wait_until<W: Wire>(at: Time, wire: &W) {
    if at > wire.now() {
        wire.sleep_until(at).await;
    }
}

/// How fast transfers follow one another (`--rate`); as fast as they can where nothing is said.
#[derive(Default)]
struct Pace {
    /// Between the beginnings of two.
    between: Duration,
    /// When the next may begin.
    next: Time,
}

impl Pace {
    /// Reads `N`, `N/s`, `N/m`, `N/h`, `N/d`: so many in a second, a minute, an hour, a day.
    fn of(arguments: &Get) -> anyhow::Result<Self> {
        let Some(text) = &arguments.rate else { return Ok(Self::default()) };
        let bad = || anyhow::anyhow!("--rate {text}: wanted a number, as 3/s, 30/m, 100/h or 5/d");
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(bad()),
        };
        let number: u32 = number.parse().ok().filter(|number| *number > 0).ok_or_else(bad)?;
        Ok(Self { between: Duration::from_secs(unit) / number, ..Self::default() })
    }

    /// When one that is ready `now` may begin; the next one's turn is after it.
    fn next(&mut self, now: Time) -> Time {
        let at = self.next.max(now);
        self.next = at + self.between;
        at
    }
}
