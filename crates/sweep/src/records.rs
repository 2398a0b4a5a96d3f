//! `records`: of the cells that a condition is true of, the whole record, made by carrying them out again.

use std::path::{Path, PathBuf};

use roundtrip_record::Settings;
use roundtrip_visit::run::Title;

use crate::column::Batch;
use crate::error::SweepError;
use crate::grid::Grid;
use crate::keep::{KeepCondition, chosen};
use crate::reader::TableReader;
use crate::table::Header;

/// How many rows are read at a time.
const ROWS: usize = 8_192;

/// Records the cells of a whole sweep, whose rows are in the file `results`, that a condition is true of:
/// each in a folder of its own below `folder`, which is called by the cell's number. Answers with them.
///
/// # Errors
/// When the file is not of all cells of this sweep, or a cell cannot be recorded.
pub fn records(
    grid: &Grid,
    results: &Path,
    condition: &KeepCondition,
    folder: &Path,
) -> Result<Vec<(u64, PathBuf)>, SweepError> {
    let values = values(grid, results, condition)?;
    let mut recorded = Vec::new();
    for number in chosen(condition, &values) {
        let cell = grid.cell(number);
        let path = folder.join(format!("cell-{number:07}"));
        let title = Title {
            command: "sweep".into(),
            subject: cell.scenario().plan.url.to_string(),
            replay_of: None,
        };
        let record = cell.scenario().record(&title, Settings::in_folder(&path));
        record.map_err(|source| cell.failed(source))?;
        recorded.push((number, path));
    }
    Ok(recorded)
}

/// The column that the condition is about.
fn values(
    grid: &Grid,
    results: &Path,
    condition: &KeepCondition,
) -> Result<Vec<Option<f64>>, SweepError> {
    let mut reader = TableReader::open(results)?.only(&[condition.column()]);
    let foreign = |why: &str| SweepError::Foreign { path: results.to_owned(), why: why.to_owned() };
    if *reader.header() != Header::of(grid, 0..grid.cells()) {
        return Err(foreign(
            "it does not hold all cells of this plan, with these inputs and this engine",
        ));
    }
    let columns = reader.columns();
    if columns.is_empty() {
        return Err(foreign(&format!("it has no column {}", condition.column())));
    }
    let mut rows = Batch::none(&columns);
    let mut values = Vec::new();
    loop {
        reader.read(ROWS, &mut rows)?;
        if rows.len() == 0 {
            return Ok(values);
        }
        values.extend_from_slice(rows.numbers(0));
        values.extend(rows.whole(0).iter().map(|value| value.map(|value| value as f64)));
    }
}
