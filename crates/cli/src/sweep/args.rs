//! What can be written behind `roundtrip sweep`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand, value_parser};
use roundtrip_sweep::{Engine, Shard};

use crate::options::Format;

/// `roundtrip sweep`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
#[command(after_help = "Examples:\n  \
    roundtrip sweep plan.toml                    all cells, on all processors; one row a cell in plan.parquet\n  \
    roundtrip sweep plan plan.toml               how many cells, and what they will take\n  \
    roundtrip sweep report plan.parquet --html plan.html\n  \
    roundtrip sweep run plan.toml --shard 3/40   one of 40 shards; roundtrip sweep merge joins them\n  \
    roundtrip sweep plan plan.toml --emit slurm --shards 40 > sweep.sbatch\n\n\
Exit codes: 0; 2 for a plan that is wrong; 1 when something else keeps it from its end; 75 after SIGTERM and\n\
130 after Ctrl-C: what is done is kept, and the same command goes on. All of it in doc/sweep.md")]
pub(crate) struct Sweep {
    /// What to do; without it, run
    #[command(subcommand)]
    pub(crate) step: Option<Step>,
    /// The run
    #[command(flatten)]
    pub(crate) run: Option<RunSweep>,
}

/// What is done with a sweep.
#[derive(Debug, Subcommand)]
pub(crate) enum Step {
    /// Carries the cells out, or those of a shard
    Run(RunSweep),
    /// Says what a plan comes to, or writes the script with which a cluster carries it out
    Plan(PlanSweep),
    /// Joins the files of shards: every cell is there once, and what was computed twice is the same
    Merge(MergeSweep),
    /// What the rows come to: distributions, and which variant helps whom
    Report(ReportSweep),
    /// Records the cells that keep-record of the plan chooses, by carrying them out again
    Keep(KeepSweep),
}

/// `roundtrip sweep run`
#[derive(Debug, Args)]
pub(crate) struct RunSweep {
    /// The plan (TOML)
    #[arg(value_name = "PLAN.toml")]
    pub(crate) plan: PathBuf,
    /// The file for the rows, PLAN.parquet unless told; of a shard the folder for its file, PLAN-shards
    /// unless told
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Which shard of how many, counted from 1; without it what the engine says that started this
    /// (SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, HQ_TASK_ID), or all of it
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// How many shards there are, where the engine only says which
    #[arg(long, value_name = "N", conflicts_with = "shard", value_parser = value_parser!(u64).range(1..=1_000_000))]
    pub(crate) shards: Option<u64>,
    /// How many threads carry cells out: one a processor unless told. The rows are the same
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Say nothing but what goes wrong
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// `roundtrip sweep plan`
#[derive(Debug, Args)]
pub(crate) struct PlanSweep {
    /// The plan (TOML)
    #[arg(value_name = "PLAN.toml")]
    pub(crate) plan: PathBuf,
    /// Write the script or manifest for an engine: slurm, k8s, hq, ray or parallel
    #[arg(long, value_name = "ENGINE")]
    pub(crate) emit: Option<Engine>,
    /// In how many shards; as many as take ten minutes each unless told
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1_000_000))]
    pub(crate) shards: Option<u64>,
    /// The folder for the files of the shards, as the tasks see it
    #[arg(long, value_name = "DIR", requires = "emit")]
    pub(crate) out: Option<PathBuf>,
    /// The command, as the tasks find it
    #[arg(long, value_name = "COMMAND", default_value = "roundtrip")]
    pub(crate) program: String,
    /// The image that has the command, for k8s
    #[arg(long, value_name = "IMAGE", default_value = concat!("roundtrip:", env!("CARGO_PKG_VERSION")))]
    pub(crate) image: String,
    /// text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", conflicts_with = "emit")]
    pub(crate) format: Format,
}

/// `roundtrip sweep merge`
#[derive(Debug, Args)]
pub(crate) struct MergeSweep {
    /// The files of the shards, or folders of them
    #[arg(value_name = "FILE|DIR", required = true)]
    pub(crate) from: Vec<PathBuf>,
    /// The file for all rows
    #[arg(long, value_name = "FILE", default_value = "sweep.parquet")]
    pub(crate) out: PathBuf,
}

/// `roundtrip sweep report`
#[derive(Debug, Args)]
pub(crate) struct ReportSweep {
    /// The file with the rows
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The figures: load and first-paint unless told
    #[arg(long, value_name = "NAME")]
    pub(crate) metric: Vec<String>,
    /// Write the report into this file too: one page with plots, which needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// text or json
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// `roundtrip sweep keep`
#[derive(Debug, Args)]
pub(crate) struct KeepSweep {
    /// The plan (TOML)
    #[arg(value_name = "PLAN.toml")]
    pub(crate) plan: PathBuf,
    /// The file with all its rows
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder for the records, PLAN-records unless told
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
