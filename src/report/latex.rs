//! Tables as LaTeX with booktabs: one file per report, to be read by `\input`.

use super::{
    Cell, Kind, Mark, Row, Table,
    document::{Document, Section},
    markup::{self, Span},
    table::{number, signed},
};
use std::fmt::Write;

/// What a document must load.
const PREAMBLE: &str =
    "% \\usepackage{booktabs,graphicx,xcolor}   % in the preamble of the document that reads this\n";

/// Rows that fit on a page.
const PAGE: usize = 50;
/// Tables with more columns are scaled to the width of the text.
const NARROW: usize = 7;

/// The text of a report's file: its tables in order.
pub(super) fn section(document: &Document, section: &Section) -> String {
    let mut text = format!("% {}\n% {}\n", markup::plain(&section.title), document.origin.line());
    for warning in document.origin.warnings() {
        writeln!(text, "% {warning}").expect("writing to a string does not fail");
    }
    text.push_str(PREAMBLE);
    for (at, one) in section.tables.iter().enumerate() {
        text.push('\n');
        text.push_str(&table(
            one,
            &section.title,
            &format!("tab:{}-{}", section.name.replace('_', "-"), at + 1),
        ));
    }
    text
}

/// Split into as many parts as needed.
fn table(table: &Table, title: &str, label: &str) -> String {
    let stub = table.printed_stub();
    let columns = format!("{}{}", "l".repeat(stub.len()), "r".repeat(table.columns.len()));
    let caption = format!("{}: {}.{}", spans(title), spans(&table.title), notes(table));
    let head = heads(table, &stub);
    let mut text = String::new();
    for (part, some) in table.rows.chunks(PAGE).enumerate() {
        let body = rows(some, table, &stub);
        let tabular = format!(
            "\\begin{{tabular}}{{@{{}}{columns}@{{}}}}\n\\toprule\n{head}\\midrule\n{body}\\bottomrule\n\\end{{tabular}}"
        );
        let fitted = match table.columns.len() + stub.len() > NARROW {
            true => format!("\\resizebox{{\\textwidth}}{{!}}{{%\n{tabular}}}"),
            false => tabular,
        };
        let caption = match part {
            0 => format!("\\caption{{{caption}}}\\label{{{label}}}"),
            _ => format!("\\par\\smallskip Table~\\ref{{{label}}}, continued\\par\\smallskip"),
        };
        write!(text, "\\begin{{table}}[htbp]\n\\centering\\small\n{caption}\n{fitted}\n\\end{{table}}\n")
            .expect("writing to a string does not fail");
    }
    text
}

/// One or two lines of headings, with a rule below each group.
fn heads(table: &Table, stub: &[usize]) -> String {
    let names = stub.iter().map(|at| escape(&table.stub[*at]));
    let own = names.chain(table.columns.iter().map(|column| escape(&column.head)));
    let own = own.collect::<Vec<_>>().join(" & ") + " \\\\\n";
    let groups = table.groups();
    if groups.is_empty() {
        return own;
    }
    let (mut cells, mut rules, mut at) = (vec![String::new(); stub.len()], String::new(), stub.len() + 1);
    for (group, count) in groups {
        cells.push(format!("\\multicolumn{{{count}}}{{c}}{{{}}}", escape(group)));
        if !group.is_empty() {
            write!(rules, "\\cmidrule(lr){{{at}-{}}}", at + count - 1)
                .expect("writing to a string does not fail");
        }
        at += count;
    }
    format!("{} \\\\\n{rules}\n{own}", cells.join(" & "))
}

