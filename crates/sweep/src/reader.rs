//! `TableReader`: reads a file of results row group by row group, and of each what is wanted.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::basic::Type as Physical;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::column::{Batch, Column, ColumnKind, Values};
use crate::error::SweepError;
use crate::table::{Header, key};

/// A file of results, being read from its first row on.
pub(crate) struct TableReader {
    path: PathBuf,
    file: SerializedFileReader<File>,
    header: Header,
    /// All its columns.
    columns: Vec<Column>,
    /// Which of them are read.
    chosen: Vec<usize>,
    next_group: usize,
    open: Vec<ColumnReader>,
    /// Rows of the open group that were not read yet.
    left: usize,
}

impl TableReader {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self, SweepError> {
        let opened = File::open(path).map_err(SweepError::io(path))?;
        let file = SerializedFileReader::new(opened).map_err(SweepError::parquet(path))?;
        let foreign =
            |why: &str| SweepError::Foreign { path: path.to_owned(), why: why.to_owned() };
        let metadata = file.metadata().file_metadata();
        let header = metadata.key_value_metadata().and_then(|pairs| header(pairs));
        let header = header
            .ok_or_else(|| foreign("no results of a sweep: its metadata lacks roundtrip.sweep"))?;
        let described = metadata.schema_descr().columns().iter();
        let columns: Option<Vec<Column>> = described
            .map(|column| Some(Column::new(column.name(), kind(column.physical_type())?)))
            .collect();
        let columns = columns.ok_or_else(|| foreign("it has columns that no sweep has"))?;
        if metadata.num_rows() as u64 != header.here.end - header.here.start {
            return Err(foreign("it has not as many rows as it says"));
        }
        let chosen = (0..columns.len()).collect();
        Ok(Self {
            path: path.to_owned(),
            file,
            header,
            columns,
            chosen,
            next_group: 0,
            open: Vec::new(),
            left: 0,
        })
    }

    /// The same, of which only these columns are read, in this order. One that the file lacks is not among
    /// them: [`TableReader::columns`] tells.
    pub(crate) fn only(mut self, names: &[&str]) -> Self {
        let place = |name: &&str| self.columns.iter().position(|column| column.name == **name);
        self.chosen = names.iter().filter_map(place).collect();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// The columns that are read.
    pub(crate) fn columns(&self) -> Vec<Column> {
        self.chosen.iter().map(|place| self.columns[*place].clone()).collect()
    }

    /// All columns of the file.
    pub(crate) fn all_columns(&self) -> &[Column] {
        &self.columns
    }

    /// Reads at most so many rows in place of those in `rows`; none at the end.
    pub(crate) fn read(&mut self, most: usize, rows: &mut Batch) -> Result<(), SweepError> {
        rows.clear();
        let path = self.path.clone();
        self.try_read(most, rows).map_err(SweepError::parquet(&path))
    }

    fn try_read(&mut self, most: usize, rows: &mut Batch) -> ParquetResult<()> {
        while self.left == 0 && self.next_group < self.file.num_row_groups() {
            let group = self.file.get_row_group(self.next_group)?;
            self.left = group.metadata().num_rows() as usize;
            self.open = self
                .chosen
                .iter()
                .map(|place| group.get_column_reader(*place))
                .collect::<ParquetResult<_>>()?;
            self.next_group += 1;
        }
        let count = most.min(self.left);
        if count > 0 {
            for (reader, values) in self.open.iter_mut().zip(&mut rows.columns) {
                read(reader, count, values)?;
            }
        }
        self.left -= count;
        Ok(())
    }
}

fn header(pairs: &[KeyValue]) -> Option<Header> {
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key)?.value.clone();
    let number = |key: &str| value(key)?.parse::<u64>().ok();
    let (cells, first) = (number(key::CELLS)?, number(key::FIRST)?);
    let end = first.checked_add(number(key::COUNT)?).filter(|end| *end <= cells)?;
    Some(Header { engine: value(key::ENGINE)?, sweep: value(key::SWEEP)?, cells, here: first..end })
}

fn kind(physical: Physical) -> Option<ColumnKind> {
    match physical {
        Physical::BYTE_ARRAY => Some(ColumnKind::Text),
        Physical::INT64 => Some(ColumnKind::Whole),
        Physical::DOUBLE => Some(ColumnKind::Number),
        Physical::FIXED_LEN_BYTE_ARRAY => Some(ColumnKind::Key),
        _ => None,
    }
}

/// Reads so many rows of a column.
fn read(reader: &mut ColumnReader, count: usize, values: &mut Values) -> ParquetResult<()> {
    match (reader, values) {
        (ColumnReader::ByteArrayColumnReader(reader), Values::Text(values)) => {
            let read: Vec<ByteArray> = required(reader, count)?;
            values.extend(read);
        }
        (ColumnReader::Int64ColumnReader(reader), Values::Whole(values)) => {
            optional(reader, count, values)?;
        }
        (ColumnReader::DoubleColumnReader(reader), Values::Number(values)) => {
            optional(reader, count, values)?;
        }
        (ColumnReader::FixedLenByteArrayColumnReader(reader), Values::Key(values)) => {
            let read: Vec<FixedLenByteArray> = required(reader, count)?;
            for key in read {
                let key = key.data().try_into();
                values.push(key.map_err(|_| ParquetError::General("a key has 32 bytes".into()))?);
            }
        }
        _ => return Err(ParquetError::General("a column is not of its kind".into())),
    }
    Ok(())
}

fn required<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
) -> ParquetResult<Vec<T::T>> {
    let mut read = Vec::with_capacity(count);
    let (rows, ..) = reader.read_records(count, None, None, &mut read)?;
    if rows == count { Ok(read) } else { Err(short()) }
}

fn optional<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
    values: &mut Vec<Option<T::T>>,
) -> ParquetResult<()> {
    let (mut read, mut levels) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (rows, ..) = reader.read_records(count, Some(&mut levels), None, &mut read)?;
    let mut there = read.into_iter();
    values.extend(levels.iter().map(|level| if *level > 0 { there.next() } else { None }));
    if rows == count { Ok(()) } else { Err(short()) }
}

fn short() -> ParquetError {
    ParquetError::General("a column ends before its rows do".into())
}
