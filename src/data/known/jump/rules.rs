//! What must hold between the columns: plates are of one batch, batches of one source, classes have one number.

use super::super::super::{Problems, text::plain};
use std::collections::HashMap;

/// The first value that was seen beside a key, and its row.
type First = HashMap<String, (String, u64)>;

/// What was seen of the table so far.
#[derive(Default)]
pub(super) struct Rules {
    /// By source and plate: the batch. Two laboratories may give two plates one name.
    batch_of: First,
    /// By batch: the source.
    source_of: First,
    number_of: First,
    name_of: First,
    /// By compound: the mechanism.
    moa_of: First,
    /// The first compound of two mechanisms, and how many more rows have one.
    two_moas: Option<(String, u64)>,
}

/// The fields of a row that rules are about.
pub(super) struct Fields<'a> {
    pub(super) source: &'a str,
    pub(super) batch: &'a str,
    pub(super) plate: &'a str,
    pub(super) compound: &'a str,
    pub(super) moa: &'a str,
    pub(super) number: Option<u32>,
}

impl Rules {
    /// Compares a row with those before.
    pub(super) fn row(&mut self, at: u64, row: &Fields<'_>, problems: &mut Problems) {
        let Fields { source, batch, plate, compound, moa, number } = *row;
        const ONE: &str = "a plate is of one batch and a batch of one source, or images of one would be taken for those of another; \
                           repair the table, or give them different names";
        let mut one = |first: &mut First, key: String, value: &str, what: [&str; 2], shown: &str, hint| {
            let (before, row) = match first.get(&key) {
                None => {
                    first.insert(key, (value.to_owned(), at));
                    return;
                }
                Some((before, _)) if before == value => return,
                Some((before, row)) => (before, row),
            };
            problems.add(Some(at), Some(hint), || {
                let ([of, is], before) = (what, plain(before));
                format!(
                    "expected {of} `{}` to have {is} `{before}` as in row {row}, found `{}`",
                    plain(shown),
                    plain(value)
                )
            });
        };
        let key = format!("{source}\0{plate}");
        one(&mut self.batch_of, key, batch, ["plate", "batch"], plate, ONE);
        one(&mut self.source_of, batch.to_owned(), source, ["batch", "source"], batch, ONE);
        if let Some(number) = number.map(|number| number.to_string()) {
            const CLASS: &str = "each mechanism has one moa_id and each moa_id one mechanism; a table without the column moa_id is \
                                 numbered by sorted names";
            one(&mut self.number_of, moa.to_owned(), &number, ["mechanism", "moa_id"], moa, CLASS);
            one(&mut self.name_of, number.clone(), moa, ["moa_id", "mechanism"], &number, CLASS);
        }
        match self.moa_of.get(compound) {
            None => _ = self.moa_of.insert(compound.to_owned(), (moa.to_owned(), at)),
            Some((before, _)) if before == moa => {}
            Some((before, row)) => {
                let said = || {
                    format!(
                        "compound `{}` has the mechanisms `{}` (row {row}) and `{}` (row {at})",
                        plain(compound),
                        plain(before),
                        plain(moa)
                    )
                };
                let (_, rows) = self.two_moas.get_or_insert_with(|| (said(), 0));
                *rows += 1;
            }
        }
    }

    /// Said of compounds with several mechanisms: no published table has them.
    pub(super) fn remark(&self) -> Option<String> {
        let (said, rows) = self.two_moas.as_ref()?;
        let more = if *rows > 1 { format!(", and {} more rows are such", rows - 1) } else { String::new() };
        Some(format!("{said}{more}: pairs of images of one compound are then not of one mechanism"))
    }
}
