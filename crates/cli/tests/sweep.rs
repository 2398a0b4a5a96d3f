//! `sweep`: exit codes, shards of engines, signals, and cells that are what `visit` gives.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Roundtrip, Run};
use serde_json::Value;

fn sweep(roundtrip: &Roundtrip, arguments: &[&str]) -> Run {
    with(roundtrip, &[], arguments)
}

/// The command in the home folder, with these variables and none of an engine.
fn with(roundtrip: &Roundtrip, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    roundtrip.run_with(command(roundtrip, variables), &[&["sweep"], arguments].concat())
}

fn command(roundtrip: &Roundtrip, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roundtrip"));
    command.current_dir(roundtrip.folder(""));
    for variable in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "HQ_TASK_ID"] {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied());
    command
}

fn plan(roundtrip: &Roundtrip, text: &str) {
    fs::write(roundtrip.folder("plan.toml"), text).expect("a file");
}

fn bytes(roundtrip: &Roundtrip, name: &str) -> Vec<u8> {
    fs::read(roundtrip.folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

const PLAN: &str = "inputs = \"demo\"\nnetworks = [\"cable\", \"3gfast,loss=1%\"]\nseeds = 10\n";

#[test]
fn a_plan_that_is_wrong_ends_with_2_and_its_line() {
    let roundtrip = Roundtrip::new();
    plan(&roundtrip, "inputs = \"demo\"\nnetwork = \"cable\"\n");
    for step in ["run", "plan"] {
        let run = sweep(&roundtrip, &[step, "plan.toml"]).expect(2);
        assert!(run.err().contains("plan.toml, line 2: \"network\""), "{}", run.err());
        assert!(run.err().contains("did you mean networks?"), "{}", run.err());
    }
    sweep(&roundtrip, &["nothing.toml"]).expect(2);
    plan(&roundtrip, PLAN);
    let run = sweep(&roundtrip, &["plan.toml", "--shards", "4"]).expect(2);
    assert!(run.err().contains("--shard 1/4"), "{}", run.err());
    let run = with(&roundtrip, &[("JOB_COMPLETION_INDEX", "1")], &["plan.toml"]).expect(2);
    assert!(run.err().contains("--shards N"), "{}", run.err());
    sweep(&roundtrip, &["plan.toml", "--shard", "0/4"]).expect(2);
}

#[test]
fn a_plan_says_what_it_comes_to() {
    let roundtrip = Roundtrip::new();
    plan(&roundtrip, PLAN);
    let run = sweep(&roundtrip, &["plan", "plan.toml"]).expect(0);
    assert!(run.out().starts_with("20 cells = 1 setting × 2 networks × 10 seeds"), "{}", run.out());
    assert!(run.out().contains("of processor time"), "{}", run.out());
    let told = sweep(&roundtrip, &["plan", "plan.toml", "--format", "json"]).expect(0);
    let told: Value = serde_json::from_str(&told.out()).expect("JSON");
    assert_eq!((told["cells"].as_u64(), told["shards"].as_u64()), (Some(20), Some(1)));
    let script = sweep(&roundtrip, &["plan", "plan.toml", "--emit", "slurm", "--shards", "4"]);
    assert!(script.out().contains("#SBATCH --array=0-3"), "{}", script.out());
    sweep(&roundtrip, &["plan", "plan.toml", "--emit", "pbs", "--shards", "4"]).expect(2);
}

#[test]
fn shards_of_engines_are_merged_to_the_whole() {
    let roundtrip = Roundtrip::new();
    plan(&roundtrip, PLAN);
    sweep(&roundtrip, &["plan.toml"]).expect(0);
    let whole = bytes(&roundtrip, "plan.parquet");
    let arguments = ["run", "plan.toml", "--out", "shards"];
    let of = [&arguments[..], &["--shards", "4"]].concat();
    with(&roundtrip, &[("HQ_TASK_ID", "0")], &of).expect(0);
    with(&roundtrip, &[("JOB_COMPLETION_INDEX", "1")], &of).expect(0);
    let run = sweep(&roundtrip, &["merge", "shards"]).expect(1);
    assert!(run.err().contains("(shards 3/4 to 4/4)"), "{}", run.err());
    let slurm = [
        ("SLURM_ARRAY_TASK_ID", "7"),
        ("SLURM_ARRAY_TASK_COUNT", "4"),
        ("SLURM_ARRAY_TASK_MIN", "5"),
    ];
    with(&roundtrip, &slurm, &arguments).expect(0);
    sweep(&roundtrip, &[&arguments[..], &["--shard", "4/4"]].concat()).expect(0);
    let again = sweep(&roundtrip, &[&arguments[..], &["--shard", "4/4"]].concat()).expect(0);
    assert!(again.err().contains("is there already"), "{}", again.err());
    sweep(&roundtrip, &["merge", "shards", "--out", "merged.parquet"]).expect(0);
    assert!(whole == bytes(&roundtrip, "merged.parquet"), "one process or four");
    let report = sweep(&roundtrip, &["report", "merged.parquet", "--html", "r.html"]).expect(0);
    assert!(report.out().starts_with("20 visits of 1 input over 2 networks"), "{}", report.out());
    assert!(bytes(&roundtrip, "r.html").starts_with(b"<!DOCTYPE html>"));
}

/// Starts a sweep, and waits until it has done something more than what was done before.
fn started(roundtrip: &Roundtrip) -> Child {
    let part = roundtrip.folder("plan.parquet.part");
    let length = || fs::metadata(&part).map_or(0, |data| data.len());
    let before = length();
    #[allow(clippy::zombie_processes, reason = "where it panics, the test is over")]
    let child = command(roundtrip, &[])
        .env("HOME", roundtrip.folder(""))
        .args(["sweep", "plan.toml", "--threads", "2"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    for _ in 0..6_000 {
        if length() > before + 1_000 {
            return child;
        }
        #[allow(clippy::disallowed_methods, reason = "another process is waited for")]
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nothing was done within a minute");
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

#[test]
fn a_sweep_that_is_ended_goes_on() {
    let roundtrip = Roundtrip::new();
    plan(&roundtrip, &PLAN.replace("seeds = 10", "seeds = 400"));
    for (name, exit) in [("-TERM", 75), ("-INT", 130)] {
        let child = started(&roundtrip);
        signal(&child, name);
        let output = child.wait_with_output().expect("its end");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{said}");
        assert!(said.contains("of 800 cells are done and kept"), "{said}");
    }
    // What is killed outright has what its checkpoint has.
    let mut child = started(&roundtrip);
    child.kill().expect("kill");
    child.wait().expect("its end");
    assert!(!Path::new(&roundtrip.folder("plan.parquet")).exists());
    sweep(&roundtrip, &["plan.toml"]).expect(0);
    let pieced = bytes(&roundtrip, "plan.parquet");
    sweep(&roundtrip, &["plan.toml", "--out", "at-once.parquet"]).expect(0);
    assert!(pieced == bytes(&roundtrip, "at-once.parquet"), "what was ended shows");
}

#[test]
fn a_cell_is_what_visit_gives() {
    let roundtrip = Roundtrip::new();
    let site = roundtrip.folder("site");
    fs::create_dir_all(&site).expect("a folder");
    let page = "<!doctype html><title>Shop</title><link rel=stylesheet href=a.css><p>A shop.<img src=b.svg>";
    fs::write(format!("{site}/index.html"), page).expect("a file");
    fs::write(format!("{site}/a.css"), "p { margin: 1px }\n".repeat(900)).expect("a file");
    let picture = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>";
    fs::write(format!("{site}/b.svg"), picture).expect("a file");
    let run = roundtrip.folder("run");
    roundtrip.run(&["visit", &site, "--net", "4g", "--out", &run, "-q"]).expect(0);
    let net = "3gfast,loss=2%";
    for seed in ["3", "4"] {
        plan(
            &roundtrip,
            &format!(
                "inputs = \"run\"\nnetworks = \"{net}\"\nseeds = {{ first = {seed}, count = 1 }}"
            ),
        );
        sweep(&roundtrip, &["plan.toml"]).expect(0);
        let visit = roundtrip.run(&[
            "visit",
            &run,
            "--net",
            net,
            "--seed",
            seed,
            "--runs",
            "1",
            "--no-picture",
            "--no-keep",
            "--format",
            "json",
        ]);
        let visit: Value = serde_json::from_str(&visit.expect(0).out()).expect("JSON");
        let metrics = visit["metrics"].as_array().expect("metrics");
        assert!(metrics.len() > 15, "{metrics:?}");
        for metric in metrics {
            let name = metric["name"].as_str().expect("a name");
            let told = sweep(
                &roundtrip,
                &["report", "plan.parquet", "--metric", name, "--format", "json"],
            );
            let told: Value = serde_json::from_str(&told.expect(0).out()).expect("JSON");
            let value = &told["figures"][0]["networks"][0]["variants"][0]["quantiles"][50];
            assert_eq!(value.as_f64(), metric["value"].as_f64(), "{name}, seed {seed}");
        }
    }
}

#[test]
fn what_keep_record_chooses_is_recorded() {
    let roundtrip = Roundtrip::new();
    plan(&roundtrip, &format!("{PLAN}metrics = [\"load\"]\nkeep-record = \"load > p90\"\n"));
    let run = sweep(&roundtrip, &["plan.toml"]).expect(0);
    assert!(run.err().contains("2 records in plan-records"), "{}", run.err());
    let kept =
        sweep(&roundtrip, &["keep", "plan.toml", "plan.parquet", "--out", "again"]).expect(0);
    let folder = kept.out().lines().next().expect("a folder").to_owned();
    let shown = roundtrip.run_with(command(&roundtrip, &[]), &["show", &folder]).expect(0);
    assert!(shown.out().contains("postcards.example"), "{}", shown.out());
}

#[test]
fn many_visits_at_a_time_keep_out_of_each_others_way() {
    let roundtrip = Roundtrip::new();
    let visit = |seed: u32| {
        let mut command = command(&roundtrip, &[]);
        command.env("HOME", roundtrip.folder("")).env_remove("XDG_STATE_HOME");
        let seed = seed.to_string();
        command.args(["visit", "--net", "3gslow", "--no-picture", "-q", "--seed", &seed]);
        command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the command starts")
    };
    // More than are kept, sixteen at a time.
    for first in (0..96).step_by(16) {
        let children: Vec<Child> = (first..first + 16).map(visit).collect();
        for child in children {
            let output = child.wait_with_output().expect("its end");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{said}");
        }
    }
}
