//! What a person sees.

mod common;

use core::time::Duration;

use roundtrip_report::{
    Charset, Detail, Model, Options, Original, OriginalExchange, Redacted, sequence, short,
    terminal,
};

fn width(width: usize) -> Options {
    Options { width, saved: Some("7f3a".into()), ..Options::default() }
}

#[test]
fn a_visit() {
    let model = Model::new(common::visit().events());
    insta::assert_snapshot!("visit_100", terminal(&model, &width(100)));
    insta::assert_snapshot!("visit_60", terminal(&model, &width(60)));
    insta::assert_snapshot!("visit_40", terminal(&model, &width(40)));
    let ascii = Options { charset: Charset::Ascii, ..width(100) };
    insta::assert_snapshot!("visit_ascii", terminal(&model, &ascii));
    let verbose = Options { detail: Detail::Verbose, ..width(100) };
    insta::assert_snapshot!("visit_verbose", terminal(&model, &verbose));
    insta::assert_snapshot!("visit_sequence", sequence(&model, &width(100)));
    insta::assert_snapshot!("visit_sequence_60", sequence(&model, &width(60)));
}

/// Wide terminals are used to 160 columns, and with `-v` no detail is cut.
#[test]
fn what_there_is_room_for_is_shown() {
    let model = Model::new(common::visit().events());
    insta::assert_snapshot!("visit_160", terminal(&model, &width(400)));
    let legend = |line: &&str| line.contains("▓ name");
    let cut = |text: &str| text.lines().filter(|line| line.ends_with('…') && !legend(line)).count();
    let narrow = terminal(&model, &width(70));
    let verbose = terminal(&model, &Options { detail: Detail::Verbose, ..width(70) });
    assert!(cut(&narrow) > 0, "{narrow}");
    let table = verbose.split("\n\n").find(|part| part.contains("step ")).unwrap();
    assert_eq!(cut(table), 0, "{table}");
}

#[test]
fn five_lines() {
    for (name, model) in [
        ("short", Model::new(common::visit().events())),
        ("short_live", Model::new(common::live().events())),
    ] {
        for columns in [100, 60] {
            let text = short(&model, &width(columns));
            assert!(text.lines().count() <= 5, "{text}");
            insta::assert_snapshot!(format!("{name}_{columns}"), text);
        }
    }
}

#[test]
fn a_live_visit() {
    let model = Model::new(common::live().events());
    insta::assert_snapshot!("live_100", terminal(&model, &width(100)));
    let verbose = Options { detail: Detail::Verbose, ..width(100) };
    insta::assert_snapshot!("live_verbose", terminal(&model, &verbose));
}

/// A live visit carried out again on a slower network.
fn replayed() -> common::Scene {
    let mut scene = common::visit();
    let old = roundtrip_record::ReplayOf {
        run: "7f3a".into(),
        digest: None,
        subject: None,
        wire: roundtrip_record::WireKind::Live,
        net: None,
    };
    let first = scene.events().into_iter().find_map(|event| match event.what {
        roundtrip_record::What::RunStarted(run) => Some(run),
        _ => None,
    });
    let run = roundtrip_record::RunStarted { replay_of: Some(old), ..first.expect("a run") };
    // A later declaration stands for the earlier one.
    scene.tell(scene.client, None, roundtrip_record::What::RunStarted(run));
    scene
}

/// What the live visit came to.
fn original() -> Original {
    let exchange = |url: &str, took, think| OriginalExchange {
        url: url.into(),
        took: Duration::from_millis(took),
        think: Duration::from_millis(think),
    };
    Original {
        took: Duration::from_millis(110),
        exchanges: vec![
            exchange("http://example.com/", 21, 1),
            exchange("https://example.com/", 61, 40),
            exchange("https://example.com/style.css", 9, 1),
            exchange("https://example.com/gone.png", 0, 0),
        ],
        redacted: [("Authorization", 2), ("Cookie", 3), ("token", 1)]
            .map(|(name, requests)| Redacted { name: name.into(), requests })
            .into(),
    }
}

#[test]
fn a_replay_without_its_original_says_what_it_knows() {
    let text = terminal(&Model::new(replayed().events()), &width(100));
    let first = text.lines().next().unwrap();
    assert!(first.contains("  live → 478 ms on cable"), "{first}");
    assert!(!text.contains("recorded"), "{text}");
}

#[test]
fn a_visit_carried_out_again() {
    let model = Model { original: Some(original()), ..Model::new(replayed().events()) };
    let text = terminal(&model, &width(100));
    let head: Vec<&str> = text.lines().take_while(|line| !line.starts_with("  step")).collect();
    insta::assert_snapshot!("replay", head.join("\n"));
    let report = roundtrip_report::html(&model, &roundtrip_report::Attachments::none());
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/replay.html"), &report).unwrap();
    assert!(report.contains("Recorded, and on this network"));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let model = Model::new(common::visit().events());
    let coloured = Options { colour: roundtrip_report::Colour::Ansi, ..width(100) };
    let coloured = terminal(&model, &coloured);
    let mut plain = String::new();
    let mut escape = false;
    for char in coloured.chars() {
        match char {
            '\u{1b}' => escape = true,
            'm' if escape => escape = false,
            char if !escape => plain.push(char),
            _ => {}
        }
    }
    let trimmed: Vec<&str> = plain.lines().map(str::trim_end).collect();
    assert_eq!(trimmed.join("\n"), terminal(&model, &width(100)).trim_end());
    assert_ne!(coloured, plain);
}
