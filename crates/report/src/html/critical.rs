//! The critical paths of a report: the chain of waits that ends in the first paint, and the one that
//! ends in the load.

use maud::{Markup, html as markup};

use crate::leg::{detail, name};
use crate::model::{CriticalPath, Leg, Model, as_millis};
use crate::text::{duration, millis, percent};

/// The most legs of a path that are drawn.
const MOST_LEGS: usize = 100;

pub(super) fn section(model: &Model) -> Markup {
    let load = model.critical_to_load();
    if load.legs.len() < 2 {
        return markup! {};
    }
    let paint = model.critical_to_paint().filter(|path| path.legs.len() > 1);
    let end = if model.milestones.is_empty() { say!("end") } else { say!("load") };
    markup! {
        section #critical {
            h2 { (say!("The critical path: what had to be waited for")) }
            p.note { (say!("Whatever is not on it could have been slower without harm.")) }
            @if let Some(paint) = &paint { (path(model, say!("first paint"), paint)) }
            (path(model, end, &load))
        }
    }
}

fn path(model: &Model, title: &str, path: &CriticalPath) -> Markup {
    markup! {
        h3 { (say!("To the {}, {}", title, duration(path.span.took()))) }
        div.legs {
            @for leg in path.legs.iter().take(MOST_LEGS) { (row(model, path, leg)) }
            @if path.legs.len() > MOST_LEGS { p.note { (say!("{} more legs are in the JSON.", path.legs.len() - MOST_LEGS)) } }
        }
    }
}

fn row(model: &Model, path: &CriticalPath, leg: &Leg) -> Markup {
    let whole = as_millis(path.span.took()).max(1e-6);
    let left = as_millis(leg.span.start - path.span.start) / whole * 100.0;
    let width = as_millis(leg.took()) / whole * 100.0;
    let name = name(leg, model);
    markup! {
        div.leg {
            span.label title=(name) { (name) }
            span.number title=(percent(leg.took(), path.span.took())) { (millis(leg.took())) }
            div.track { i class=(format!("k-{}", leg.step.name())) style=(format!("left:{left:.3}%;width:{width:.3}%")) {} }
            span.said { (detail(leg, model)) }
        }
    }
}
