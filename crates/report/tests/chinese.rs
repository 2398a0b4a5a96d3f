//! Views in Chinese: every word is translated, and columns stand as they do in English.

mod common;

use roundtrip_record::*;
use roundtrip_report::text::width;
use roundtrip_report::{
    Attachments, Detail, Language, Model, Options, Verdict, html, json, junit, resolution,
    sequence, short, terminal,
};

fn chinese(model: Model) -> Model {
    model.in_language(Language::Chinese)
}

fn models() -> Vec<(&'static str, Model)> {
    vec![
        ("visit", Model::new(common::visit().events())),
        ("live", Model::new(common::live().events())),
        ("empty", Model::new(Vec::new())),
    ]
}

/// What stays English in every language: commands, values of fields, and what the record quotes from others, as the
/// page's own notes.
const STAYS: [&str; 5] = [
    "roundtrip show",
    "gzip br zstd",
    "scripts are fetched",
    "media is not",
    "packets and sequence",
];

/// Runs of three or more plain words, which are a sentence that nobody translated.
fn untranslated(text: &str) -> Vec<String> {
    let plain = |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut found = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> =
            line.split([' ', ',', ':', ';', '(', ')']).filter(|w| !w.is_empty()).collect();
        for run in words.split(|word| !plain(word)) {
            let said = run.join(" ");
            if run.len() >= 3 && !STAYS.iter().any(|stays| said.starts_with(stays)) {
                found.push(said);
            }
        }
    }
    found
}

#[test]
fn no_sentence_stays_english() {
    for (name, model) in models() {
        let model = chinese(model);
        for detail in [Detail::Answer, Detail::Normal, Detail::Verbose] {
            let options = Options { detail, saved: Some("7f3a".into()), ..Options::default() };
            for text in [
                terminal(&model, &options),
                short(&model, &options),
                resolution(&model, &options),
                sequence(&model, &options),
            ] {
                assert_eq!(untranslated(&text), Vec::<String>::new(), "{name}:\n{text}");
            }
        }
    }
}

/// The text of a page, without its markup, style and script.
fn words(page: &str) -> String {
    let body = page.split("<body>").nth(1).expect("a body");
    let body = body.split("<script>").next().expect("its begin");
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        let (_, said) = part.split_once('>').expect("a tag has an end");
        text.push_str(said);
        text.push('\n');
    }
    text
}

#[test]
fn the_report_is_in_chinese() {
    for (name, model) in models() {
        let page = html(&chinese(model), &Attachments::none());
        assert!(page.contains("<html lang=\"zh-CN\">"), "{name}");
        let text = words(&page);
        assert_eq!(untranslated(&text), Vec::<String>::new(), "{name}:\n{text}");
    }
}

#[test]
fn columns_stand_below_each_other() {
    for columns in [60, 80, 100, 160] {
        for (name, model) in models() {
            let options = Options { width: columns, ..Options::default() };
            let text = terminal(&chinese(model), &options);
            let widest = text.lines().map(width).max().unwrap_or(0);
            assert!(widest <= columns, "{name}: {widest} columns of {columns}:\n{text}");
            // How a fact is known stands in one column of the table, whatever the labels are.
            let table = text.lines().skip_while(|line| !line.starts_with("  步骤"));
            let marks: Vec<usize> = table
                .take_while(|line| !line.starts_with("  ▓"))
                .filter_map(|line| Some(width(&line[..line.find(['●', '◐', '◑', '○'])?])))
                .collect();
            assert!(marks.windows(2).all(|two| two[0] == two[1]), "{name}: {marks:?}\n{text}");
        }
    }
}

#[test]
fn what_programs_read_stays_english() {
    for (_, model) in models() {
        let told = chinese(model.clone());
        assert_eq!(json(&told), json(&model));
        assert_eq!(junit(&told), junit(&model));
        assert_eq!(Verdict::new(&told.in_language(Language::English)), Verdict::new(&model));
    }
}

#[test]
fn a_visit_as_it_is_read() {
    let model = chinese(Model::new(common::visit().events()));
    let options = Options { saved: Some("7f3a".into()), ..Options::default() };
    insta::assert_snapshot!("visit", terminal(&model, &options));
    insta::assert_snapshot!("visit_short", short(&model, &options));
}

#[test]
fn a_fault_is_explained_in_chinese() {
    let url = "https://shop.example.com/";
    let mut scene = common::Scene::live(url, core::time::Duration::from_millis(19));
    scene.want(url, ResourceKind::Document, Initiator::User, None);
    let attempts = vec![Attempt {
        to: common::socket("203.0.113.7:443"),
        began: Time::ZERO,
        ended: Time::from_millis(20),
        syns: vec![Time::ZERO],
        syn_count: None,
        end: AttemptEnd::Refused,
    }];
    let fault = FaultKind::ConnectFailed { attempts };
    scene.fault(Step::Connect, None, None, Time::ZERO, true, fault);
    let text = terminal(&chinese(Model::new(scene.events())), &Options::default());
    assert!(text.starts_with("✗ 连接  203.0.113.7:443 拒绝了连接"), "{text}");
    assert!(text.contains("→ 主机在运行，但端口 443 没有程序监听"), "{text}");
}
