//! Sweeps: thousands of scenarios, the product of inputs, networks, protocols, browsers, variants and
//! seeds, carried out on one machine or, in shards, on many.
//!
//! A [`SweepPlan`] is read from a file. Its inputs are read once and become a [`Grid`]: every
//! combination is a cell with a number, from 0 on. [`sweep()`] carries a [`Shard`] of the cells out and
//! writes one Parquet file, one row a cell; [`merge()`] joins such files to the file that one process
//! would have written, byte for byte; [`SweepReport`] says what the rows come to; [`Engine::script`]
//! hands the shards to a scheduler. Nothing here knows whose scheduler it is: a shard is "i of n".
//!
//! # Contract
//! - The same plan and inputs give the same rows in the same bytes, with any number of threads, in any
//!   number of shards, on every machine.
//! - A cell's row depends on nothing but the cell: it can be computed again at any time, alone.
//! - A file of results is there whole or not at all: it is written under another name first.
#![forbid(unsafe_code)]
#![allow(clippy::format_push_string, reason = "a view is made once, for a person")]

mod checkpoint;
mod column;
mod digest;
mod emit;
mod error;
mod folder;
mod grid;
mod input;
mod keep;
mod merge;
mod network;
mod outcome;
mod plan;
mod population;
mod reader;
mod records;
mod report;
mod run;
mod setting;
mod shard;
mod table;
mod toml;

pub use column::{Column, ColumnKind};
pub use emit::{Engine, Job};
pub use error::{Disagreement, SweepError};
pub use grid::{Cell, Grid};
pub use input::{Opened, Sources};
pub use keep::{KeepCondition, chosen};
pub use merge::{Merged, merge, results};
pub use network::Network;
pub use outcome::Outcome;
pub use plan::{BrowserModel, InputSource, Protocol, Seeds, SweepPlan, WantedVariants};
pub use population::Population;
pub use records::records;
pub use report::{
    Distribution, FigureReport, Gain, Helped, NetworkReport, Percentile, SweepReport, html, json,
    text,
};
pub use run::{Progress, Ran, Settings, sweep};
pub use setting::Setting;
pub use shard::{BadShard, Shard};
pub use toml::BadPlan;
