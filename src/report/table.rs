//! A table as data: everything that a terminal, a Markdown file, a CSV file or a page needs to write it.

/// A table with its heading and notes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The heading above it.
    pub title: String,
    /// What all its numbers have in common, as column and value of the CSV file: `("scale", "quick")`.
    pub facts: Vec<(&'static str, String)>,
    /// Headings of the columns that name a row.
    pub stub: Vec<String>,
    /// The columns of numbers.
    pub columns: Vec<Column>,
    /// The rows, in the published order.
    pub rows: Vec<Row>,
    /// Notes below it.
    pub notes: Vec<String>,
}

/// Decimals of scores.
pub const DIGITS: usize = 3;

/// A column of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading, where headings have one line: `WTC T1`.
    pub line: String,
    /// What it shares with its neighbours, where headings have two lines: `WTC`; may be empty.
    pub group: String,
    /// Its own heading below that: `T1`.
    pub head: String,
    /// What the store and the CSV file call it.
    pub name: String,
    /// Decimals of its numbers.
    pub digits: usize,
}

impl Column {
    /// A column without a shared heading.
    pub fn of(head: impl Into<String>, name: impl Into<String>) -> Self {
        let head = head.into();
        Self { line: head.clone(), group: String::new(), head, name: name.into(), digits: DIGITS }
    }

    /// The column of a task, `WTC T1`, below its set; averages are grouped.
    pub fn of_score(short: &str, name: &str) -> Self {
        let (group, head) = short.split_once(' ').unwrap_or(("Average", short));
        Self { line: short.into(), group: group.into(), head: head.into(), name: name.into(), digits: DIGITS }
    }

    /// The same for numbers without decimals.
    #[must_use]
    pub fn of_whole_numbers(self) -> Self {
        Self { digits: 0, ..self }
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name, one text per column of the stub.
    pub stub: Vec<String>,
    /// What its numbers are.
    pub kind: Kind,
    /// One per column.
    pub cells: Vec<Cell>,
    /// The command that would fill it, or where its numbers come from.
    pub note: String,
}

/// What the numbers of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Measured here.
    Measured,
    /// What trivial predictors reach.
    Floor,
    /// What the paper reports, in a row of published values only.
    Print,
    /// Computed from other rows.
    Derived,
}

impl Kind {
    /// The name in the CSV file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Floor => "floor",
            Self::Print => "print",
            Self::Derived => "derived",
        }
    }
}

/// A number with its deviation, published value and mark. A hole has no value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The mean over seeds, or the published value.
    pub value: Option<f64>,
    /// The sample standard deviation over seeds, if there are several.
    pub std: Option<f64>,
    /// How many seeds.
    pub n: usize,
    /// The published value, if the two may be compared.
    pub paper: Option<f64>,
    /// Its rank in the column.
    pub mark: Option<Mark>,
}

/// The rank of a number in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The highest measured value.
    Best,
    /// Not significantly worse than the highest, given the images that were scored.
    Level,
    /// The highest of those that are significantly worse.
    Second,
}

impl Mark {
    /// The name in the CSV file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Level => "level",
            Self::Second => "second",
        }
    }
}

impl Row {
    /// Whether it has the same name as the row before it, so that the name need not be repeated.
    pub(super) fn continues(&self, before: Option<&Self>) -> bool {
        before.is_some_and(|before| before.kind == self.kind && before.stub.first() == self.stub.first())
    }
}

impl Cell {
    /// Mean and deviation of one value per seed; a hole if there are none.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len();
        if n == 0 {
            return Self::default();
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let std = (n > 1).then(|| (square / (n - 1) as f64).sqrt());
        Self { value: Some(mean), std, n, ..Self::default() }
    }

    /// A published number.
    pub fn print(value: Option<f64>) -> Self {
        Self { value, ..Self::default() }
    }

    /// Measured minus published, if the two may be compared.
    pub fn difference(&self) -> Option<f64> {
        Some(self.value? - self.paper?)
    }
}

