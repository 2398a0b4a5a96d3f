//! The bytes of an archive: compressed, in other encodings, damaged; and its bodies.

mod common;

use std::io::Write as _;

use common::{Chance, bytes, entries, entry, recorded};
use data_encoding::BASE64;
use roundtrip_import::{ImportError, Options};
use roundtrip_record::Settings;
use serde_json::json;

fn small() -> String {
    let entry =
        entry(0, "http://h.example/", json!({"response": {"content": {"text": "Grüße 😀"}}}));
    json!({"log": {"version": "1.2", "entries": [entry]}}).to_string()
}

fn status_of(text: &[u8]) -> Option<u16> {
    bytes(text, &Options::default()).unwrap().story.exchanges[0].status()
}

#[test]
fn compressed_or_in_utf_16_it_is_the_same() {
    let text = small();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    assert_eq!(status_of(&gzip.finish().unwrap()), Some(200));
    assert_eq!(status_of(&zstd::encode_all(text.as_bytes(), 1).unwrap()), Some(200));
    let utf16 = |mark: Option<u16>, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    for file in [
        utf16(Some(0xfeff), u16::to_le_bytes),
        utf16(Some(0xfeff), u16::to_be_bytes),
        utf16(None, u16::to_le_bytes),
        utf16(None, u16::to_be_bytes),
        [b"\xef\xbb\xbf", text.as_bytes()].concat(),
    ] {
        let read = bytes(&file, &Options::default()).unwrap();
        assert_eq!(read.body("http://h.example/").unwrap(), "Grüße 😀".as_bytes());
        assert_eq!(
            read.imported.notes.iter().filter(|note| note.note.starts_with("the text")).count(),
            1
        );
    }
}

