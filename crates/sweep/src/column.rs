//! `Column`: a column of results, and `Batch`: rows of them, column by column.

use core::ops::Range;

use parquet::data_type::ByteArray;

use crate::digest::{Hash, hex};

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Texts (`BYTE_ARRAY`, UTF-8).
    Text,
    /// Whole numbers (`INT64`), which may be missing.
    Whole,
    /// Numbers (`DOUBLE`), which may be missing.
    Number,
    /// Hashes (`FIXED_LEN_BYTE_ARRAY(32)`).
    Key,
}

/// A column of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
}

impl Column {
    pub(crate) fn new(name: &str, kind: ColumnKind) -> Self {
        Self { name: name.to_owned(), kind }
    }
}

/// Values of one column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Text(Vec<ByteArray>),
    Whole(Vec<Option<i64>>),
    Number(Vec<Option<f64>>),
    Key(Vec<Hash>),
}

impl Values {
    pub(crate) fn none(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text(Vec::new()),
            ColumnKind::Whole => Self::Whole(Vec::new()),
            ColumnKind::Number => Self::Number(Vec::new()),
            ColumnKind::Key => Self::Key(Vec::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Whole(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Key(values) => values.len(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Text(values) => values.clear(),
            Self::Whole(values) => values.clear(),
            Self::Number(values) => values.clear(),
            Self::Key(values) => values.clear(),
        }
    }

    /// Adds some of another's values, which are of the same kind.
    fn extend(&mut self, other: &Self, places: Range<usize>) {
        match (self, other) {
            (Self::Text(to), Self::Text(from)) => to.extend_from_slice(&from[places]),
            (Self::Whole(to), Self::Whole(from)) => to.extend_from_slice(&from[places]),
            (Self::Number(to), Self::Number(from)) => to.extend_from_slice(&from[places]),
            (Self::Key(to), Self::Key(from)) => to.extend_from_slice(&from[places]),
            _ => debug_assert!(false, "columns of one table have one kind"),
        }
    }

    /// The value in a row, as a person reads it.
    fn told(&self, row: usize) -> String {
        let number = |value: Option<String>| value.unwrap_or_else(|| "nothing".into());
        match self {
            Self::Text(values) => String::from_utf8_lossy(values[row].data()).into_owned(),
            Self::Whole(values) => number(values[row].map(|value| value.to_string())),
            Self::Number(values) => number(values[row].map(|value| value.to_string())),
            Self::Key(values) => hex(&values[row]),
        }
    }

    /// Whether two rows have the same value, to the last bit.
    fn is_same(&self, row: usize, other: &Self, other_row: usize) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one[row] == other[other_row],
            (Self::Whole(one), Self::Whole(other)) => one[row] == other[other_row],
            (Self::Number(one), Self::Number(other)) => {
                one[row].map(f64::to_bits) == other[other_row].map(f64::to_bits)
            }
            (Self::Key(one), Self::Key(other)) => one[row] == other[other_row],
            _ => false,
        }
    }
}

/// Rows, column by column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    pub(crate) columns: Vec<Values>,
}

impl Batch {
    pub(crate) fn none(columns: &[Column]) -> Self {
        Self { columns: columns.iter().map(|column| Values::none(column.kind)).collect() }
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.columns.first().map_or(0, Values::len)
    }

    pub(crate) fn clear(&mut self) {
        self.columns.iter_mut().for_each(Values::clear);
    }

    /// Adds some rows of another with the same columns.
    pub(crate) fn extend(&mut self, other: &Self, rows: Range<usize>) {
        for (to, from) in self.columns.iter_mut().zip(&other.columns) {
            to.extend(from, rows.clone());
        }
    }

    /// The first column in which two rows differ, and what each has there.
    pub(crate) fn difference(
        &self,
        row: usize,
        other: &Self,
        other_row: usize,
    ) -> Option<(usize, String, String)> {
        let mut columns = self.columns.iter().zip(&other.columns).enumerate();
        let differs =
            |(_, (one, other)): &(usize, (&Values, &Values))| !one.is_same(row, other, other_row);
        let (column, (one, other)) = columns.find(differs)?;
        Some((column, one.told(row), other.told(other_row)))
    }

    /// The whole numbers of a column.
    pub(crate) fn whole(&self, column: usize) -> &[Option<i64>] {
        match self.columns.get(column) {
            Some(Values::Whole(values)) => values,
            _ => &[],
        }
    }

    /// The numbers of a column.
    pub(crate) fn numbers(&self, column: usize) -> &[Option<f64>] {
        match self.columns.get(column) {
            Some(Values::Number(values)) => values,
            _ => &[],
        }
    }

    /// The texts of a column.
    pub(crate) fn texts(&self, column: usize) -> &[ByteArray] {
        match self.columns.get(column) {
            Some(Values::Text(values)) => values,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_say_where() {
        let columns = [
            Column::new("input", ColumnKind::Text),
            Column::new("seed", ColumnKind::Whole),
            Column::new("load", ColumnKind::Number),
        ];
        let mut one = Batch::none(&columns);
        one.columns = vec![
            Values::Text(vec!["a".into(), "b".into()]),
            Values::Whole(vec![Some(1), Some(2)]),
            Values::Number(vec![Some(0.1), None]),
        ];
        let mut other = Batch::none(&columns);
        other.extend(&one, 1..2);
        assert_eq!((other.len(), one.difference(1, &other, 0)), (1, None));
        assert_eq!(one.difference(0, &other, 0).map(|found| found.0), Some(0));
        other.columns[2] = Values::Number(vec![Some(0.5)]);
        let wanted = Some((2, "nothing".to_owned(), "0.5".to_owned()));
        assert_eq!(one.difference(1, &other, 0), wanted);
    }
}
