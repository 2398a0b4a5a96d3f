//! The parent's end: who lays out and paints, and what it has been sent.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};

use super::codec::{self, Coded};
use super::death;
use super::digests::Digests;
use super::layouts::Layouts;
use super::message::{Answer, Ready, Start};
use super::sent::Sent;
use crate::engine::{self, FontSet, Goal, Input, Outcome};
use crate::limits;
use crate::options::Fonts;
use crate::picture::PaintError;

/// A program to run as the child, and its arguments: one that calls
/// [`serve`](crate::child::serve) and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program's file.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// How long it may take for one layout by the clock on the wall; then it is given up.
    pub patience: Duration,
}

impl Program {
    /// This very program, even if its file has been replaced since it was started.
    pub fn this(argument: &str) -> io::Result<Program> {
        let path = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe()?
        };
        Ok(Program { path, arguments: vec![argument.into()], patience: limits::CHILD_PATIENCE })
    }
}

/// Who lays out and paints a page.
#[derive(Clone)]
pub struct Painter(Kind);

#[derive(Clone)]
enum Kind {
    /// This process, on a thread of its own.
    Here,
    /// A child.
    Child(Arc<Handle>),
    /// A child that could not be started.
    None(String),
    /// What has been laid out before is not laid out again; another painter does what has not, once
    /// there is something.
    Remembering(Layouts, Arc<Later>),
}

/// A painter of one page that is started when it is wanted.
struct Later {
    program: Option<Program>,
    fonts: Fonts,
    started: OnceLock<Painter>,
    digests: Mutex<Digests>,
}

impl Later {
    fn painter(&self) -> &Painter {
        self.started.get_or_init(|| match &self.program {
            Some(program) => Painter::start(program, self.fonts),
            None => Painter::here(),
        })
    }
}

impl fmt::Debug for Painter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Here => "Painter(here)",
            Kind::Child(_) => "Painter(child)",
            Kind::None(_) => "Painter(none)",
            Kind::Remembering(..) => "Painter(remembering)",
        })
    }
}

impl Painter {
    /// This process itself, on a thread of its own: for tests and tools. A panic of the engine
    /// becomes an error; a worse fault ends the process.
    pub fn here() -> Painter {
        Painter(Kind::Here)
    }

    /// A child process, started now, so that it is ready when there is something to lay out. If it
    /// cannot be started, each layout ends with an error that says why. It ends with the last
    /// clone of this value.
    pub fn start(program: &Program, fonts: Fonts) -> Painter {
        match Handle::start(program, fonts) {
            Ok(handle) => Painter(Kind::Child(Arc::new(handle))),
            Err(error) => Painter(Kind::None(format!("could not be started: {error}"))),
        }
    }

    /// One that looks a layout up among those that were made, and makes those that were not: by a
    /// child, or without a program in this process.
    pub fn remembering(layouts: &Layouts, program: Option<Program>, fonts: Fonts) -> Painter {
        let later = Later { program, fonts, started: OnceLock::new(), digests: Mutex::default() };
        Painter(Kind::Remembering(layouts.clone(), Arc::new(later)))
    }

    /// Whether the child is shut off from files, network and other processes, once that is known;
    /// `Some(Err)` says why it is not.
    pub fn confined(&self) -> Option<Result<(), String>> {
        match &self.0 {
            Kind::Child(handle) => handle.pipes().confined.clone(),
            Kind::Here | Kind::None(_) => None,
            Kind::Remembering(_, later) => later.started.get()?.confined(),
        }
    }

    /// Ends the child, whatever it is doing: a layout under way comes back with an error.
    pub(crate) fn stop(&self) {
        match &self.0 {
            Kind::Child(handle) => {
                let _ = lock(&handle.child).kill();
            }
            Kind::Remembering(_, later) => later.started.get().into_iter().for_each(Painter::stop),
            Kind::Here | Kind::None(_) => {}
        }
    }

