//! A spec as lines: one for each value, under the path that `--set` takes.

use serde_json::Value;

/// One value of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// `train.optimiser.lr`; elements of lists by their number.
    pub path: String,
    /// What stands there: a plain value, or a list of plain values.
    pub value: &'a Value,
}

/// Every value, sorted by path.
pub fn of(json: &Value) -> Vec<Line<'_>> {
    let mut lines = vec![];
    list(json, String::new(), &mut lines);
    lines
}

fn list<'a>(value: &'a Value, path: String, lines: &mut Vec<Line<'a>>) {
    let below = |key: &str| if path.is_empty() { key.into() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| list(value, below(key), lines)),
        Value::Array(items) if items.iter().any(|item| item.is_object()) => {
            items.iter().enumerate().for_each(|(at, item)| list(item, below(&at.to_string()), lines));
        }
        _ => lines.push(Line { path, value }),
    }
}

/// A value as it is typed behind `--set PATH=`.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Two lists of (path, value) side by side, only where they differ.
pub fn differences(
    a: &[(String, String)],
    b: &[(String, String)],
) -> Vec<(String, Option<String>, Option<String>)> {
    let value = |side: &[(String, String)], path: &str| {
        side.iter().find(|(known, _)| known == path).map(|(_, value)| value.clone())
    };
    let only_b = b.iter().filter(|(path, _)| value(a, path).is_none());
    let paths = a.iter().chain(only_b).map(|(path, _)| path);
    let sides = paths.map(|path| (path.clone(), value(a, path), value(b, path)));
    sides.filter(|(_, a, b)| a != b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_value_has_one_line() {
        let json = json!({ "a": { "lr": 1e-3, "betas": [0.9, 0.999] }, "b": [{ "kind": "flip" }], "c": [] });
        let found: Vec<(String, String)> =
            of(&json).into_iter().map(|line| (line.path, text(line.value))).collect();
        let wanted = [("a.betas", "[0.9,0.999]"), ("a.lr", "0.001"), ("b.0.kind", "flip"), ("c", "[]")];
        assert_eq!(found, wanted.map(|(path, value)| (path.to_string(), value.to_string())));
    }

    #[test]
    fn differences_have_two_sides() {
        let side = |lines: &[(&str, &str)]| -> Vec<(String, String)> {
            lines.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect()
        };
        let (a, b) =
            (side(&[("x", "1"), ("y", "2"), ("z", "3")]), side(&[("x", "1"), ("z", "4"), ("w", "5")]));
        let found = differences(&a, &b);
        let some = |text: &str| Some(text.to_string());
        let wanted = [("y", some("2"), None), ("z", some("3"), some("4")), ("w", None, some("5"))];
        assert_eq!(found, wanted.map(|(path, a, b)| (path.to_string(), a, b)));
    }
}
