//! A spec as lines: one for each value, under the path that `--set` takes.

use serde_json::Value;

/// One value of a spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// `train.optimiser.lr`; elements of lists by their number: `train.stages.1.optimiser.lr` where there are several
    /// stages.
    pub path: String,
    /// The value: a plain one, or a list of plain values.
    pub value: &'a Value,
}

/// Every value, sorted by path.
pub fn of(json: &Value) -> Vec<Line<'_>> {
    let mut lines = vec![];
    list(json, String::new(), &mut lines);
    lines.sort_by(|a, b| a.path.cmp(&b.path));
    lines
}

/// The field of a training that holds its stages. Paths leave it out where there is one stage.
pub const STAGES: &str = "stages";

/// The stage, if the field is a list of one stage.
pub fn only_stage<'a>(key: &str, value: &'a Value) -> Option<&'a Value> {
    match value.as_array().map(Vec::as_slice) {
        Some([stage]) if key == STAGES => Some(stage),
        _ => None,
    }
}

fn list<'a>(value: &'a Value, path: String, lines: &mut Vec<Line<'a>>) {
    let below = |key: &str| if path.is_empty() { key.into() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match only_stage(key, value) {
                    Some(stage) => list(stage, path.clone(), lines),
                    None => list(value, below(key), lines),
                }
            }
        }
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
    fn the_only_stage_is_left_out_of_paths() {
        let paths = |stages: Value| -> Vec<String> {
            let json = json!({ "train": { "image": 64, "stages": stages } });
            of(&json).into_iter().map(|line| line.path).collect()
        };
        assert_eq!(paths(json!([{ "epochs": 3 }])), ["train.epochs", "train.image"]);
        assert_eq!(paths(json!([])), ["train.image", "train.stages"]);
        let two = paths(json!([{ "epochs": 3 }, { "epochs": 4 }]));
        assert_eq!(two, ["train.image", "train.stages.0.epochs", "train.stages.1.epochs"]);
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
