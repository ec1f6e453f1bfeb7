//! The filter line of the runs: `experiment:chammi_* status:done seed:1 f1>0.6 word`, as a condition in SQL.
//!
//! Terms are joined by "and"; a term that begins with `-` is negated; commas separate alternatives; `*`
//! matches any text; text with blanks goes into double quotes.

use super::overall;
use crate::{papers, store::Value};

/// Which runs are shown: a condition on `run r JOIN spec c`, and the values of its `?`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    /// The condition.
    pub(super) sql: String,
    /// A value for each `?`.
    pub(super) values: Vec<Value>,
    /// Names that are not built in: axes of labels or settings of a spec; an error if the store has neither.
    pub(super) axes: Vec<String>,
}

/// One term of the line.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    negated: bool,
    /// Name and operator; none for a plain word.
    asked: Option<(String, Operator)>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Longer ones first, because they are tried in this order.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::IsNot),
    (":", Operator::Is),
    ("=", Operator::Is),
    (">", Operator::Greater),
    ("<", Operator::Less),
];

/// SQLite's expressions are at most 1,000 deep, and each word is one level.
const MOST_WORDS: usize = 200;
const MOST_LETTERS: usize = 4_000;

/// Names with a special meaning, for the page's help.
pub(super) const NAMES: [&str; 13] = [
    "experiment",
    "status",
    "run",
    "spec",
    "seed",
    "scale",
    "data",
    "kind",
    "tag",
    "host",
    "f1",
    "seconds",
    "label",
];

/// Seconds that a run's works took, over all their attempts.
pub(super) const SECONDS: &str =
    "(SELECT round(sum(coalesce(a.ended_ms, a.heartbeat_ms) - a.started_ms)/1000.0, 1)
      FROM run_work w JOIN attempt a ON a.work_id = w.work_id WHERE w.run_id = r.id)";

/// Whether a run's numbers would not be reproduced by the current code and data.
pub(super) const STALE: &str = "(EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id AND w.stale WHERE rw.run_id = r.id)
      OR EXISTS (SELECT 1 FROM run_data rd JOIN dataset d ON d.id = rd.dataset_id AND d.stale WHERE rd.run_id = r.id))";

/// Whether the process of a running work no longer reports.
pub(super) const SILENT: &str =
    "(r.status = 'running' AND EXISTS (SELECT 1 FROM run_work rw JOIN work w ON w.id = rw.work_id
      WHERE rw.run_id = r.id AND w.status = 'running' AND w.lease_until_ms < unixepoch()*1000))";

impl Filter {
    /// Parses a line.
    ///
    /// # Errors
    /// A sentence that names the term that makes no sense.
    pub(super) fn of(line: &str) -> Result<Self, String> {
        let (letters, words) = (
            line.chars().count(),
            line.split(|letter: char| letter.is_whitespace() || letter == ',').count(),
        );
        if letters > MOST_LETTERS || words > MOST_WORDS {
            return Err(format!(
                "a filter has at most {MOST_LETTERS} letters and {MOST_WORDS} words, this one {letters} and {words}; \
                 `dichroic sql` answers any question"
            ));
        }
        let mut filter = Self { sql: "true".into(), values: vec![], axes: vec![] };
        for term in terms(line)? {
            let start = filter.values.len();
            let sql = filter.term(&term)?;
            debug_assert_eq!(sql.matches('?').count(), filter.values.len() - start);
            filter.sql += if term.negated { "\n AND NOT coalesce((" } else { "\n AND coalesce((" };
            filter.sql += &format!("{sql}), false)");
        }
        Ok(filter)
    }

