//! Records that were cut, mixed up, or made to do harm.

mod common;

use core::time::Duration;

use common::{Answer, Scene};
use proptest::prelude::*;
use roundtrip_record::*;
use roundtrip_report::{
    Attachments, Charset, Colour, Detail, Model, Options, har, html, json, junit, perfetto,
    sequence, terminal,
};

/// Every view of whatever these events are.
fn views(events: Vec<Event>, width: usize) -> Vec<String> {
    let model = Model::new(events);
    let options = Options {
        width,
        detail: Detail::Verbose,
        colour: Colour::Ansi,
        charset: Charset::Ascii,
        saved: None,
    };
    let plain = Options { colour: Colour::Never, charset: Charset::Unicode, ..options.clone() };
    for line in terminal(&model, &plain).lines().chain(sequence(&model, &plain).lines()) {
        let columns = unicode_width::UnicodeWidthStr::width(line);
        assert!(
            columns <= width.clamp(Options::NARROWEST, Options::WIDEST),
            "{columns} columns: {line}"
        );
    }
    vec![
        terminal(&model, &options),
        sequence(&model, &options),
        html(&model, &Attachments::none()),
        har(&model, &Bodies::none()).to_string(),
        json(&model).to_string(),
        perfetto(&model).to_string(),
        junit(&model),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_mixture_of_events_has_views(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..120),
        times in prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..600_000_000u64], 120),
        causes in prop::collection::vec(prop::option::of(1..200u64), 120),
        width in 0usize..130,
    ) {
        let source = common::visit().events();
        let events = picks.iter().zip(&times).zip(&causes).zip(1..).map(|(((pick, at), cause), n)| {
            let event = pick.get(&source).clone();
            Event {
                id: EventId::new(n).unwrap(),
                at: Time::from_nanos(*at),
                cause: cause.and_then(EventId::new),
                ..event
            }
        });
        views(events.collect(), width);
    }

    #[test]
    fn a_record_cut_anywhere_has_views(at in 0usize..400) {
        let mut events = common::visit().events();
        events.truncate(at);
        views(events, 100);
    }
}

#[test]
fn nothing_at_all_has_views() {
    let text = views(Vec::new(), 80);
    assert!(text[0].contains("cut off"));
}

/// Text that would do harm wherever it stood unchanged.
const HARM: &str =
    "</pre><script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{1b}[2J\u{202e}]]>";

#[test]
fn hostile_text_stays_text() {
    let url = format!("http://example.com/{HARM}");
    let mut scene = Scene::lab(&url, Duration::from_millis(5));
    let (exchange, wanted) =
        scene.want(&url, ResourceKind::Document, Initiator::Style { url: url.clone() }, None);
    let mut wire = scene.connect(exchange, "192.0.2.80:80", wanted);
    let sent = scene.request(exchange, &mut wire, HARM, None, wanted);
    let fields = [("X-Harm", HARM), ("Via", HARM), ("Server-Timing", HARM), (HARM, HARM)];
    let answer =
        Answer { reason: HARM, fields: &fields, media: HARM, ..Answer::ok("", HARM.as_bytes()) };
    scene.answer(exchange, &mut wire, &answer, sent);
    scene.found(HARM, ResourceKind::Media, Blocks::Render, Some(HARM));
    scene.tell(scene.client, None, What::PageNote(PageNote { note: HARM.into() }));
    scene.milestone(HARM);
    let unseen = Unseen { step: Step::Page, what: HARM.into(), needs: HARM.into() };
    scene.tell(scene.client, None, What::Unseen(unseen));
    let picture = scene.log.body(HARM.as_bytes()).unwrap();
    let frame =
        PageFrame { picture: picture.clone(), width: 10, height: 10, document: 1, resources: 1 };
    scene.tell(scene.client, None, What::PageFrame(frame));
    let url = Some(HARM.to_owned());
    let largest = LargestContent { element: HARM.into(), url, width: 10, height: 10, size: 100 };
    scene.tell(scene.client, None, What::LargestContent(largest));
    let name = Milestone::LargestContentfulPaint;
    scene.tell(scene.client, None, What::Milestone(PageMilestone { name }));
    let painted = PagePainted { picture, width: 10, height: 10, title: HARM.into() };
    scene.tell(scene.client, None, What::PagePainted(painted));
    scene.secure(&wire, HARM, i64::MAX);
    for fault in [
        FaultKind::HttpStatus { status: 500, reason: HARM.into(), fail: false },
        FaultKind::NxDomain { name: HARM.into(), soa: Some(HARM.into()), ttl: Some(u32::MAX) },
        FaultKind::BadRedirect { location: HARM.into(), why: HARM.into() },
        FaultKind::BadUrl { url: HARM.into(), why: HARM.into() },
    ] {
        scene.fault(Step::Wait, Some(exchange), Some(wire.client), Time::MAX, false, fault);
    }
    let views = views(scene.events(), 100);
    for text in &views[..2] {
        let bare = text.replace("\u{1b}[0m", "");
        assert!(!bare.contains("\u{1b}[2J") && !bare.contains('\u{202e}'));
    }
    // The report's own script is the only one.
    let own = format!("<script>{}</script>", include_str!("../src/html/sort.js"));
    let report = views[2].replacen(&own, "", 1);
    for markup in ["<script", "<img src=x", "\u{1b}", "\u{202e}"] {
        assert!(!report.contains(markup), "{markup} in the report");
        assert!(!views[6].contains(markup) || markup == "\u{202e}", "{markup} in JUnit's XML");
    }
}

#[test]
fn a_large_record_is_shown_in_good_time() {
    let mut scene = Scene::lab("http://example.com/", Duration::from_millis(1));
    let (first, wanted) =
        scene.want("http://example.com/", ResourceKind::Document, Initiator::User, None);
    let mut wire = scene.connect(first, "192.0.2.80:80", wanted);
    let sent = scene.request(first, &mut wire, "/", None, wanted);
    let cause =
        scene.answer(first, &mut wire, &Answer::ok("text/html", &vec![b'x'; 2_000_000]), sent);
    for n in 0..1_000 {
        let url = format!("http://example.com/{n}.png");
        let (exchange, wanted) = scene.want(&url, ResourceKind::Image, Initiator::User, cause);
        let sent = scene.request(exchange, &mut wire, "/x", None, wanted);
        scene.answer(exchange, &mut wire, &Answer::ok("image/png", b"png"), sent);
    }
    scene.end(0);
    let views = views(scene.events(), 100);
    assert!(views[0].contains("977 more") || views[0].contains("/999.png"));
    assert!(views[2].len() < 8_000_000, "{} bytes of report", views[2].len());
}
