//! The process that lays out and paints: it does what this process would do, and what it dies of
//! costs the picture and no more. It is this test program itself, started with an argument.

use std::process::ExitCode;

use roundtrip_page::child::{Mishap, serve};
use roundtrip_page::{
    Delivered, Fonts, Goal, Note, Options, Page, PaintError, Painter, Program, Url, Viewport,
};

const CHILD: &str = "--child";

const MISHAPS: [(&str, Mishap); 8] = [
    ("abort", Mishap::Abort),
    ("panic", Mishap::Panic),
    ("memory", Mishap::Memory),
    ("time", Mishap::Time),
    ("nonsense", Mishap::Nonsense),
    ("exit", Mishap::Exit),
    ("silence", Mishap::Silence),
    ("escape", Mishap::Escape),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(what) = arguments.first().and_then(|first| first.strip_prefix(CHILD)) {
        let mishap = MISHAPS.iter().find(|(name, _)| what.strip_prefix('=') == Some(name));
        return serve(mishap.map(|(_, mishap)| *mishap));
    }
    let tests: [(&str, fn()); 11] = [
        ("a_child_paints_what_this_process_paints", same_picture),
        ("what_comes_late_is_in_the_next_picture", late_resources),
        ("a_child_looks_at_a_page_as_it_stood", earlier),
        ("a_child_is_confined", confined),
        ("what_ends_a_child_is_said", deaths),
        ("a_panic_leaves_the_child_alive", panics),
        ("a_child_that_is_killed_costs_the_picture", killed),
        ("a_child_that_hangs_is_given_up", hanging),
        ("a_page_given_up_takes_its_child_along", given_up),
        ("a_child_that_cannot_be_started_is_an_error", absent),
        ("a_child_without_a_parent_ends", orphan),
    ];
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    if arguments.iter().any(|argument| argument == "--list") {
        for (name, _) in tests {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    for (name, test) in tests {
        if wanted.is_none_or(|wanted| name.contains(wanted.as_str())) {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

fn program(argument: &str) -> Program {
    Program::this(&format!("{CHILD}{argument}")).unwrap()
}

fn painter(mishap: &str) -> Painter {
    Painter::start(&program(mishap), Fonts::CarriedOnly)
}

fn options() -> Options {
    let viewport = Viewport { width: 200, height: 150 };
    Options {
        viewport,
        content_type: Some("text/html; charset=utf-8".into()),
        ..Options::default()
    }
}

fn page(painter: Painter, markup: &str) -> Page {
    let mut page = Page::painted_by(painter, Url::parse("http://a.example/").unwrap(), options());
    page.feed(markup.as_bytes());
    page
}

const MARKUP: &str = "<!doctype html><link rel=stylesheet href=a.css><h1>Hello</h1>\
    <p style='background:url(late.png)'>first<ol start=3><li>three</ol><img src=gone.png>";

/// Everything a page wants, but what layout finds.
fn deliver(page: &mut Page) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(fetch) = page.poll_fetch() {
        asked.push(fetch.url.to_string());
        let delivered = if fetch.url.path() == "/a.css" {
            Delivered::Loaded {
                bytes: "h1 { color: green } p { height: 40px }".into(),
                content_type: Some("text/css".into()),
                final_url: fetch.url,
            }
        } else {
            Delivered::Failed { reason: "status 404".into() }
        };
        page.deliver(fetch.id, delivered);
    }
    asked
}

fn same_picture() {
    let (mut here, mut there) = (page(Painter::here(), MARKUP), page(painter(""), MARKUP));
    for page in [&mut here, &mut there] {
        page.finish_document();
        deliver(page);
        page.lay_out().unwrap();
        deliver(page);
    }
    assert_eq!(here.paint().unwrap(), there.paint().unwrap());
    assert_eq!(here.notes(), there.notes());
    assert!(!here.notes().is_empty());
}

/// The child has more of the page by then than what it is to look at.
fn earlier() {
    let looks = |painter: Painter| {
        let mut page = page(painter, "<!doctype html><link rel=stylesheet href=a.css><p>One");
        let first = page.snapshot();
        deliver(&mut page);
        page.feed("<p>Two, grün".as_bytes());
        page.finish_document();
        let last = page.snapshot();
        let goals = [(&last, Goal::Frame), (&first, Goal::Frame), (&last, Goal::Content)];
        let mut looks = Vec::new();
        for (snapshot, goal) in goals {
            let look = page.job_of(snapshot, goal).look().unwrap();
            looks.push((look.candidates, look.picture));
        }
        (looks, page.paint().unwrap())
    };
    let (here, there) = (looks(Painter::here()), looks(painter("")));
    assert!(here == there);
    let counts: Vec<usize> = here.0.iter().map(|(candidates, _)| candidates.len()).collect();
    assert_eq!(counts, [2, 1, 2]);
    assert!(here.0[0].1 != here.0[1].1 && here.0[2].1.is_none());
}

fn late_resources() {
    let mut page = page(painter(""), "<!doctype html><style>body{margin:0}</style>");
    page.lay_out().unwrap();
    page.feed(
        b"<img src=red.png style=display:block><div style='height:9px;background:url(layout.png)'>",
    );
    page.finish_document();
    let white = page.paint().unwrap();
    assert_eq!(white.pixel(2, 2), Some([255, 255, 255]));
    let red = roundtrip_page::Picture { width: 4, height: 4, rgba: [255, 0, 0, 255].repeat(16) };
    let mut asked = Vec::new();
    while let Some(fetch) = page.poll_fetch() {
        asked.push(fetch.url.path().to_owned());
        let final_url = fetch.url.clone();
        let bytes = red.png().into();
        page.deliver(fetch.id, Delivered::Loaded { bytes, content_type: None, final_url });
    }
    assert_eq!(asked, ["/red.png", "/layout.png"]);
    assert!(page.is_stale());
    assert_eq!(page.paint().unwrap().pixel(2, 2), Some([255, 0, 0]));
}

fn confined() {
    let painter = painter("=escape");
    let mut page = page(painter.clone(), MARKUP);
    let Err(PaintError::Child(why)) = page.paint() else { panic!("it escaped and painted") };
    assert!(why.contains("exit code 3"), "{why}");
    match painter.confined() {
        Some(Ok(())) => {
            let tried = "socket PermissionDenied, file PermissionDenied, \
                process PermissionDenied, thread open";
            assert!(why.contains(tried), "{why}");
        }
        Some(Err(why)) if cfg!(target_os = "linux") => panic!("{why}"),
        Some(Err(_)) => {}
        None => panic!("it did not say whether it is confined"),
    }
}

fn deaths() {
    let rows = [
        ("abort", "was ended by signal 6 (SIGABRT)"),
        ("memory", "wanted more than 3072 MiB of memory"),
        ("time", "more than 60 s of processor time"),
        ("nonsense", "its answer is malformed"),
        ("exit", "ended with exit code 0 and without an answer"),
    ];
    for (mishap, expected) in rows {
        let mut page = page(painter(&format!("={mishap}")), MARKUP);
        page.finish_document();
        let asked = deliver(&mut page);
        let Err(PaintError::Child(why)) = page.paint() else { panic!("{mishap} did no harm") };
        assert!(why.contains(expected), "{mishap}: {why}");
        // It says the same when asked again, and what was learnt of the page stands.
        assert_eq!(page.lay_out(), Err(PaintError::Child(why)));
        assert_eq!(asked, ["http://a.example/a.css", "http://a.example/gone.png"]);
        assert!(page.notes().iter().any(|note| matches!(note, Note::Missing { .. })));
    }
}

fn panics() {
    let mut page = page(painter("=panic"), MARKUP);
    for _ in 0..2 {
        let Err(PaintError::Engine { message, .. }) = page.paint() else { panic!("no error") };
        assert!(message.contains("a panic on request"), "{message}");
    }
}

/// The processes this one has started and that still run.
fn children() -> Vec<u32> {
    let own = std::process::id();
    let list = std::fs::read_to_string(format!("/proc/self/task/{own}/children"));
    list.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn killed() {
    let mut page = page(painter(""), MARKUP);
    page.lay_out().unwrap();
    for child in children() {
        let child = rustix::process::Pid::from_raw(child as i32).unwrap();
        rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
    }
    page.feed(b"<p>more");
    let Err(PaintError::Child(why)) = page.paint() else { panic!("a dead process painted") };
    assert_eq!(why, "was ended by signal 9 (SIGKILL)");
    assert_eq!(children(), []);
}

fn hanging() {
    // One that computes without an answer, and one that does not even take its order.
    let patience = std::time::Duration::from_secs(1);
    for (mishap, stopped) in [("=silence", false), ("", true)] {
        let program = Program { patience, ..program(mishap) };
        let mut page = page(Painter::start(&program, Fonts::CarriedOnly), MARKUP);
        if stopped {
            page.lay_out().unwrap();
            for child in children() {
                let child = rustix::process::Pid::from_raw(child as i32).unwrap();
                rustix::process::kill_process(child, rustix::process::Signal::STOP).unwrap();
            }
            page.feed("<p>more than a pipe holds".repeat(100_000).as_bytes());
        }
        let Err(PaintError::Child(why)) = page.paint() else { panic!("it answered") };
        assert_eq!(why, "was ended: no answer in 1 s");
        assert_eq!(children(), []);
    }
}

fn given_up() {
    let mut page = page(painter("=silence"), MARKUP);
    page.finish_document();
    let job = page.job(Goal::Layout).unwrap();
    let working = std::thread::spawn(move || job.run().map(|_| ()));
    drop(page);
    assert!(matches!(working.join().unwrap(), Err(PaintError::Child(_))));
    assert_eq!(children(), []);
}

fn absent() {
    let program = Program { path: "/nowhere/at/all".into(), ..program("") };
    let mut page = page(Painter::start(&program, Fonts::CarriedOnly), MARKUP);
    let Err(PaintError::Child(why)) = page.paint() else { panic!("nobody painted") };
    assert!(why.starts_with("could not be started: "), "{why}");
}

fn orphan() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .arg(CHILD)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
