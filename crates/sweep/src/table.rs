//! `TableWriter`: rows as a Parquet file, which has the same bytes whoever hands the rows over, and in
//! however many pieces.

use std::fs::Permissions;
use std::io;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{
    ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use tempfile::NamedTempFile;

use crate::column::{Batch, Column, ColumnKind, Values};
use crate::error::SweepError;
use crate::grid::{ENGINE, Grid};

/// Rows of a row group: all but the last have so many.
const GROUP: usize = 65_536;
/// How hard zstd tries.
const LEVEL: i32 = 3;

/// What a file of results says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The engine that computed the rows.
    pub(crate) engine: String,
    /// What the sweep is ([`Grid::digest`]).
    pub(crate) sweep: String,
    /// How many cells the sweep has.
    pub(crate) cells: u64,
    /// Which of them are here.
    pub(crate) here: Range<u64>,
}

/// The keys under which a header stands in a file.
pub(crate) mod key {
    pub(crate) const ENGINE: &str = "roundtrip.engine";
    pub(crate) const SWEEP: &str = "roundtrip.sweep";
    pub(crate) const CELLS: &str = "roundtrip.cells";
    pub(crate) const FIRST: &str = "roundtrip.first";
    pub(crate) const COUNT: &str = "roundtrip.count";
}

impl Header {
    pub(crate) fn of(grid: &Grid, here: Range<u64>) -> Self {
        Self { engine: ENGINE.to_owned(), sweep: grid.digest(), cells: grid.cells(), here }
    }

    /// The header of the file that has all cells.
    pub(crate) fn of_all(&self) -> Self {
        Self { here: 0..self.cells, ..self.clone() }
    }

    fn pairs(&self) -> Vec<KeyValue> {
        let count = self.here.end - self.here.start;
        let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
        vec![
            pair(key::ENGINE, self.engine.clone()),
            pair(key::SWEEP, self.sweep.clone()),
            pair(key::CELLS, self.cells.to_string()),
            pair(key::FIRST, self.here.start.to_string()),
            pair(key::COUNT, count.to_string()),
        ]
    }
}

/// Writes rows. What it writes has its name only when [`TableWriter::finish`] gives it one.
pub(crate) struct TableWriter {
    writer: SerializedFileWriter<NamedTempFile>,
    waiting: Batch,
    path: PathBuf,
}

impl TableWriter {
    /// Begins a file that will stand at `path`.
    pub(crate) fn new(
        path: &Path,
        columns: &[Column],
        header: &Header,
    ) -> Result<Self, SweepError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(SweepError::io(folder))?;
        let file = tempfile::Builder::new()
            .prefix(".sweep-")
            .suffix(".unfinished")
            // Results hold no secrets: the umask decides who may read them.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(SweepError::io(folder))?;
        let writer = begin(file, columns, header).map_err(SweepError::parquet(path))?;
        Ok(Self { writer, waiting: Batch::none(columns), path: path.to_owned() })
    }

    /// Adds some of these rows.
    pub(crate) fn push(&mut self, rows: &Batch, mut which: Range<usize>) -> Result<(), SweepError> {
        while !which.is_empty() {
            let fits = which.len().min(GROUP - self.waiting.len());
            self.waiting.extend(rows, which.start..which.start + fits);
            which.start += fits;
            if self.waiting.len() == GROUP {
                self.write_group()?;
            }
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), SweepError> {
        group(&mut self.writer, &self.waiting).map_err(SweepError::parquet(&self.path))?;
        self.waiting.clear();
        Ok(())
    }

    /// Ends the file, and gives it its name once all of it is on the disk.
    pub(crate) fn finish(mut self) -> Result<(), SweepError> {
        if self.waiting.len() > 0 {
            self.write_group()?;
        }
        let file = self.writer.into_inner().map_err(SweepError::parquet(&self.path))?;
        let named = |file: NamedTempFile| -> io::Result<()> {
            file.as_file().sync_all()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        named(file).map_err(SweepError::io(&self.path))
    }
}

fn begin(
    file: NamedTempFile,
    columns: &[Column],
    header: &Header,
) -> ParquetResult<SerializedFileWriter<NamedTempFile>> {
    let fields: Vec<_> = columns.iter().map(field).collect::<ParquetResult<_>>()?;
    let schema = Type::group_type_builder("sweep").with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_created_by(header.engine.clone())
        .set_key_value_metadata(Some(header.pairs()))
        .build();
    SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))
}

fn field(column: &Column) -> ParquetResult<Arc<Type>> {
    let (physical, repetition) = match column.kind {
        ColumnKind::Text => (Physical::BYTE_ARRAY, Repetition::REQUIRED),
        ColumnKind::Whole => (Physical::INT64, Repetition::OPTIONAL),
        ColumnKind::Number => (Physical::DOUBLE, Repetition::OPTIONAL),
        ColumnKind::Key => (Physical::FIXED_LEN_BYTE_ARRAY, Repetition::REQUIRED),
    };
    let builder = Type::primitive_type_builder(&column.name, physical).with_repetition(repetition);
    let builder = match column.kind {
        ColumnKind::Text => builder.with_logical_type(Some(LogicalType::String)),
        ColumnKind::Key => builder.with_length(32),
        ColumnKind::Whole | ColumnKind::Number => builder,
    };
    Ok(Arc::new(builder.build()?))
}

fn group(writer: &mut SerializedFileWriter<NamedTempFile>, rows: &Batch) -> ParquetResult<()> {
    let mut group = writer.next_row_group()?;
    for values in &rows.columns {
        let Some(mut column) = group.next_column()? else { break };
        write(values, &mut column)?;
        column.close()?;
    }
    group.close()?;
    Ok(())
}

fn write(values: &Values, column: &mut SerializedColumnWriter<'_>) -> ParquetResult<()> {
    match values {
        Values::Text(values) => {
            column.typed::<ByteArrayType>().write_batch(values, None, None)?;
        }
        Values::Whole(values) => {
            let (there, levels) = there(values);
            column.typed::<Int64Type>().write_batch(&there, Some(&levels), None)?;
        }
        Values::Number(values) => {
            let (there, levels) = there(values);
            column.typed::<DoubleType>().write_batch(&there, Some(&levels), None)?;
        }
        Values::Key(values) => {
            let keys: Vec<FixedLenByteArray> =
                values.iter().map(|key| FixedLenByteArray::from(key.to_vec())).collect();
            column.typed::<FixedLenByteArrayType>().write_batch(&keys, None, None)?;
        }
    }
    Ok(())
}

/// The values that are there, and for each row whether it has one (its definition level).
fn there<T: Copy>(values: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (values.iter().copied().flatten().collect(), levels)
}