    fn term(&mut self, term: &Term) -> Result<String, String> {
        let Some((name, operator)) = &term.asked else {
            return Ok(self.word(&term.text));
        };
        let operator = *operator;
        Ok(match name.as_str() {
            "experiment" | "exp" => {
                let named = self.texts("e.name", operator, &term.text)?;
                format!(
                    "EXISTS (SELECT 1 FROM experiment_run x JOIN experiment e ON e.id = x.experiment_id WHERE x.run_id = r.id AND {named})"
                )
            }
            "status" | "state" => self.status(operator, &term.text)?,
            "run" | "id" => self.texts("r.uid", operator, &begins(&term.text))?,
            "spec" => self.texts("c.uid", operator, &begins(&term.text))?,
            "scale" => self.texts("r.scale", operator, &term.text)?,
            "seed" => self.numbers("r.seed", operator, &term.text)?,
            "f1" => self.numbers(overall::sql(), operator, &term.text)?,
            "seconds" => self.numbers(SECONDS, operator, &term.text)?,
            "data" => {
                let named = self.texts("d.name", operator, &term.text)?;
                format!(
                    "EXISTS (SELECT 1 FROM run_data rd JOIN dataset d ON d.id = rd.dataset_id WHERE rd.run_id = r.id AND {named})"
                )
            }
            "kind" => {
                let named = self.texts("d.kind", operator, &term.text)?;
                format!(
                    "EXISTS (SELECT 1 FROM run_data rd JOIN dataset d ON d.id = rd.dataset_id WHERE rd.run_id = r.id AND {named})"
                )
            }
            "tag" => {
                let named = self.texts("t.tag", operator, &term.text)?;
                format!("EXISTS (SELECT 1 FROM tag t WHERE t.run_id = r.id AND {named})")
            }
            "host" => {
                let named = self.texts("h.name", operator, &term.text)?;
                format!(
                    "EXISTS (SELECT 1 FROM run_work rw JOIN attempt a ON a.work_id = rw.work_id JOIN host h ON h.id = a.host_id
                     WHERE rw.run_id = r.id AND {named})"
                )
            }
            "label" => {
                let named = self.texts("x.label", operator, &format!("*{}*", term.text))?;
                format!("EXISTS (SELECT 1 FROM experiment_run x WHERE x.run_id = r.id AND {named})")
            }
            task if task.contains('/') || papers::is_average(task) => {
                self.values.push(Value::from(task));
                let value = self.numbers("s.value", operator, &term.text)?;
                format!(
                    "EXISTS (SELECT 1 FROM score s JOIN attempt a ON a.id = s.attempt_id JOIN run_work rw ON rw.work_id = a.work_id
                     AND rw.run_id = r.id WHERE s.run_id = r.id AND r.status = 'done' AND s.part = '' AND s.task = ? AND s.class = ''
                     AND s.metric = '{}' AND {value})",
                    overall::METRIC.name
                )
            }
            axis => self.axis(axis, operator, &term.text)?,
        })
    }

    /// An axis of a label, or a setting of the spec by its path or the end of it.
    fn axis(&mut self, axis: &str, operator: Operator, value: &str) -> Result<String, String> {
        self.axes.push(axis.into());
        self.values.push(Value::from(axis));
        let number = value.parse::<f64>().is_ok();
        let of_label = match number {
            true => self.numbers("CAST(j.value AS REAL)", operator, value)?,
            false => self.texts("CAST(j.value AS TEXT)", operator, value)?,
        };
        self.values.extend([Value::from(axis), Value::from(format!("*.{}", literal(axis)))]);
        let of_spec = match number {
            true => self.numbers("p.num", operator, value)?,
            false => self.texts("p.txt", operator, value)?,
        };
        Ok(format!(
            "EXISTS (SELECT 1 FROM experiment_run x, json_each(x.label) j WHERE x.run_id = r.id AND j.key = ? AND {of_label})
             OR r.spec_id IN (SELECT p.spec_id FROM param p WHERE (p.key = ? OR p.key GLOB ?) AND {of_spec})"
        ))
    }

    fn status(&mut self, operator: Operator, words: &str) -> Result<String, String> {
        let known = ["queued", "running", "done", "failed", "skipped", "silent", "stale"];
        let mut any = vec![];
        for word in words.split(',') {
            any.push(match word {
                "stale" => STALE.to_owned(),
                "silent" => SILENT.to_owned(),
                word if known.contains(&word) => format!("r.status = '{word}'"),
                word => return Err(format!("a run is {}, but never `{word}`", known.join(", "))),
            });
        }
        let any = any.join(" OR ");
        match operator {
            Operator::Is => Ok(format!("({any})")),
            Operator::IsNot => Ok(format!("NOT ({any})")),
            _ => Err(format!("`status` has no order; write status:{words}")),
        }
    }

    /// `column` equals one of several texts, in which `*` matches anything.
    fn texts(&mut self, column: &str, operator: Operator, texts: &str) -> Result<String, String> {
        let any: Vec<String> = texts
            .split(',')
            .map(|one| {
                self.values.push(Value::from(literal(one)));
                format!("{column} GLOB ?")
            })
            .collect();
        let any = any.join(" OR ");
        match operator {
            Operator::Is => Ok(format!("({any})")),
            Operator::IsNot => Ok(format!("NOT ({any})")),
            _ => Err(format!("`{texts}` is text, which has no order; write `:` before it")),
        }
    }

    /// `column` compares with one of several numbers.
    fn numbers(&mut self, column: &str, operator: Operator, numbers: &str) -> Result<String, String> {
        let sign = match operator {
            Operator::Is => "=",
            Operator::IsNot => "<>",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::Greater => ">",
            Operator::AtLeast => ">=",
        };
        let mut all = vec![];
        for number in numbers.split(',') {
            let value = number.parse::<f64>().map_err(|_| format!("expected a number, found `{number}`"))?;
            // Seeds can be larger than the integers that a float represents exactly.
            self.values.push(number.parse().map_or(Value::Real(value), Value::Integer));
            all.push(format!("{column} {sign} ?"));
        }
        Ok(format!("({})", all.join(if operator == Operator::IsNot { " AND " } else { " OR " })))
    }

    /// A term without a name: matched against ids, names, labels, tags and data.
    fn word(&mut self, word: &str) -> String {
        let (begins, inside) = (Value::from(begins(word)), Value::from(format!("%{}%", like(word))));
        self.values.extend([begins.clone(), begins, inside.clone(), inside.clone(), inside.clone(), inside]);
        "r.uid GLOB ? OR c.uid GLOB ? OR r.data LIKE ? ESCAPE '\\'
         OR EXISTS (SELECT 1 FROM experiment_run x JOIN experiment e ON e.id = x.experiment_id WHERE x.run_id = r.id
           AND (e.name LIKE ? ESCAPE '\\' OR x.label LIKE ? ESCAPE '\\'))
         OR EXISTS (SELECT 1 FROM tag t WHERE t.run_id = r.id AND t.tag LIKE ? ESCAPE '\\')"
            .into()
    }
}