    /// Lays out, and paints if that is the goal.
    pub(crate) fn run(&self, input: &Input, goal: Goal) -> Result<Outcome, PaintError> {
        match &self.0 {
            Kind::Here => engine::run(input, goal, &FontSet::new(input.options.fonts)),
            Kind::Child(handle) => handle.run(input, goal),
            Kind::None(why) => Err(PaintError::Child(why.clone())),
            Kind::Remembering(layouts, later) => {
                let make = || later.painter().run(input, goal);
                if goal.paints() {
                    return make();
                }
                let key = lock(&later.digests).of(input, goal);
                layouts.of(key, make)
            }
        }
    }
}

/// Where fontconfig learns which fonts a machine has.
const FONTS: [&str; 6] = [
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_CACHE_HOME",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
];

/// A running child. Its pipes are used by one layout at a time; the process itself is apart from
/// them, so that it can be ended meanwhile.
struct Handle {
    child: Mutex<Child>,
    pipes: Mutex<Pipes>,
}

struct Pipes {
    to: ChildStdin,
    from: ChildStdout,
    errors: ChildStderr,
    /// The end of what came on standard error.
    said: Vec<u8>,
    /// For one layout.
    patience: Duration,
    confined: Option<Result<(), String>>,
    sent: Sent,
    /// Why there is no child any more.
    gone: Option<String>,
}

/// A panic under the lock leaves nothing half done that matters: the child is then asked again or
/// found dead.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handle {
    fn start(program: &Program, fonts: Fonts) -> io::Result<Handle> {
        let mut command = Command::new(&program.path);
        // Nothing else of what this process was told is the child's business.
        command.args(&program.arguments).env_clear();
        if fonts == Fonts::System {
            command.envs(FONTS.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for the parent, which then ends the child.
            .process_group(0)
            .spawn()?;
        let (Some(mut to), Some(from), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("its pipes are missing"));
        };
        // The first frame fits into any pipe; later ones do not wait for a child that hangs.
        let begun = codec::send(&mut to, &Start { fonts }.frame())
            .and_then(|()| Ok(fcntl_setfl(&to, OFlags::NONBLOCK)?));
        if let Err(error) = begun {
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        let pipes = Pipes {
            to,
            from,
            errors,
            patience: program.patience,
            said: Vec::new(),
            confined: None,
            sent: Sent::default(),
            gone: None,
        };
        Ok(Handle { child: Mutex::new(child), pipes: Mutex::new(pipes) })
    }

    fn pipes(&self) -> MutexGuard<'_, Pipes> {
        lock(&self.pipes)
    }

    fn run(&self, input: &Input, goal: Goal) -> Result<Outcome, PaintError> {
        let mut pipes = self.pipes();
        if let Some(why) = &pipes.gone {
            return Err(PaintError::Child(why.clone()));
        }
        match pipes.exchange(input, goal) {
            Ok(answer) => answer,
            Err(broken) => {
                let why = self.bury(&mut pipes, broken);
                pipes.gone = Some(why.clone());
                Err(PaintError::Child(why))
            }
        }
    }

    /// Ends the child for good and says what became of it.
    fn bury(&self, pipes: &mut Pipes, broken: Broken) -> String {
        let mut child = lock(&self.child);
        // One that is already dead stays dead of what it died of.
        let _ = child.kill();
        let status = child.wait();
        while matches!(pipes.listen(), Ok(true)) {}
        match (broken, status) {
            (Broken::Silent, _) => {
                format!("was ended: no answer in {} s", pipes.patience.as_secs())
            }
            (Broken::Nonsense, _) => "was ended: its answer is malformed".to_owned(),
            (Broken::Pipe(error), Err(_)) => format!("was lost: {error}"),
            (Broken::Pipe(_) | Broken::Closed, Ok(status)) => {
                death::words(status, &String::from_utf8_lossy(&pipes.said))
            }
            (Broken::Closed, Err(error)) => format!("was lost: {error}"),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Why an exchange with the child came to nothing.
enum Broken {
    /// It closed its end: it is dying or dead.
    Closed,
    /// A pipe failed.
    Pipe(io::Error),
    /// Its answer means nothing.
    Nonsense,
    /// It does not answer.
    Silent,
}

impl Pipes {
    fn exchange(&mut self, input: &Input, goal: Goal) -> Result<Answer, Broken> {
        let until = now() + self.patience;
        if self.confined.is_none() {
            let ready = Ready::of_frame(self.answer(until)?).map_err(|_| Broken::Nonsense)?;
            self.confined = Some(ready.confined);
        }
        let order = self.sent.order(input, goal).frame();
        self.order(&order, until)?;
        drop(order);
        Answer::of_frame(self.answer(until)?).map_err(|_| Broken::Nonsense)
    }

    /// Sends a frame; a child that does not read it is given up as one that does not answer.
    fn order(&mut self, frame: &[u8], until: Instant) -> Result<(), Broken> {
        let mut writer = Patient { pipes: self, until, silent: false };
        match codec::send(&mut writer, frame) {
            Ok(()) => Ok(()),
            Err(_) if writer.silent => Err(Broken::Silent),
            Err(error) => Err(Broken::Pipe(error)),
        }
    }

    /// The next frame; what the child says on standard error meanwhile is kept.
    fn answer(&mut self, until: Instant) -> Result<Bytes, Broken> {
        let mut reader = Patient { pipes: self, until, silent: false };
        match codec::receive(&mut reader) {
            Ok(Some(frame)) => Ok(frame),
            Ok(None) => Err(Broken::Closed),
            Err(_) if reader.silent => Err(Broken::Silent),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Broken::Closed),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Broken::Nonsense),
            Err(error) => Err(Broken::Pipe(error)),
        }
    }

    /// Takes what stands on standard error; `false` where it is closed.
    fn listen(&mut self) -> io::Result<bool> {
        let mut piece = [0; death::LAST_WORDS];
        let read = self.errors.read(&mut piece)?;
        self.said.extend_from_slice(&piece[..read]);
        let surplus = self.said.len().saturating_sub(death::LAST_WORDS);
        self.said.drain(..surplus);
        Ok(read > 0)
    }
}

/// The two pipes of an exchange, used with patience that ends, and with an ear for standard error:
/// a child that waits until its words are taken would never come to its answer.
struct Patient<'a> {
    pipes: &'a mut Pipes,
    until: Instant,
    /// It ended.
    silent: bool,
}

