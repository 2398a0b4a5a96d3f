//! A sweep gives the same bytes however it is carried out, goes on where it was, and is merged from shards.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use roundtrip_story::Figure;
use roundtrip_sweep::{
    Grid, Progress, Ran, Settings, Shard, Sources, SweepError, SweepPlan, SweepReport, html, json,
    merge, records, results, sweep, text,
};
use tempfile::TempDir;

const PLAN: &str = r#"
inputs = [{ at = "shop", name = "shop" }, "demo"]
networks = ["cable", "3g,loss=2%"]
variants = ["gzip"]
seeds = 3
[[population]]
name = "town"
draws = 2
rtt = { source = "a survey of the town", p10 = "20ms", p50 = "40ms", p90 = "200ms" }
down = { source = "a survey of the town", p10 = "2Mbit", p90 = "50Mbit" }
up = "1Mbit"
"#;

/// A folder with a site and a plan.
fn place(plan: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let site = folder.path().join("shop");
    fs::create_dir(&site).expect("a folder");
    let page = "<!doctype html><title>Shop</title><link rel=stylesheet href=shop.css>\
                <script src=shop.js></script><p>A shop.";
    fs::write(site.join("index.html"), page).expect("a file");
    fs::write(site.join("shop.css"), "p { margin: 1px }\n".repeat(2000)).expect("a file");
    fs::write(site.join("shop.js"), "// shop\n".repeat(3000)).expect("a file");
    let path = folder.path().join("plan.toml");
    fs::write(&path, plan).expect("a file");
    (folder, path)
}

fn read(path: &Path) -> (SweepPlan, Result<Grid, SweepError>) {
    let text = fs::read_to_string(path).expect("a plan");
    let plan = SweepPlan::parse(&text, path).unwrap_or_else(|error| panic!("{error}"));
    let saved = |_: &str| Err("nothing is saved here".to_owned());
    let sources = Sources { folder: path.parent().expect("a folder"), saved: &saved };
    let grid = Grid::of(&plan, &sources, None);
    (plan, grid)
}

fn grid(path: &Path) -> Grid {
    read(path).1.unwrap_or_else(|error| panic!("{error}"))
}