/// The rows. A name equal to that of the row above is not repeated, and a rule separates measured rows from
/// floors.
fn rows(rows: &[Row], table: &Table, stub: &[usize]) -> String {
    let mut text = String::new();
    let mut before: Option<&Row> = None;
    for row in rows {
        if before.is_some_and(|before| before.kind != row.kind) {
            text.push_str("\\addlinespace\n");
        }
        let again = row.continues(before);
        let name = |(place, at): (usize, &usize)| match (place, row.kind) {
            (0, Kind::Measured) if again => String::new(),
            (_, Kind::Measured | Kind::Derived) => escape(&row.stub[*at]),
            (_, Kind::Floor | Kind::Print) if row.stub[*at].is_empty() => String::new(),
            (_, Kind::Floor | Kind::Print) => format!("\\emph{{{}}}", escape(&row.stub[*at])),
        };
        let names = stub.iter().enumerate().map(name);
        let cells: Vec<String> = names
            .chain(row.cells.iter().zip(&table.columns).map(|(one, column)| cell(one, column.digits)))
            .collect();
        writeln!(text, "{} \\\\", cells.join(" & ")).expect("writing to a string does not fail");
        before = Some(row);
    }
    text
}

/// The table's notes and those of single rows, among them the commands that fill holes.
fn notes(table: &Table) -> String {
    let rows = table.rows.iter().filter(|row| !row.note.is_empty());
    let of_rows = rows.map(|row| format!("{}: {}.", row.stub.first().map_or("", String::as_str), row.note));
    let notes = table.notes.iter().cloned().chain(of_rows);
    notes.map(|note| format!(" {}", spans(&note))).collect()
}

fn cell(cell: &Cell, digits: usize) -> String {
    let Some(value) = cell.value else { return "$\\cdot$".into() };
    let mut text = match cell.mark {
        Some(Mark::Best | Mark::Level) => format!("\\textbf{{{}}}", escape(&number(value, digits))),
        Some(Mark::Second) => format!("\\underline{{{}}}", escape(&number(value, digits))),
        None => escape(&number(value, digits)),
    };
    if let Some(std) = cell.std {
        text += &format!(" {{\\scriptsize$\\pm$\\,{}}}", number(std, digits));
    }
    if let (Some(paper), Some(difference)) = (cell.paper, cell.difference()) {
        let difference = signed(difference, digits).replace('−', "-");
        text +=
            &format!(" {{\\scriptsize\\textcolor{{gray}}{{({}, ${difference}$)}}}}", number(paper, digits));
    }
    text
}

fn spans(text: &str) -> String {
    let span = |span: Span<'_>| match span {
        Span::Plain(text) => escape(text),
        Span::Code(text) => format!("\\texttt{{{}}}", escape(text)),
        Span::Emphasis(text) => format!("\\emph{{{}}}", escape(text)),
    };
    markup::spans(text).into_iter().map(span).collect()
}

/// Escapes a text for LaTeX. Letters of other scripts are kept: XeLaTeX and LuaLaTeX set them.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => safe.extend(['\\', letter]),
            '\\' => safe.push_str("\\textbackslash{}"),
            '~' => safe.push_str("\\textasciitilde{}"),
            '^' => safe.push_str("\\textasciicircum{}"),
            '<' => safe.push_str("\\textless{}"),
            '>' => safe.push_str("\\textgreater{}"),
            '|' => safe.push_str("\\textbar{}"),
            '"' => safe.push_str("\\textquotedbl{}"),
            '`' => safe.push_str("\\textasciigrave{}"),
            '−' => safe.push_str("$-$"),
            '±' => safe.push_str("$\\pm$"),
            '×' => safe.push_str("$\\times$"),
            '→' => safe.push_str("$\\to$"),
            '·' => safe.push_str("$\\cdot$"),
            '≤' => safe.push_str("$\\le$"),
            '≥' => safe.push_str("$\\ge$"),
            '\n' | '\r' => safe.push(' '),
            letter if letter.is_control() => safe.push_str("\\textbullet{}"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_means_anything() {
        assert_eq!(
            escape("a_b & 5 % #1 {x} \\y ~ ^"),
            "a\\_b \\& 5 \\% \\#1 \\{x\\} \\textbackslash{}y \\textasciitilde{} \\textasciicircum{}"
        );
        assert_eq!(spans("on *simulated*: `exp a_b`"), "on \\emph{simulated}: \\texttt{exp a\\_b}");
        assert_eq!(escape("−0.020"), "$-$0.020");
    }
}
