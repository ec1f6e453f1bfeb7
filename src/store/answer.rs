//! Results of SQL queries: values, and rows accessed by column name.

use std::fmt;

/// A value that SQL returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL; also NaN.
    Null,
    /// An integer.
    Integer(i64),
    /// A real number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Real(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Blob(value) => write!(f, "{} bytes", value.len()),
        }
    }
}

/// The result of a SQL query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Column names, even if there are no rows.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// A row of a result, accessed by column name.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    fields: &'a [Value],
}

impl Row<'_> {
    /// The value; NULL if there is no such column.
    pub fn value(&self, name: &str) -> &Value {
        let at = self.columns.iter().position(|column| column == name);
        at.map_or(&Value::Null, |at| &self.fields[at])
    }

    /// A text; NULL is the empty one.
    pub fn text(&self, name: &str) -> String {
        self.value(name).to_string()
    }

    /// A number; `None` if the value is not one.
    pub fn real(&self, name: &str) -> Option<f64> {
        self.value(name).real()
    }

    /// An integer; NULL is 0.
    pub fn int(&self, name: &str) -> i64 {
        self.real(name).map_or(0, |value| value as i64)
    }

    /// Whether the value is a number other than 0.
    pub fn is(&self, name: &str) -> bool {
        self.int(name) != 0
    }
}

impl Rows {
    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row { columns: &self.columns, fields })
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Comma-separated values with a header.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let text = std::iter::once(self.columns.clone())
            .chain(self.rows.iter().map(|row| row.iter().map(ToString::to_string).collect()));
        for record in text {
            writer.write_record(&record).expect("writing to memory, each row as long as the header");
        }
        let bytes = writer.into_inner().expect("writing to memory");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A list of objects keyed by column name; of two columns with the same name the last counts.
    pub fn json(&self) -> serde_json::Value {
        let object = |row: &Vec<Value>| {
            let fields = self.columns.iter().cloned().zip(row.iter().map(Value::json));
            serde_json::Value::Object(fields.collect())
        };
        self.rows.iter().map(object).collect()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Value {
    /// The number, if it is one.
    pub fn real(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    /// As JSON; bytes are hexadecimal digits.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Integer(value) => (*value).into(),
            Self::Real(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
        }
    }
}