/// Carries a shard out; it is told to stop once so many cells are done.
fn run(grid: &Grid, shard: &str, out: &Path, threads: usize, until: u64) -> Ran {
    let stop = AtomicBool::new(false);
    let progress = |progress: Progress| {
        if progress.done >= until {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let settings = Settings {
        threads: NonZeroUsize::new(threads).expect("not 0"),
        stop: &stop,
        progress: &progress,
    };
    let shard: Shard = shard.parse().expect("a shard");
    sweep(grid, shard, out, &settings).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn threads_and_shards_change_no_byte() {
    let (folder, plan) = place(PLAN);
    let grid = grid(&plan);
    // Two settings of the shop and one of the demo or more, four networks, three seeds.
    assert!(grid.cells() >= 36 && grid.cells().is_multiple_of(12), "{}", grid.cells());
    let at = |name: &str| folder.path().join(name);
    assert_eq!(run(&grid, "1/1", &at("one.parquet"), 1, u64::MAX), Ran::Written);
    assert_eq!(run(&grid, "1/1", &at("two.parquet"), 2, u64::MAX), Ran::Written);
    let one = fs::read(at("one.parquet")).expect("rows");
    assert!(one == fs::read(at("two.parquet")).expect("rows"), "the number of threads shows");
    for number in 1..=7 {
        let shard: Shard = format!("{number}/7").parse().expect("a shard");
        run(&grid, &shard.to_string(), &at("shards").join(shard.file_name()), 2, u64::MAX);
    }
    let files = results(&[at("shards")], &at("merged.parquet")).expect("files");
    assert_eq!(files.len(), 7);
    let merged = merge(&files, &at("merged.parquet")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((merged.rows, merged.repeated), (grid.cells(), 0));
    assert!(one == fs::read(at("merged.parquet")).expect("rows"), "the shards show");
    // A grid that is read again, from files that were copied, is the same one.
    let copied = fs::read(at("shop/shop.css")).expect("a file");
    fs::write(at("shop/shop.css"), copied).expect("a file");
    assert_eq!(self::grid(&plan).digest(), grid.digest());
    fs::write(at("shop/shop.css"), "p { margin: 2px }\n".repeat(2000)).expect("a file");
    assert_ne!(self::grid(&plan).digest(), grid.digest());
    // What was computed twice is compared.
    let twice = [files, vec![at("one.parquet")]].concat();
    let merged = merge(&twice, &at("merged.parquet")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(merged.repeated, grid.cells());
    assert!(one == fs::read(at("merged.parquet")).expect("rows"));
}

#[test]
fn what_is_stopped_goes_on_and_what_is_there_is_left() {
    let (folder, plan) = place(PLAN);
    let grid = grid(&plan);
    let at = |name: &str| folder.path().join(name);
    run(&grid, "2/2", &at("whole.parquet"), 1, u64::MAX);
    let whole = fs::read(at("whole.parquet")).expect("rows");
    let out = at("x.parquet");
    let Ran::Stopped(first) = run(&grid, "2/2", &out, 2, 5) else { panic!("it was stopped") };
    assert!(first.before == 0 && (5..=6).contains(&first.done), "{first:?}");
    assert!(!out.exists(), "a file is there whole or not at all");
    let Ran::Stopped(second) = run(&grid, "2/2", &out, 1, 9) else { panic!("it was stopped") };
    assert_eq!((second.before, second.done), (first.done, 9));
    assert_eq!(run(&grid, "2/2", &out, 2, u64::MAX), Ran::Written);
    assert!(fs::read(&out).expect("rows") == whole, "what was stopped shows");
    #[allow(clippy::disallowed_methods, reason = "sorted below")]
    let names = || {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .expect("a folder")
            .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(), ["plan.toml", "shop", "whole.parquet", "x.parquet"], "nothing else stays");
    let changed = || fs::metadata(&out).and_then(|data| data.modified()).expect("a time");
    let before = changed();
    assert_eq!(run(&grid, "2/2", &out, 1, u64::MAX), Ran::WasThere);
    assert_eq!(changed(), before);
    // One that was cut off, and one of another shard, are no such file.
    fs::write(&out, &whole[..whole.len() / 2]).expect("a file");
    assert_eq!(run(&grid, "2/2", &out, 2, u64::MAX), Ran::Written);
    assert!(fs::read(&out).expect("rows") == whole);
    assert_eq!(run(&grid, "1/2", &out, 2, u64::MAX), Ran::Written);
    assert!(fs::read(&out).expect("rows") != whole);
    fs::write(&out, "notes of mine").expect("a file");
    let stop = AtomicBool::new(false);
    let settings = Settings { threads: NonZeroUsize::MIN, stop: &stop, progress: &|_| {} };
    let refused = sweep(&grid, Shard::WHOLE, &out, &settings).expect_err("it is somebody's file");
    assert!(refused.to_string().contains("something else is there"), "{refused}");
}

#[test]
fn a_damaged_row_is_noticed() {
    let (folder, plan) = place(PLAN);
    let grid = grid(&plan);
    let out = folder.path().join("x.parquet");
    run(&grid, "1/3", &out, 2, u64::MAX);
    let whole = fs::read(&out).expect("rows");
    let mut damaged = whole.clone();
    // In the middle of the first column's page, behind its head.
    for byte in &mut damaged[40..60] {
        *byte ^= 0x55;
    }
    fs::write(&out, &damaged).expect("a file");
    assert_eq!(run(&grid, "1/3", &out, 2, u64::MAX), Ran::Written);
    assert!(fs::read(&out).expect("rows") == whole);
}

#[test]
fn what_does_not_belong_together_is_not_merged() {
    let (folder, plan) = place(PLAN);
    let at = |name: &str| folder.path().join(name);
    let grid = grid(&plan);
    for shard in ["1/4", "3/4"] {
        let name = shard.replace('/', "-");
        run(&grid, shard, &at(&name), 2, u64::MAX);
    }
    let said = |files: &[&str]| {
        let files: Vec<PathBuf> = files.iter().map(|name| at(name)).collect();
        merge(&files, &at("merged.parquet")).expect_err("not all").to_string()
    };
    let missing = said(&["3-4", "1-4"]);
    assert!(missing.contains("(shard 2/4)") && missing.contains("(shard 4/4)"), "{missing}");
    assert!(said(&["plan.toml"]).contains("plan.toml"));
    assert!(said(&["nothing"]).contains("nothing"));
    fs::write(&plan, PLAN.replace("seeds = 3", "seeds = 4")).expect("a file");
    run(&self::grid(&plan), "2/4", &at("other"), 2, u64::MAX);
    let other = said(&["1-4", "other"]);
    assert!(other.contains("another sweep"), "{other}");
    assert!(!at("merged.parquet").exists());
}

#[test]
fn a_report_says_what_the_rows_come_to() {
    let (folder, plan) = place(PLAN);
    let grid = grid(&plan);
    let out = folder.path().join("x.parquet");
    run(&grid, "1/1", &out, 2, u64::MAX);
    let report = SweepReport::read(&out, &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((report.visits, report.failed), (grid.cells(), 0));
    assert_eq!(report.inputs, ["shop", "demo"]);
    let load = &report.figures[0];
    assert_eq!(load.figure, Figure::Load);
    let networks: Vec<&str> = load.networks.iter().map(|one| one.network.as_str()).collect();
    assert_eq!(networks, ["cable", "3g,loss=2%", "town"]);
    let of_town: usize = load.networks[2].variants.iter().map(|one| one.visits).sum();
    assert_eq!(of_town as u64, grid.cells() / 2, "two draws, and one name");
    // The files of the shop are text, and 3g is slow: it helps there.
    let of = |network: &str| {
        let found = load.helped.iter().find(|one| one.variant == "gzip" && one.network == network);
        found.unwrap_or_else(|| panic!("{:?}", load.helped))
    };
    let gain =
        &of("3g,loss=2%").inputs.iter().find(|(input, _)| input == "shop").expect("the shop").1;
    assert_eq!((gain.pairs, gain.faster), (3, 3), "{gain:?}");
    assert!(gain.saving.is_some_and(|saving| saving.median_ms > 100.0), "{gain:?}");
    let told = text(&report);
    assert!(told.contains("What helps whom") && told.contains("helps shop"), "{told}");
    let page = html(&report, "x.parquet");
    assert!(page.contains("<polyline") && !page.contains("http://") && !page.contains("<script"));
    assert_eq!(json(&report)["figures"][0]["figure"], "load");
    // Any column can be told of, and none that is not there.
    let bytes = Figure::named("transferSize").expect("a metric");
    let report = SweepReport::read(&out, &[bytes]).expect("a column");
    assert!(report.figures[0].helped.is_empty() && text(&report).contains("kB"));
}

#[test]
fn cells_that_stand_out_are_recorded_as_they_went() {
    let (folder, plan) =
        place(&PLAN.replace("seeds = 3", "seeds = 2\nkeep-record = \"load > p90\""));
    let (read, grid) = read(&plan);
    let grid = grid.unwrap_or_else(|error| panic!("{error}"));
    let out = folder.path().join("x.parquet");
    run(&grid, "1/1", &out, 2, u64::MAX);
    let condition = read.keep.as_ref().expect("a condition");
    let kept = records(&grid, &out, condition, &folder.path().join("records"))
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(!kept.is_empty() && kept.len() as u64 <= grid.cells() / 10, "{kept:?}");
    let report = SweepReport::read(&out, &[]).expect("rows");
    let slowest = report.figures[0].networks.iter().flat_map(|one| &one.variants);
    let slowest = slowest.filter_map(|one| one.quantiles.last()).fold(0.0_f64, |a, b| a.max(*b));
    let loads = kept.iter().map(|(_, path)| {
        let folder = roundtrip_record::Folder::open(path).expect("a record");
        let story = roundtrip_story::Story::new(folder.read().expect("events").0);
        Figure::Load.of(&story).map_or(0.0, |nanos| nanos as f64 / 1e6)
    });
    let most = loads.fold(0.0_f64, f64::max);
    assert!((most - slowest).abs() < 1e-9, "the slowest cell, recorded: {most} and {slowest}");
}

#[test]
fn inputs_that_are_none_are_refused() {
    for (plan, says) in [
        ("inputs = \"nowhere\"\nnetworks = \"cable\"", "nothing is saved here"),
        ("inputs = \"shop\"\nnetworks = \"cable\"\nvariants = [\"gzipp\"]", "did you mean gzip?"),
        ("inputs = \"shop\"\nnetworks = \"cable\"\nprotocols = \"h2\"", "https = true"),
        ("inputs = \"plan.toml\"\nnetworks = \"cable\"", "plan.toml"),
        (
            "inputs = { at = \"plan.toml\", https = true }\nnetworks = \"cable\"",
            "by what it recorded",
        ),
    ] {
        let (_folder, path) = place(plan);
        let error = read(&path).1.expect_err(plan).to_string();
        assert!(error.contains(says), "{plan}: {error}");
    }
}
