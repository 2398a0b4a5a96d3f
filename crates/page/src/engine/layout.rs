//! The order in which the engine styles and lays out, which is its own no more.
//!
//! Blitz keeps, in the tables it lays out, plain addresses of `calc()` values that belong to the
//! computed styles of cells; a style computed anew frees them and leaves the addresses. So a
//! document is styled, repaired and styled again before it is laid out for the first time; and
//! where it is laid out more than once, since images came, the styles it was laid out with before
//! are kept until it is gone.

use blitz_dom::BaseDocument;
use style::properties::ComputedValues;
use style::servo_arc::Arc;

use super::net::{Answers, Queue};
use crate::limits;

/// How often resources that came may lead to others within one run.
const ROUNDS: usize = 64;

/// Answers what the document asks for before it is styled: its style sheets, and what these
/// import.
pub(super) fn gather(document: &mut BaseDocument, queue: &Queue, answers: &mut Answers<'_>) {
    for _ in 0..ROUNDS {
        let asked = answers.answer(queue);
        document.handle_messages();
        if asked == 0 && queue.is_empty() {
            return;
        }
    }
}

/// Styles what the repairs changed, and moves animations to the moment that is laid out; which
/// that is, in seconds.
pub(super) fn animate(document: &mut BaseDocument) -> f64 {
    document.resolve_stylist(0.0);
    if !document.is_animating() {
        return 0.0;
    }
    // What has ended gives its element back when it is styled once more, which layout does.
    document.resolve_stylist(limits::ANIMATED);
    limits::ANIMATED
}

/// Lays out, and answers what the document asks for until it asks for nothing more.
pub(super) fn settle(
    document: &mut BaseDocument,
    queue: &Queue,
    answers: &mut Answers<'_>,
    now: f64,
) {
    let mut kept = Vec::new();
    for _ in 0..ROUNDS {
        let asked = answers.answer(queue);
        document.resolve(now);
        if asked == 0 && queue.is_empty() {
            return;
        }
        kept.extend(styles(document));
    }
}

/// The computed styles of everything in the document.
pub(super) fn styles(document: &BaseDocument) -> impl Iterator<Item = Arc<ComputedValues>> {
    document.tree().iter().filter_map(|(_, node)| node.primary_styles().map(|style| style.clone()))
}