/// Prefixes of an id, separated by commas.
fn begins(ids: &str) -> String {
    let one = |id: &str| format!("{}*", id.to_lowercase().trim_end_matches('*'));
    ids.split(',').map(one).collect::<Vec<_>>().join(",")
}

/// A GLOB pattern in which only `*` is special.
fn literal(text: &str) -> String {
    text.chars().map(|c| if "?[".contains(c) { format!("[{c}]") } else { c.to_string() }).collect()
}

/// A text escaped for LIKE.
fn like(text: &str) -> String {
    text.chars().map(|c| if "%_\\".contains(c) { format!("\\{c}") } else { c.to_string() }).collect()
}

fn terms(line: &str) -> Result<Vec<Term>, String> {
    let mut terms = vec![];
    for word in words(line)? {
        let (negated, word) = match word.strip_prefix('-') {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, word.as_str()),
        };
        let found = OPERATORS.iter().filter_map(|(sign, operator)| Some((word.find(sign)?, sign, *operator)));
        // The first operator counts; if two begin there, the longer one.
        let first = found.min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()));
        terms.push(match first {
            Some((at, sign, operator)) if at > 0 => {
                let text = &word[at + sign.len()..];
                if text.is_empty() {
                    return Err(format!("`{word}` has no value after `{sign}`"));
                }
                Term { negated, asked: Some((name(&word[..at]), operator)), text: text.into() }
            }
            _ => Term { negated, asked: None, text: word.into() },
        });
    }
    Ok(terms)
}

