//! Wells by row and column, however a table writes them: `B2`, `b02`, `B02`.

use std::fmt;

/// A well; sorted by rows, then columns, as plates are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Well {
    /// From 1: A.
    row: u8,
    /// From 1.
    column: u8,
}

/// Those of a plate of 1,536 wells.
const MOST: [u8; 2] = [32, 48];

impl Well {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (letters, digits) = text.split_at(text.find(|c: char| !c.is_ascii_alphabetic())?);
        if letters.is_empty()
            || letters.len() > 2
            || digits.len() > 3
            || !digits.bytes().all(|c| c.is_ascii_digit())
        {
            return None;
        }
        let row = letters
            .bytes()
            .fold(0u16, |row, letter| row * 26 + u16::from(letter.to_ascii_uppercase() - b'A') + 1);
        let (row, column) = (u8::try_from(row).ok()?, digits.parse().ok()?);
        (row <= MOST[0] && (1..=MOST[1]).contains(&column)).then_some(Self { row, column })
    }
}

impl fmt::Display for Well {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |number: u8| char::from(b'A' + number - 1);
        if self.row > 26 {
            write!(f, "A")?;
        }
        write!(f, "{}{:02}", letter((self.row - 1) % 26 + 1), self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wells_have_one_name() {
        for (text, name) in
            [("A1", "A01"), ("p24", "P24"), ("B02", "B02"), ("AF48", "AF48"), ("aa007", "AA07")]
        {
            assert_eq!(Well::read(text).unwrap().to_string(), name);
        }
        for text in ["", "7", "A", "A0", "A49", "AG01", "A1b", "AAA1", "A-1", "Ä1"] {
            assert_eq!(Well::read(text), None, "{text}");
        }
        assert!(Well::read("A10") < Well::read("B2"));
    }
}
