//! What changed between two runs is found, and the shares of a difference add up to it.

mod common;

use core::time::Duration;

use common::{Fetch, Visit};
use roundtrip_record::{Blocks, Interval, Priority};
use roundtrip_story::{
    Both, Cause, Change, Condition, ConditionOutcome, Diff, MomentDiff, PairedBy, Part, Place,
    Shift, Significance, Story, Way,
};

fn diff(a: &Visit, b: &Visit) -> Diff {
    Diff::between(&[a.story()], &[b.story()]).expect("a run each")
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn later(millis: i64) -> Shift {
    let size = ms(millis.unsigned_abs());
    if millis < 0 {
        Shift::between(size, Duration::ZERO)
    } else {
        Shift::between(Duration::ZERO, size)
    }
}

/// A page, a sheet and a script, one after the other.
fn page() -> Visit {
    Visit::new("https://shop.example/")
        .fetch(Fetch::new("https://shop.example/", 0, 100).sized(3_000))
        .fetch(Fetch::new("https://shop.example/style.css", 100, 200).sized(20_000))
        .fetch(Fetch::new("https://shop.example/app.js", 200, 400).sized(210_000))
}

#[track_caller]
fn adds_up(moment: &MomentDiff) {
    let sum: Shift = moment.shares.iter().map(|share| share.difference).sum();
    assert_eq!(sum + moment.other, moment.shown.shift(), "{moment:?}");
}

#[test]
fn a_run_is_no_different_from_itself() {
    let diff = diff(&page(), &page());
    assert!(diff.nothing_changed() && diff.same_exchanges(), "{diff:?}");
    assert_eq!(diff.unchanged(), 3);
    assert!(diff.load.shares.is_empty() && diff.load.difference.is_zero());
    assert_eq!(diff.load.significance, Significance::OneRun);
}

#[test]
fn a_file_that_grew_is_why_the_load_came_later() {
    let grown = Visit::new("https://shop.example/")
        .fetch(Fetch::new("https://shop.example/", 0, 100).sized(3_000))
        .fetch(Fetch::new("https://shop.example/style.css", 100, 200).sized(20_000))
        .fetch(Fetch::new("https://shop.example/app.js", 200, 920).sized(484_000));
    let diff = diff(&page(), &grown);
    assert_eq!(diff.load.took, Both::new(ms(400), ms(920)));
    adds_up(&diff.load);
    let [share] = diff.load.shares.as_slice() else { panic!("{:?}", diff.load.shares) };
    assert_eq!(share.difference, later(520));
    let [part] = share.parts.as_slice() else { panic!("{share:?}") };
    assert_eq!(part.part, Part::Body);
    let encoded = Both::new(210_000, 484_000);
    let codings = Both::default();
    assert_eq!(part.causes, [Cause::Resized { encoded, codings }]);
    assert!(diff.pairs[2].changes.contains(&Change::Encoded(encoded)));
    assert_eq!((diff.unchanged(), diff.added.len(), diff.removed.len()), (2, 0, 0));
}

#[test]
fn a_file_that_is_smaller_is_no_reason_to_come_later() {
    let shrunk = Visit::new("https://shop.example/")
        .fetch(Fetch::new("https://shop.example/", 0, 100).sized(3_000))
        .fetch(Fetch::new("https://shop.example/style.css", 100, 200).sized(20_000))
        .fetch(Fetch::new("https://shop.example/app.js", 200, 500).sized(100_000));
    let diff = diff(&page(), &shrunk);
    let part = &diff.load.shares[0].parts[0];
    assert_eq!(part.took.shift(), later(100));
    assert!(part.causes.is_empty(), "the size speaks for less time: {part:?}");
}

#[test]
fn a_new_connection_is_told_with_who_closed_the_one_before() {
    let again = |closed: bool| {
        let kept = Fetch::new("https://shop.example/style.css", 100, 200).on(1, 1);
        let script = Fetch::new("https://shop.example/app.js", 200, 400);
        Visit::new("https://shop.example/")
            .fetch(Fetch::new("https://shop.example/", 0, 100).on(1, 0))
            .fetch(if closed { kept.closed_by_server() } else { kept })
            .fetch(if closed {
                script.until(590).connecting(190).on(2, 0)
            } else {
                script.on(1, 2)
            })
    };
    let diff = diff(&again(false), &again(true));
    adds_up(&diff.load);
    let [share] = diff.load.shares.as_slice() else { panic!("{:?}", diff.load.shares) };
    let [part] = share.parts.as_slice() else { panic!("{share:?}") };
    assert_eq!((part.part, part.took.shift()), (Part::Connection, later(190)));
    let way = Both::new(Way::Reused, Way::New);
    assert_eq!(part.causes, [Cause::Connection { way, closed_after: Some(2) }]);
    let server = &diff.servers[0];
    assert!(server.has_changed());
    assert_eq!(server.connections, Both::new(1, 2));
    assert_eq!(server.closed, Both::new(vec![], vec![2]));
}

#[test]
fn where_the_path_leads_through_another_file_the_share_is_the_difference_of_both() {
    let with = |a_ends: u64, b_ends: u64| {
        Visit::new("https://shop.example/")
            .fetch(Fetch::new("https://shop.example/", 0, 100))
            .fetch(Fetch::new("https://shop.example/a.png", 100, a_ends).sized(a_ends * 100))
            .fetch(Fetch::new("https://shop.example/b.png", 100, b_ends).sized(b_ends * 100))
    };
    let diff = diff(&with(300, 200), &with(300, 450));
    adds_up(&diff.load);
    let [share] = diff.load.shares.as_slice() else { panic!("{:?}", diff.load.shares) };
    assert_eq!(share.difference, later(150));
    let Place::Detour { a, b } = &share.place else { panic!("{share:?}") };
    assert_eq!((a[0].0, b[0].0), (2, 3));
    // It is b.png whose own growth by 250 ms led there.
    let part = &share.parts[0];
    assert_eq!((part.part, part.took), (Part::Body, Both::new(ms(50), ms(300))));
    assert!(matches!(part.causes[0], Cause::Resized { .. }));
}

#[test]
fn what_is_new_and_what_is_gone() {
    let other = Visit::new("https://shop.example/")
        .fetch(Fetch::new("https://shop.example/", 0, 100).sized(3_000))
        .fetch(Fetch::new("https://shop.example/app.js", 100, 300).sized(210_000))
        .fetch(Fetch::new("https://shop.example/more.js", 300, 700).sized(1_000));
    let diff = diff(&page(), &other);
    adds_up(&diff.load);
    assert_eq!(diff.added.len(), 1);
    assert_eq!(diff.added[0].url, "https://shop.example/more.js");
    assert_eq!(diff.removed[0].url, "https://shop.example/style.css");
    // The sheet was not waited for, the new script is.
    let causes = diff.load.shares.iter().flat_map(|share| &share.causes).collect::<Vec<_>>();
    assert_eq!(causes, [&Cause::Added]);
    let back = self::diff(&other, &page());
    adds_up(&back.load);
    let causes = back.load.shares.iter().flat_map(|share| &share.causes).collect::<Vec<_>>();
    assert_eq!(causes, [&Cause::Removed]);
}

#[test]
fn exchanges_are_paired_by_what_stays_the_same() {
    let build = |origin: &str, hash: &str, token: &str| {
        let at = |path: &str| format!("{origin}{path}");
        Visit::new(&at("/"))
            .fetch(Fetch::new(&at("/"), 0, 10))
            .fetch(Fetch::new(&at(&format!("/app.{hash}.js")), 10, 20))
            .fetch(Fetch::new(&at(&format!("/api?page={token}")), 20, 30))
            .fetch(Fetch::new(&at("/same.css"), 30, 40))
            .fetch(Fetch::new(&at("/same.css"), 40, 50))
    };
    let by = |diff: &Diff| diff.pairs.iter().map(|pair| pair.by).collect::<Vec<_>>();
    let one = build("https://shop.example", "3f2a1b", "1");
    let (url, bare, hashed) = (PairedBy::Url, PairedBy::UrlWithoutQuery, PairedBy::HashedName);
    let same = diff(&one, &build("https://shop.example", "77aa10", "2"));
    assert_eq!(by(&same), [url, hashed, bare, url, url]);
    assert!(same.added.is_empty() && same.removed.is_empty());
    // The first of two that are alike is paired with the first.
    assert_eq!(same.pairs[3].exchange.a.0, same.pairs[3].exchange.b.0);

    let plain = diff(&one, &build("http://shop.example", "3f2a1b", "1"));
    assert_eq!(by(&plain), [PairedBy::Scheme; 5]);
    let staged = diff(&one, &build("https://staging.example:8443", "3f2a1b", "2"));
    let (page, bare) = (PairedBy::PageOrigin, PairedBy::PageOriginWithoutQuery);
    assert_eq!(by(&staged), [page, page, bare, page, page]);
    assert_eq!((staged.other_origin(), staged.unchanged()), (4, 4));
    assert!(!staged.nothing_changed());
}

#[test]
fn changes_are_more_than_sizes() {
    let of = |version: &'static str, priority, blocks, think: u64| {
        Visit::new("https://shop.example/")
            .fetch(Fetch::new("https://shop.example/", 0, 100).over(version))
            .fetch(
                Fetch::new("https://shop.example/app.js", 200, 600)
                    .over(version)
                    .urgent(priority)
                    .blocking(blocks)
                    .thinking(think),
            )
    };
    let a = of("HTTP/1.1", Priority::High, Blocks::Nothing, 10);
    let b = of("HTTP/2", Priority::Low, Blocks::Render, 130);
    let diff = diff(&a, &b);
    let changes = &diff.pairs[1].changes;
    for wanted in [
        Change::Protocol(Both::new("HTTP/1.1".into(), "HTTP/2".into())),
        Change::Priority(Both::new(Priority::High, Priority::Low)),
        Change::Blocks(Both::new(Blocks::Nothing, Blocks::Render)),
        Change::Think(Both::new(ms(10), ms(130))),
    ] {
        assert!(changes.contains(&wanted), "{wanted:?} of {changes:?}");
    }
    // The load came at the same time all the same.
    assert!(diff.load.difference.is_zero());
    adds_up(&diff.load);
}