/// The clock by which a process that hangs is given up; nothing else comes of it.
#[allow(clippy::disallowed_methods, reason = "a process that hangs does so in real time")]
fn now() -> Instant {
    Instant::now()
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Something of an answer is there, or the child has closed its end.
    Answer,
    /// The child's standard input takes more.
    Room,
}

impl Patient<'_> {
    fn wait(&mut self, wanted: Wanted) -> io::Result<()> {
        let mut errors_open = true;
        loop {
            let left = self.until.saturating_duration_since(now());
            let patience =
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
            let pipes = &*self.pipes;
            let mut ends = [
                match wanted {
                    Wanted::Answer => PollFd::new(&pipes.from, PollFlags::IN),
                    Wanted::Room => PollFd::new(&pipes.to, PollFlags::OUT),
                },
                PollFd::new(&pipes.errors, PollFlags::IN),
            ];
            let ends = if errors_open { &mut ends[..] } else { &mut ends[..1] };
            match poll(ends, Some(&patience)) {
                Ok(0) => {
                    self.silent = true;
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let ready = !ends[0].revents().is_empty();
            let errors = ends.get(1).is_some_and(|end| !end.revents().is_empty());
            if errors {
                errors_open = self.pipes.listen()?;
            }
            if ready {
                return Ok(());
            }
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait(Wanted::Answer)?;
        self.pipes.from.read(into)
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipes.to.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(Wanted::Room)?;
                }
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
