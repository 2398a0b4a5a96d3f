//! What a person sees.

mod common;

use roundtrip_report::{Charset, Detail, Model, Options, sequence, terminal};

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

#[test]
fn a_live_visit() {
    let model = Model::new(common::live().events());
    insta::assert_snapshot!("live_100", terminal(&model, &width(100)));
    let verbose = Options { detail: Detail::Verbose, ..width(100) };
    insta::assert_snapshot!("live_verbose", terminal(&model, &verbose));
}