#[test]
fn few_are_said_to_have_moved() {
    let order = |names: [&str; 4]| {
        names.iter().zip(0..).fold(Visit::new("https://shop.example/"), |visit, (name, n)| {
            visit.fetch(Fetch::new(&format!("https://shop.example/{name}"), n * 10, n * 10 + 10))
        })
    };
    let diff = diff(&order(["", "a", "b", "c"]), &order(["", "c", "a", "b"]));
    let moved: Vec<&str> = diff
        .pairs
        .iter()
        .filter(|pair| pair.changes.iter().any(|change| matches!(change, Change::Moved(_))))
        .map(|pair| pair.url.as_str())
        .collect();
    assert_eq!(moved, ["https://shop.example/c"]);
}

/// Runs of a page whose script ends at these times.
fn set(ends: &[u64]) -> Vec<Story> {
    let run = |end: &u64| {
        Visit::new("https://shop.example/")
            .fetch(Fetch::new("https://shop.example/", 0, 100))
            .fetch(Fetch::new("https://shop.example/app.js", 100, *end))
            .story()
    };
    ends.iter().map(run).collect()
}

fn judged(a: &[Story], b: &[Story], condition: &str) -> ConditionOutcome {
    let diff = Diff::between(a, b).expect("runs");
    condition.parse::<Condition>().expect("a condition").judge(&diff).outcome
}

