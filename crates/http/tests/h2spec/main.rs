//! What a server of HTTP/2 must do with what a client sends it: the cases of the conformance suite
//! h2spec, as tables of our own. The suite is written for RFC 7540; where RFC 9113 has another rule,
//! the row follows that and says so.
//!
//! Each case is played in the clear and through TLS, with all frames at once and one by one: what a
//! server does must not depend on whether it has answered something already.

#[path = "../common/mod.rs"]
mod common;

mod case;
mod fields;
mod frames;
mod generic;
mod message;
mod preface;
mod streams;

use case::{Case, Manner};

/// Plays all of these, and tells all that is wrong, not only the first.
fn play(cases: &[Case]) {
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|case| Manner::ALL.map(|manner| case.check(manner)))
        .filter_map(Result::err)
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_every_client_does_is_understood() {
    play(&generic::cases());
}

#[test]
fn streams_are_in_the_states_that_they_may_be_in() {
    play(&streams::cases());
}

#[test]
fn frames_are_as_they_may_be() {
    play(&frames::cases());
}

#[test]
fn messages_are_as_they_may_be() {
    play(&message::cases());
}

#[test]
fn fields_are_coded_as_they_may_be() {
    play(&fields::cases());
}

#[test]
fn no_case_of_the_suite_is_missing() {
    let tables =
        [generic::cases(), streams::cases(), frames::cases(), message::cases(), fields::cases()];
    let mut names: Vec<&str> = tables.iter().flatten().map(|case| case.of).collect();
    names.extend(preface::CASES);
    names.retain(|name| !name.starts_with("own/"));
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a case stands twice: {names:?}");
    let count = |group: &str| names.iter().filter(|name| name.starts_with(group)).count();
    // Version 2.6 of the suite.
    assert_eq!((count("generic/"), count("http2/"), count("hpack/")), (44, 94, 8));
    assert_eq!(names.len(), 146);
}
