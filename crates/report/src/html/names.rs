//! The lookups of a report: the ladder of name sources, and the delegation tree.

use maud::{Markup, html as markup};
use roundtrip_record::{Outcome, Source};

use crate::model::{Lookup, Model, Rung};
use crate::names::{outcome, source};
use crate::text::{clean, count, duration};

pub(super) fn section(model: &Model) -> Markup {
    if model.lookups.is_empty() {
        return markup! {};
    }
    markup! {
        section #names {
            h2 { (say!("Who knew the name")) }
            @for (lookup, again) in grouped(&model.lookups) {
                (ladder(model, lookup))
                @if again > 0 { p.note { (say!("asked for ")) (count(again, "time")) (say!(" more, and answered alike")) } }
            }
        }
    }
}

fn sources(lookup: &Lookup) -> impl Iterator<Item = &Source> {
    lookup.rungs.iter().map(|rung| &rung.source)
}

/// The lookups, each with the number of further ones that were answered alike.
fn grouped(lookups: &[Lookup]) -> Vec<(&Lookup, usize)> {
    let mut groups: Vec<(&Lookup, usize)> = Vec::new();
    for lookup in lookups {
        let like = |other: &Lookup| {
            (other.host, &other.name, &other.addresses)
                == (lookup.host, &lookup.name, &lookup.addresses)
                && sources(other).eq(sources(lookup))
        };
        match groups.iter_mut().find(|(other, _)| like(other)) {
            Some((_, again)) => *again += 1,
            None => groups.push((lookup, 0)),
        }
    }
    groups
}

fn ladder(model: &Model, lookup: &Lookup) -> Markup {
    let addresses: Vec<String> = lookup.addresses.iter().map(ToString::to_string).collect();
    let (zones, rungs): (Vec<&Rung>, Vec<&Rung>) =
        lookup.rungs.iter().partition(|rung| matches!(rung.source, Source::Zone { .. }));
    markup! {
        h3 {
            span.url { (clean(&lookup.name)) } " "
            @if lookup.host != model.client() { (say!("asked by {} ", clean(model.host_name(lookup.host)))) }
            "→ " @if addresses.is_empty() { (say!("nothing")) } @else { span.url { (addresses.join(", ")) } }
            (say!(" in {}", duration(lookup.span.took())))
            @if let Some(ttl) = lookup.ttl { (say!(", good for {}", duration(core::time::Duration::from_secs(ttl.into())))) }
        }
        @if !lookup.aliases.is_empty() { p.note { (say!("by way of {}", clean(&lookup.aliases.join(" → ")))) } }
        ul.ladder {
            @for rung in &rungs {
                li class=(class(rung)) {
                    span.knot {}
                    span { (source(&rung.source)) }
                    span.said { @if !rung.record_type.is_empty() { (clean(&rung.record_type)) " " } (said(rung)) }
                    span.number { @if rung.took.is_zero() { "" } @else { (duration(rung.took)) } }
                }
            }
        }
        (tree(&zones))
        @for nested in &lookup.nested {
            p.note { (say!("{} asked from the root down, {}:", clean(model.host_name(nested.host)), duration(nested.span.took()))) }
            (tree(&nested.rungs.iter().collect::<Vec<_>>()))
        }
    }
}

fn class(rung: &Rung) -> &'static str {
    match &rung.outcome {
        Some(Outcome::Found { .. } | Outcome::Alias { .. } | Outcome::Referral { .. }) => "found",
        Some(Outcome::Miss) => "miss",
        _ => "failed",
    }
}

fn said(rung: &Rung) -> String {
    rung.outcome.as_ref().map_or(say!("no answer").into(), outcome)
}

/// The delegation tree, in which each referral stands below the zone that gave it.
fn tree(rungs: &[&Rung]) -> Markup {
    let Some((first, below)) = rungs.split_first() else { return markup! {} };
    let referred = matches!(first.outcome, Some(Outcome::Referral { .. }));
    markup! {
        ul.tree {
            li {
                b { (source(&first.source)) } " "
                span.said { (clean(&first.record_type)) " " (clean(&first.asked)) " → " }
                (said(first)) " "
                span.said { (duration(first.took)) }
                @if referred { (tree(below)) }
            }
            @if !referred { @if !below.is_empty() { li { (tree(below)) } } }
        }
    }
}