#[test]
fn sets_are_compared_by_their_medians_and_their_spread() {
    let (calm, late) = (set(&[400, 410, 420, 430, 440]), set(&[500, 510, 520, 530, 540]));
    let noisy = set(&[300, 400, 460, 470, 900]);
    let diff = Diff::between(&calm, &late).expect("runs");
    assert_eq!(diff.load.took, Both::new(ms(420), ms(520)));
    assert_eq!(diff.sides.b.shown, 2);
    assert!(matches!(diff.load.significance, Significance::Beyond { .. }));
    adds_up(&diff.load);
    let within = Diff::between(&calm, &noisy).expect("runs");
    assert!(within.load.significance.is_within(), "{:?}", within.load.significance);

    assert_eq!(judged(&calm, &late, "load > 5%"), ConditionOutcome::Failed);
    assert_eq!(judged(&calm, &late, "load > 200 ms"), ConditionOutcome::Held);
    assert!(matches!(judged(&calm, &noisy, "load > 5%"), ConditionOutcome::WithinSpread { .. }));
    // Three runs a side cannot tell; what they show counts then.
    let few = (set(&[400, 410, 420]), set(&[500, 510, 520]));
    assert_eq!(judged(&few.0, &few.1, "load > 5%"), ConditionOutcome::Failed);
    // The record of a visit of ours has no paint here.
    assert_eq!(judged(&calm, &late, "first-paint > 5%"), ConditionOutcome::NotMeasured);
    assert_eq!(judged(&calm, &late, "requests > 0"), ConditionOutcome::Held);
}

#[test]
fn a_record_that_is_the_median_of_several_runs_tells_their_spread() {
    let interval =
        |low, median, high| Interval { low: ms(low), median: ms(median), high: ms(high) };
    let a = page().among(5, interval(390, 400, 420));
    let grown = |end| {
        Visit::new("https://shop.example/")
            .fetch(Fetch::new("https://shop.example/", 0, 100).sized(3_000))
            .fetch(Fetch::new("https://shop.example/style.css", 100, 200).sized(20_000))
            .fetch(Fetch::new("https://shop.example/app.js", 200, end).sized(484_000))
    };
    let beyond = diff(&a, &grown(520).among(5, interval(500, 520, 600)));
    assert!(matches!(beyond.load.significance, Significance::Beyond { .. }));
    let within = diff(&a, &grown(430).among(5, interval(415, 430, 600)));
    assert!(within.load.significance.is_within());
}
