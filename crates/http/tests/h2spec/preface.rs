//! How a connection begins (RFC 9113 §3.4).

use crate::case::{PROTOCOL_ERROR, connect, play, site};
use crate::common::frames::{ACK, Frame, PREFACE, SETTINGS, goaway, settings};

/// The cases that are played here.
pub(crate) const CASES: [&str; 3] = ["generic/1/1", "http2/3.5/1", "http2/3.5/2"];

#[test]
fn a_server_says_its_settings_first_and_acknowledges_those_of_the_client() {
    for secure in [false, true] {
        let frames = play(move |site, authority| async move {
            let mut raw = connect(&site, &authority, secure).await;
            raw.write(PREFACE).await;
            raw.send(&[settings(&[])]).await;
            let mut frames: Vec<Frame> = Vec::new();
            while frames.last().is_none_or(|frame| frame.flags & ACK == 0) {
                frames.push(raw.next().await.unwrap());
            }
            frames
        });
        let kinds = |frame: &Frame| (frame.kind, frame.flags & ACK);
        assert_eq!(frames.first().map(kinds), Some((SETTINGS, 0)), "{secure}");
        assert_eq!(frames.last().map(kinds), Some((SETTINGS, ACK)), "{secure}");
    }
}

/// A client that agreed on `h2` and says something else is told, and is not taken for one of HTTP/1.
#[test]
fn words_that_are_not_the_preface_end_a_connection_that_agreed_on_h2() {
    for words in [&b"GET / HTTP/1.1\r\nHost: www0.test\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nno"] {
        let (frames, closed) = play(move |site, authority| async move {
            let mut raw = connect(&site, &authority, true).await;
            raw.write(words).await;
            let frames = raw.rest().await;
            (frames, raw.is_closed())
        });
        assert!(closed && goaway(&frames) == Some(PROTOCOL_ERROR), "{frames:?}");
    }
}

/// In the clear one port speaks both versions, and which one shows by the first words alone: words
/// that do not begin HTTP/2 are a request of HTTP/1, and are answered as one. RFC 9113 §3.4 speaks of
/// connections on which HTTP/2 is agreed; that nothing else comes of a wrong preface than an answer
/// and the end, holds all the same.
#[test]
fn words_that_are_not_the_preface_are_answered_as_http_1_in_the_clear() {
    for words in [&b"PRI * HTTP/2.0\r\n\r\nno"[..], b"INVALID\r\n\r\n"] {
        let (site, _) = site();
        let answer = site.talk(0, words);
        assert!(
            answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.1 505"),
            "{answer}"
        );
    }
}