impl Table {
    /// Marks the best measured value of each column of scores that has at least two. The first `apart`
    /// columns are not scores.
    pub fn mark_best(&mut self, apart: usize) {
        for column in apart..self.columns.len() {
            let measured = self.rows.iter_mut().filter(|row| row.kind == Kind::Measured);
            let cells: Vec<&mut Cell> =
                measured.map(|row| &mut row.cells[column]).filter(|cell| cell.value.is_some()).collect();
            let best = cells.iter().filter_map(|cell| cell.value).reduce(f64::max);
            if cells.len() > 1 {
                cells
                    .into_iter()
                    .filter(|cell| cell.value == best)
                    .for_each(|cell| cell.mark = Some(Mark::Best));
            }
        }
    }

    /// Marks the second best of each column of scores that has a best: the highest measured value without a
    /// mark, if there is another below it.
    pub fn mark_second(&mut self) {
        for column in 0..self.columns.len() {
            let measured = self.rows.iter_mut().filter(|row| row.kind == Kind::Measured);
            let cells: Vec<&mut Cell> =
                measured.map(|row| &mut row.cells[column]).filter(|cell| cell.value.is_some()).collect();
            let has_a_best = cells.iter().any(|cell| cell.mark == Some(Mark::Best));
            let mut rest: Vec<&mut Cell> = cells.into_iter().filter(|cell| cell.mark.is_none()).collect();
            let second = rest.iter().filter_map(|cell| cell.value).reduce(f64::max);
            let lower = rest.iter().any(|cell| cell.value < second);
            for cell in rest.iter_mut().filter(|cell| has_a_best && lower && cell.value == second) {
                cell.mark = Some(Mark::Second);
            }
        }
    }

    /// The columns of the stub that a paper would have: those that describe a row, not its place in the
    /// store.
    pub fn printed_stub(&self) -> Vec<usize> {
        (0..self.stub.len()).filter(|at| !["experiment", "spec"].contains(&self.stub[*at].as_str())).collect()
    }

    /// Groups of neighbouring columns with their heading and length; none if no column has one.
    pub fn groups(&self) -> Vec<(&str, usize)> {
        if self.columns.iter().all(|column| column.group.is_empty()) {
            return vec![];
        }
        let groups = self.columns.chunk_by(|a, b| a.group == b.group);
        groups.map(|group| (group[0].group.as_str(), group.len())).collect()
    }
}

/// Headings of the columns that name a row.
pub(super) fn heads(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Formatted as in papers: `0.632`, and `−0.020`.
pub(super) fn number(value: f64, digits: usize) -> String {
    format!("{}{:.digits$}", if value < 0.0 { "−" } else { "" }, value.abs())
}

/// With its sign: `+0.004`, `−0.020`.
pub(crate) fn signed(value: f64, digits: usize) -> String {
    format!("{}{:.digits$}", if value < 0.0 { '−' } else { '+' }, value.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_knows_its_seeds_and_a_column_its_best() {
        let cell = Cell::of(&[0.5, 0.7]);
        assert_eq!((cell.n, cell.value), (2, Some(0.6)));
        assert!((cell.std.unwrap() - 0.02f64.sqrt()).abs() < 1e-12);
        assert_eq!(Cell::of(&[0.5]).std, None);
        assert_eq!(Cell::of(&[]), Cell::default());
        let row = |kind, value: &[f64]| Row {
            stub: vec![],
            kind,
            cells: vec![Cell::of(value)],
            note: String::new(),
        };
        let rows = vec![
            row(Kind::Measured, &[0.2]),
            row(Kind::Measured, &[]),
            row(Kind::Measured, &[0.4]),
            row(Kind::Floor, &[0.9]),
            row(Kind::Measured, &[0.3]),
        ];
        let mut table = Table { columns: vec![Column::of("a", "a")], rows, ..Table::default() };
        table.mark_best(0);
        let marks: Vec<Option<Mark>> = table.rows.iter().map(|row| row.cells[0].mark).collect();
        assert_eq!(marks, [None, None, Some(Mark::Best), None, None]);
        table.mark_second();
        let marks: Vec<Option<Mark>> = table.rows.iter().map(|row| row.cells[0].mark).collect();
        assert_eq!(marks, [None, None, Some(Mark::Best), None, Some(Mark::Second)]);
        assert_eq!([signed(-0.02, 3), signed(0.0, 3), number(-2.0, 0)], ["−0.020", "+0.000", "−2"]);
    }
}
