//! Columns of Parquet files that may come from anyone: a page of a dictionary may not claim more values than it has bytes,
//! because the library reserves memory for all of them, and rows are read in portions.

use parquet::{
    column::{
        page::{Page, PageMetadata, PageReader},
        reader::{ColumnReader, get_column_reader},
    },
    errors::{ParquetError, Result},
    file::reader::RowGroupReader,
};

/// The column of a row group at this place.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn column(group: &dyn RowGroupReader, at: usize) -> Result<ColumnReader> {
    let pages = Checked(group.get_column_page_reader(at)?);
    Ok(get_column_reader(group.metadata().column(at).column_descr_ptr(), Box::new(pages)))
}

/// Rows that are read at once: no memory is reserved for rows that a damaged file only claims to have.
pub(crate) const PORTION: usize = 1 << 16;

/// Reads `rows` rows, or all there are; returns their number.
///
/// # Errors
/// Those of `read`, which reads some rows and returns their number first.
pub(crate) fn in_portions(
    rows: usize,
    mut read: impl FnMut(usize) -> Result<(usize, usize, usize)>,
) -> Result<usize> {
    let mut done = 0;
    while done < rows {
        match read(PORTION.min(rows - done))?.0 {
            0 => break,
            found => done += found,
        }
    }
    Ok(done)
}

struct Checked(Box<dyn PageReader>);

impl Iterator for Checked {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Checked {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.0.get_next_page()?;
        match &page {
            Some(Page::DictionaryPage { buf, num_values, .. }) if *num_values as usize > buf.len() => {
                let bytes = buf.len();
                let found =
                    format!("expected a dictionary, found one of {num_values} values in {bytes} bytes");
                Err(ParquetError::General(found))
            }
            _ => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.0.at_record_boundary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::basic::Encoding;

    struct One(Option<Page>);

    impl Iterator for One {
        type Item = Result<Page>;

        fn next(&mut self) -> Option<Self::Item> {
            self.0.take().map(Ok)
        }
    }

    impl PageReader for One {
        fn get_next_page(&mut self) -> Result<Option<Page>> {
            Ok(self.0.take())
        }

        fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
            Ok(None)
        }

        fn skip_next_page(&mut self) -> Result<()> {
            Ok(())
        }

        fn at_record_boundary(&mut self) -> Result<bool> {
            Ok(true)
        }
    }

    #[test]
    fn a_dictionary_has_a_byte_for_each_value() {
        for (num_values, fits) in [(2, true), (8, true), (9, false), (u32::MAX, false)] {
            let (buf, encoding) = (vec![0; 8].into(), Encoding::PLAIN);
            let page = Page::DictionaryPage { buf, num_values, encoding, is_sorted: false };
            let read = Checked(Box::new(One(Some(page)))).get_next_page();
            assert_eq!(read.is_ok(), fits, "{num_values}");
        }
    }
}