#[test]
fn a_cut_file_says_where() {
    let text = small();
    for cut in 0..text.len() {
        match bytes(&text.as_bytes()[..cut], &Options::default()).err() {
            Some(ImportError::Json { offset, line: 1, column, why, .. }) => {
                assert!(offset <= cut as u64 && column == offset + 1, "{cut}: {offset} {why}");
            }
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let error = bytes(&gzip[..gzip.len() * 9 / 10], &Options::default()).err().unwrap();
    assert!(
        matches!(error, ImportError::Packed { format: "gzip", offset, .. } if offset > 0),
        "{error}"
    );
}

#[test]
fn what_is_no_archive_is_named() {
    for (file, why) in [
        (&b""[..], "the file is empty"),
        (b"[]", "a HAR begins with `{`"),
        (b"onInputData({})", "JSONP"),
        (b"{}", "neither a HAR, which has an object `log`, nor a NetLog"),
        (br#"{"log": []}"#, "neither a HAR, which has an object `log`, nor a NetLog"),
        (br#"{"log": {}} {"log": {}}"#, "more text after the end"),
        (br#"{"log": {}}"#, "it has no entries"),
        (br#"{"constants": {}, "events": []}"#, "the constants do not explain"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x00\x01\x02\x03", "a HAR begins with `{`"),
    ] {
        let error = bytes(file, &Options::default()).err().unwrap().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn what_is_too_large_is_refused_and_not_held() {
    let long = "x".repeat(70 << 20);
    let error = |text: &str| bytes(text.as_bytes(), &Options::default()).err().unwrap().to_string();
    assert!(error(&format!(r#"{{"{long}": 1}}"#)).contains("a name is longer"));
    assert!(
        error(&format!(r#"{{"log": {{"comment": "{long}"}}}}"#))
            .contains("more than 16 MiB besides")
    );
    let entry = format!(r#"{{"log": {{"entries": [{{"comment": "{long}"}}]}}}}"#);
    assert!(error(&entry).contains("entry 0: it is larger than 4 MiB"), "{}", error(&entry));
}

#[test]
fn what_unpacks_beyond_all_measure_is_refused() {
    // White space before an archive, which is no error by itself.
    let blank = vec![b' '; 80 << 20];
    let archive = json!({"log": {"entries": [entry(0, "http://h/", json!({}))]}}).to_string();
    let text = [&blank, archive.as_bytes()].concat();
    assert_eq!(bytes(&text, &Options::default()).unwrap().story.exchanges.len(), 1);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&text).unwrap();
    for packed in [gzip.finish().unwrap(), zstd::encode_all(&text[..], 3).unwrap()] {
        let error = bytes(&packed, &Options::default()).err().unwrap();
        let (limit, most) = (64 << 20, 66 << 20);
        assert!(
            matches!(error, ImportError::Packed { offset, .. } if (limit - (1 << 20)..most).contains(&offset)),
            "{error}"
        );
        assert!(error.to_string().contains("250 times as much"), "{error}");
    }
    // As much of what does not repeat itself is unpacked.
    let mut chance = Chance(3);
    let noise: String = (0..5 << 20).map(|_| (b'a' + chance.below(26) as u8) as char).collect();
    let content = json!({"response": {"content": {"text": noise.repeat(14)}}});
    let large = json!({"log": {"entries": [entry(0, "http://h/", content)]}}).to_string();
    let packed = zstd::encode_all(large.as_bytes(), 1).unwrap();
    assert_eq!(bytes(&packed, &Options::default()).unwrap().story.exchanges.len(), 1);
}

#[test]
fn one_odd_entry_is_refused_alone() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (odd, why) in [
        (deep(125), "its values are nested deeper than 120 levels"),
        (deep(5000), "its values are nested deeper than 120 levels"),
        ("1e999".to_owned(), "number out of range"),
        ("-1E+400".to_owned(), "number out of range"),
    ] {
        let whole = entry(0, "http://h/whole", json!({})).to_string();
        let strange = entry(1, "http://h/odd", json!({"_odd": "ODD"})).to_string();
        let strange = strange.replace("\"ODD\"", &odd);
        let text = format!(r#"{{"log": {{"entries": [{whole}, {strange}]}}}}"#);
        let read = bytes(text.as_bytes(), &Options::default()).unwrap();
        assert_eq!(read.story.exchanges.len(), 1);
        assert_eq!(read.noted("entries could not be imported"), 1);
        assert_eq!(read.noted(&format!("entry 1: {why}")), 1, "{:?}", read.imported.notes);
        // The same besides the entries.
        let creator = r#""creator": {"name": "w"}"#;
        let text = format!(r#"{{"log": {{{creator}, "_odd": {odd}, "entries": [{whole}]}}}}"#);
        let read = bytes(text.as_bytes(), &Options::default()).unwrap();
        assert_eq!(read.story.exchanges.len(), 1);
        assert_eq!(read.noted("besides the entries"), 1, "{:?}", read.imported.notes);
    }
}

#[test]
fn bodies_are_decoded_wherever_the_coding_stands() {
    let long: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
    let plain = "ä".repeat(700_000);
    let content = |text: &str, coding: bool| {
        let coding = if coding { json!({"encoding": "base64"}) } else { json!({}) };
        let mut content = coding;
        content["text"] = text.into();
        json!({"response": {"content": content}})
    };
    let mut lines = BASE64.encode(&long[..300]);
    lines.insert_str(76, "\r\n");
    let read = entries(&json!([
        entry(0, "http://h/long", content(&BASE64.encode(&long), true)),
        entry(1, "http://h/short", content(&BASE64.encode(&long[..99_999]), true)),
        entry(2, "http://h/plain", content(&plain, false)),
        entry(3, "http://h/looks", content("QUJD", false)),
        entry(4, "http://h/lines", content(&lines, true)),
        entry(5, "http://h/unpadded", content("QQ", true)),
        entry(6, "http://h/wrong", content("no base64!", true)),
        entry(7, "http://h/wronglong", content(&plain, true)),
        entry(8, "http://h/none", json!({"response": {"content": {"size": 8}}})),
    ]));
    assert_eq!(read.body("http://h/long").unwrap(), long);
    assert_eq!(read.body("http://h/short").unwrap(), long[..99_999]);
    assert_eq!(read.body("http://h/plain").unwrap(), plain.as_bytes());
    assert_eq!(read.body("http://h/looks").unwrap(), b"QUJD");
    assert_eq!(read.body("http://h/lines").unwrap(), long[..300]);
    assert_eq!(read.body("http://h/unpadded").unwrap(), b"A");
    assert_eq!(read.body("http://h/wrong").unwrap(), b"no base64!");
    assert_eq!(read.body("http://h/wronglong").unwrap(), plain.as_bytes());
    assert_eq!(read.body("http://h/none"), None);
    assert_eq!(read.noted("said to be in base64 is not"), 2);
    assert_eq!(read.noted("bodies are missing"), 1);
}

#[test]
fn credentials_are_blanked_unless_wanted() {
    let entry = entry(
        0,
        "http://me:hunter2@h.example/",
        json!({
        "request": {"headers": [{"name": "Cookie", "value": "id=hunter2"}], "cookies": [{"name": "id", "value": "hunter2"}]}}),
    );
    let text = json!({"log": {"entries": [entry]}}).to_string();
    for keep_secrets in [false, true] {
        let settings = Settings { keep_secrets, ..Settings::in_memory() };
        let read = recorded(text.as_bytes(), &Options::default(), settings).unwrap();
        let lines: Vec<_> =
            read.story.events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
        let mut everything = lines.concat();
        for event in &read.story.events {
            if let roundtrip_record::What::ImportedFile(file) = &event.what {
                let entries = read.bodies.get(file.entries.as_ref().unwrap()).unwrap();
                everything += &String::from_utf8(entries).unwrap();
            }
        }
        assert_eq!(everything.contains("hunter2"), keep_secrets);
    }
}

#[test]
fn ten_thousand_damaged_archives_are_read_or_refused() {
    let text = json!({"log": {"version": "1.2", "creator": {"name": "x", "version": 1}, "pages": [{"id": "p", "pageTimings": {"onLoad": 5}}],
        "entries": [
            entry(0, "https://h.example/", json!({"pageref": "p", "connection": "7", "timings": {"blocked": 1, "dns": 2, "connect": 9, "ssl": 5},
                "_initiator": {"type": "script", "stack": {"parent": {"callFrames": [{"url": "u", "lineNumber": 4}]}}},
                "response": {"content": {"size": 3, "text": "QUJD", "encoding": "base64"}, "redirectURL": "/x", "status": 302}})),
            entry(30, "https://h.example/x", json!({"pageref": "p", "response": {"status": 0, "_error": "net::ERR_ABORTED"}})),
        ]}}).to_string().into_bytes();
    let tokens: [&[u8]; 12] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b",",
        b"\\u",
        b"-1",
        b"1e308",
        b"null",
        b"\xff",
        b"99999999999999999999",
    ];
    let mut chance = Chance(1);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..10_000 {
        let mut file = text.clone();
        for _ in 0..=chance.below(3) {
            let at = chance.below(file.len());
            match chance.below(4) {
                0 => file[at] = chance.below(256) as u8,
                1 => drop(file.splice(at..at, tokens[chance.below(12)].iter().copied())),
                2 => drop(file.drain(at..(at + chance.below(40)).min(file.len()))),
                _ => {
                    let end = (at + chance.below(40)).min(file.len());
                    let copy = file[at..end].to_vec();
                    drop(file.splice(at..at, copy));
                }
            }
        }
        match bytes(&file, &Options::default()) {
            Ok(_) => read += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused: both are to be tried");
}
