//! The child's end: takes orders from standard input until it is closed.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::sync::Arc;

use rustix::stdio;

use super::codec::{self, Coded, Malformed};
use super::confine;
use super::message::{Answer, Order, Ready, Start};
use crate::engine::{self, FontSet, Input};

/// A way in which a child can be told to fail, for tests of what becomes of the run then. The
/// command itself has no way to ask for one.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Aborts.
    Abort,
    /// Panics where the engine would.
    Panic,
    /// Takes memory without end.
    Memory,
    /// Computes without end, after lowering its limit of processor time to a second.
    Time,
    /// Answers with bytes that mean nothing.
    Nonsense,
    /// Does not answer, ever.
    Silence,
    /// Ends as if all were well, without an answer.
    Exit,
    /// Tries to open a file, a socket and a process, and says on standard error what it got.
    Escape,
}

/// Lays out and paints what a [`Painter`](super::Painter) orders through standard input, and
/// answers on standard output, until the input ends: the whole of the child process. Standard
/// error takes what a crash has to say.
///
/// Call it before the process has other threads, and end the process with what it gives.
pub fn serve(mishap: Option<Mishap>) -> ExitCode {
    match orders(mishap) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn orders(mishap: Option<Mishap>) -> io::Result<()> {
    confine::limit()?;
    let mut from = File::from(rustix::io::dup(stdio::stdin())?);
    let mut to = File::from(rustix::io::dup(stdio::stdout())?);
    // What a library prints must not end up between the answers.
    stdio::dup2_stdout(stdio::stderr())?;
    let Some(start) = codec::receive(&mut from)? else { return Ok(()) };
    let Start { fonts } = Start::of_frame(start).map_err(malformed)?;
    let set = FontSet::new(fonts);
    let ready = Ready { confined: confine::close(fonts, from.as_fd(), to.as_fd()) };
    codec::send(&mut to, &ready.frame())?;
    let mut page = None;
    while let Some(frame) = codec::receive(&mut from)? {
        let order = Order::of_frame(frame).map_err(malformed)?;
        let goal = order.goal;
        let wanted = Wanted::of(&order);
        let page = add(&mut page, order);
        let input = wanted.of_page(page);
        let answer: Answer = match mishap {
            None => engine::run(&input, goal, &set),
            Some(mishap) => meet(mishap, &mut to)?,
        };
        codec::send(&mut to, &answer.frame())?;
    }
    Ok(())
}

fn malformed(error: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What of the page an order wants laid out.
struct Wanted {
    shown: usize,
    later_styles: BTreeSet<String>,
    later_bytes: BTreeSet<String>,
}

impl Wanted {
    fn of(order: &Order) -> Self {
        let Order { shown, later_styles, later_bytes, .. } = order;
        let (later_styles, later_bytes) = (later_styles.clone(), later_bytes.clone());
        Self { shown: *shown, later_styles, later_bytes }
    }

    /// The page as it stood when no more than this had come.
    fn of_page<'a>(&self, page: &'a Input) -> Cow<'a, Input> {
        let whole = self.shown >= page.markup.len();
        if whole && self.later_styles.is_empty() && self.later_bytes.is_empty() {
            return Cow::Borrowed(page);
        }
        let mut before = page.clone();
        if !whole {
            let shown = page.markup.floor_char_boundary(self.shown);
            before.markup = Arc::new(page.markup[..shown].to_owned());
        }
        before.styles.retain(|url, _| !self.later_styles.contains(url));
        before.bytes.retain(|url, _| !self.later_bytes.contains(url));
        Cow::Owned(before)
    }
}

/// Adds what an order brings to what is there of the page.
fn add(page: &mut Option<Input>, order: Order) -> &Input {
    let Order { markup, syntax, base, options, styles, bytes, failed, faces, policy, .. } = order;
    let input = match page.take() {
        None => Input {
            markup: Arc::new(markup),
            syntax,
            base,
            options,
            styles: styles.into_iter().collect(),
            bytes: bytes.into_iter().collect(),
            failed,
            faces,
            policy,
        },
        Some(mut before) => {
            Arc::make_mut(&mut before.markup).push_str(&markup);
            before.styles.extend(styles);
            before.bytes.extend(bytes);
            Input { syntax, base, options, failed, faces, policy, ..before }
        }
    };
    page.insert(input)
}

fn meet(mishap: Mishap, to: &mut File) -> io::Result<Answer> {
    match mishap {
        Mishap::Abort => std::process::abort(),
        Mishap::Panic => return Ok(engine::fail("a panic on request")),
        Mishap::Memory => {
            let mut taken: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
            for count in 0.. {
                taken.insert(count, vec![0; 64 << 20]);
            }
        }
        Mishap::Time => {
            use rustix::process::{Resource, Rlimit, setrlimit};
            setrlimit(Resource::Cpu, Rlimit { current: Some(1), maximum: Some(2) })?;
            let mut count = 0u64;
            while std::hint::black_box(count) < u64::MAX {
                count += 1;
            }
        }
        Mishap::Nonsense => codec::send(to, b"\xff\xff\xff")?,
        Mishap::Silence => loop {
            std::thread::park();
        },
        Mishap::Exit => std::process::exit(0),
        Mishap::Escape => escape(),
    }
    Err(io::Error::other("the mishap on request did not happen"))
}

/// Tries what a confined process cannot do.
fn escape() -> ! {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").map(|_| ());
    let file = File::open("/etc/passwd").map(|_| ());
    let process = std::process::Command::new("/bin/true").status().map(|_| ());
    let thread = std::thread::Builder::new().spawn(|| ()).map(|_| ());
    let word = |result: io::Result<()>| match result {
        Ok(()) => "open".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    };
    let [socket, file, process, thread] = [socket, file, process, thread].map(word);
    let _ =
        writeln!(io::stderr(), "socket {socket}, file {file}, process {process}, thread {thread}");
    std::process::exit(3)
}