/// Built-in names in lower case; tasks (`HPA/Task_two`) and axes of labels keep their case.
fn name(typed: &str) -> String {
    let small = typed.to_lowercase();
    let ours = NAMES.contains(&small.as_str()) || ["exp", "state", "id"].contains(&small.as_str());
    if ours { small } else { typed.into() }
}

/// Words separated by blanks; text in double quotes is one word.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quoted, mut any) = (vec![], String::new(), false, false);
    for c in line.chars() {
        match c {
            '"' => (quoted, any) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if any {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".into());
    }
    if any {
        words.push(word);
    }
    words.retain(|word| !word.is_empty());
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(name: &str, operator: Operator, text: &str) -> Term {
        Term { negated: false, asked: Some((name.into(), operator)), text: text.into() }
    }

    #[test]
    fn a_line_is_terms() {
        let line = "experiment:chammi_* -status:done Seed:1 f1>=0.6 \"two words\" system:\"TPS + 0.2 SSL\" lr!=4e-4 -dull";
        let wanted = [
            term("experiment", Operator::Is, "chammi_*"),
            Term { negated: true, ..term("status", Operator::Is, "done") },
            term("seed", Operator::Is, "1"),
            term("f1", Operator::AtLeast, "0.6"),
            Term { negated: false, asked: None, text: "two words".into() },
            term("system", Operator::Is, "TPS + 0.2 SSL"),
            term("lr", Operator::IsNot, "4e-4"),
            Term { negated: true, asked: None, text: "dull".into() },
        ];
        assert_eq!(terms(line).unwrap(), wanted);
        assert_eq!(terms("  ").unwrap(), []);
        assert_eq!(terms(":x").unwrap()[0].asked, None);
        assert_eq!(terms("HPA/Task_two>0.5").unwrap(), [term("HPA/Task_two", Operator::Greater, "0.5")]);
    }

    #[test]
    fn every_term_has_a_value_for_each_question_mark() {
        for line in [
            "",
            "word",
            "-word",
            "experiment:a,b*",
            "status:done,stale,silent",
            "-status:failed",
            "seed:1,2",
            "seed>1",
            "f1<0.5",
            "seconds>60",
            "run:AB12",
            "spec:ff",
            "scale:quick",
            "data:chammi",
            "kind:real",
            "tag:good",
            "host:a",
            "label:x",
            "HPA/Task_two>0.5",
            "cps>0.1",
            "system:SSL",
            "lr<1e-3",
            "epochs!=5",
        ] {
            let filter = Filter::of(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(filter.sql.matches('?').count(), filter.values.len(), "{line}: {}", filter.sql);
        }
        assert_eq!(Filter::of("run:AB12,f*").unwrap().values, [Value::from("ab12*"), Value::from("f*")]);
        assert_eq!(
            Filter::of("seed:9007199254740993").unwrap().values,
            [Value::Integer(9_007_199_254_740_993)]
        );
        assert_eq!(Filter::of("system:SSL").unwrap().axes, ["system"]);
    }

    #[test]
    fn slips_are_answered() {
        for (line, part) in [
            ("seed:x", "expected a number, found `x`"),
            ("status:finished", "never `finished`"),
            ("f1>", "has no value after `>`"),
            ("\"open", "not closed"),
            ("experiment>a", "no order"),
            ("status>done", "no order"),
        ] {
            let error = Filter::of(line).expect_err(line);
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn what_people_type_is_never_sql() {
        let line = "x'); DROP_TABLE_run;-- experiment:a'b \"label:\"\"[%_\\\"";
        let filter = Filter::of(line).unwrap();
        assert!(!filter.sql.contains("DROP") && !filter.sql.contains("a'b"), "{}", filter.sql);
        assert_eq!((like("a%_\\"), literal("a?[*")), ("a\\%\\_\\\\".into(), "a[?][[]*".into()));
    }
}
