//! `--set PATH=VALUE`: one value of a resolved spec, changed without recompiling.

use super::failure::{Failure, Result};
use crate::{
    spec::{Spec, Train, lines},
    spelling::closest,
};
use serde_json::Value;

/// A spec with other values.
pub(super) struct Changed {
    /// In canonical form.
    pub(super) spec: Spec,
    /// Paths that lead nowhere in this spec, and what to say if they lead nowhere in any.
    pub(super) lacking: Vec<(String, Failure)>,
}

/// The spec with these values. An element of a list is identified by its number or its kind: `train.augment.1.p`,
/// `train.augment.flip.p`. A value is JSON; anything else is text.
///
/// # Errors
/// If a value cannot be set to this.
pub(super) fn apply(spec: &Spec, changes: &[(String, String)]) -> Result<Changed> {
    let (mut spec, mut lacking) = (spec.clone(), vec![]);
    for (path, text) in changes {
        let mut json = serde_json::to_value(&spec).expect("specs are plain data");
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
        let before = match find(&mut json, path) {
            Ok(place) => std::mem::replace(place, value),
            Err(unknown) => match unwritten(&mut json, path, value) {
                Some(before) => before,
                None => {
                    lacking.push((path.clone(), unknown));
                    continue;
                }
            },
        };
        spec = serde_json::from_value(json).map_err(|error| {
            Failure::new(format!("cannot set `{path}` to `{text}`: {error}"))
                .hint(format!("it is {before} now"))
        })?;
    }
    Ok(Changed { spec: if changes.is_empty() { spec } else { spec.canonical() }, lacking })
}

/// Sets a field that is not written while it has its default, such as `train.on`, `train.data.only` and
/// `embedding.members`; none if there is no such field, or if it belongs to a part that this spec does not have.
fn unwritten(json: &mut Value, path: &str, value: Value) -> Option<Value> {
    let (parent, field) = path.rsplit_once('.')?;
    let mut tried = json.clone();
    if let Some(fields) =
        tried.as_object_mut().filter(|fields| !parent.contains('.') && !fields.contains_key(parent))
    {
        fields.insert(parent.into(), Value::Object(serde_json::Map::new()));
        // A part that cannot be empty, such as an adaptation, is not left out because it has its defaults.
        serde_json::from_value::<Spec>(tried.clone()).ok()?;
    }
    let parent = find(&mut tried, parent).ok()?;
    let parent = match parent.get(lines::STAGES) {
        Some(_) if !Train::SHARED.contains(&field) => only_stage(parent.as_object_mut()?)?,
        _ => parent,
    };
    parent.as_object_mut()?.insert(field.into(), value);
    let error = serde_json::from_value::<Spec>(tried.clone()).err().map(|error| error.to_string());
    if error.is_some_and(|error| error.starts_with("unknown field")) {
        return None;
    }
    *json = tried;
    Some(Value::Null)
}

fn find<'a>(json: &'a mut Value, path: &str) -> Result<&'a mut Value> {
    let paths: Vec<String> = lines::of(json).into_iter().map(|line| line.path).collect();
    let mut place = json;
    let mut walked: Vec<&str> = vec![];
    for key in path.split('.') {
        let below = match place {
            Value::Object(fields) => match fields.contains_key(key) {
                true => fields.get_mut(key),
                false => only_stage(fields).and_then(|stage| stage.get_mut(key)),
            },
            Value::Array(items) => element(items, key),
            _ => None,
        };
        let Some(below) = below else { return Err(unknown(path, &walked.join("."), &paths)) };
        place = below;
        walked.push(key);
    }
    Ok(place)
}

/// The stage of a training that has one; paths leave it out.
fn only_stage(fields: &mut serde_json::Map<String, Value>) -> Option<&mut Value> {
    match fields.get_mut(lines::STAGES)?.as_array_mut()?.as_mut_slice() {
        [stage] => Some(stage),
        _ => None,
    }
}

/// An element by its number or its kind; of a weighted sum, the loss's kind; of conditions, the role.
fn element<'a>(items: &'a mut [Value], key: &str) -> Option<&'a mut Value> {
    let is_kind = |item: &Value| item.get("loss").unwrap_or(item)["kind"] == key || item["role"] == key;
    let at = key.parse().ok().or_else(|| items.iter().position(is_kind))?;
    items.get_mut(at)
}

fn unknown(path: &str, walked: &str, paths: &[String]) -> Failure {
    let failure = Failure::new(format!("there is no `{path}` in this spec"));
    let names = paths.iter().map(String::as_str);
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let same_name = paths.iter().find(|known| last(known) == last(path)).map(String::as_str);
    match closest(path, names.clone()).or(same_name) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => {
            let prefix = if walked.is_empty() { String::new() } else { format!("{walked}.") };
            let next = names.filter_map(|name| name.strip_prefix(&prefix)?.split('.').next());
            let next: std::collections::BTreeSet<&str> = next.collect();
            let next: Vec<String> = next.into_iter().map(|key| format!("{prefix}{key}")).collect();
            failure.hint(format!("there are {}", next.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sample,
        spec::{Flip, recipe::Recipe},
    };

    fn set(path: &str, value: &str) -> Result<Spec> {
        set_in(&sample::spec(sample::plain(), Recipe::Fixed), path, value)
    }

    fn set_in(spec: &Spec, path: &str, value: &str) -> Result<Spec> {
        let Changed { spec, mut lacking } = apply(spec, &[(path.into(), value.into())])?;
        lacking.pop().map_or(Ok(spec), |(_, failure)| Err(failure))
    }

    fn words(result: Result<Spec>) -> (String, String) {
        match result {
            Err(Failure::Work { error, hint }) => (error.to_string(), hint.unwrap_or_default()),
            other => panic!("expected a failure, found {other:?}"),
        }
    }

    #[test]
    fn numbers_words_and_nothing_can_be_set() {
        let stage = |path, value| set(path, value).unwrap().train.stages.remove(0);
        assert_eq!(stage("train.optimiser.lr", "3e-4").optimiser.lr, 3e-4);
        assert_eq!(stage("train.stages.0.optimiser.lr", "3e-4").optimiser.lr, 3e-4);
        assert_eq!(set("train.subset", "20").unwrap().train.subset, Some(20));
        assert_eq!(set("train.subset", "null").unwrap().train.subset, None);
        let wide = set("model.backbone.size", "nano").unwrap();
        assert!(serde_json::to_string(&wide).unwrap().contains("\"nano\""));
        assert_eq!(stage("train.optimiser.betas", "[0.8, 0.9]").optimiser.betas, [0.8, 0.9]);
        let on = stage("train.on", r#"{"name": "chammi", "sets": ["HPA"]}"#).on.unwrap();
        assert_eq!(on.sets, ["HPA"]);
    }

    #[test]
    fn elements_have_numbers_and_kinds() {
        let mut spec = sample::spec(sample::plain(), Recipe::Fixed);
        spec.train.stages[0].augment = vec![Flip { p: 0.5 }.into()];
        for (path, p) in [("train.augment.flip.p", "0.25"), ("train.augment.0.p", "0.75")] {
            let spec = set_in(&spec, path, p).unwrap();
            assert_eq!(spec.train.stages[0].augment, [Flip { p: p.parse().unwrap() }.into()]);
        }
    }

    #[test]
    fn what_is_not_written_can_be_set_too() {
        let only = "[{\"role\": \"plate\", \"values\": [\"P2\", \"P1\"]}]";
        let spec = set("train.data.only", only).unwrap();
        assert_eq!(spec.train.data.part(), "plate=P1,P2");
        let spec = set_in(&spec, "train.data.only.plate.values", "[\"P3\"]").unwrap();
        assert_eq!(spec.train.data.part(), "plate=P3");
        let spec = set_in(&spec, "train.data.only", "[]").unwrap();
        assert_eq!(spec, sample::spec(sample::plain(), Recipe::Fixed));
        let by_image = r#"[{"sets": [], "by": {"kind": "image", "floor": 0.1}}]"#;
        assert_eq!(set("train.normalise", by_image).unwrap().train.normalise.len(), 1);
        assert_eq!(set("embedding.members", "3").unwrap().embedding.members, 3);
        assert_eq!(words(set("embeding.members", "3")).0, "there is no `embeding.members` in this spec");
        let (error, hint) = words(set("train.data.only", "[{\"role\": \"dish\", \"values\": []}]"));
        assert!(error.contains("unknown variant `dish`"), "{error}");
        assert_eq!(hint, "it is null now");
        assert_eq!(words(set("train.data.onyl", "[]")).0, "there is no `train.data.onyl` in this spec");
    }

    #[test]
    fn a_value_of_a_part_that_is_not_there_leads_nowhere() {
        for path in ["adapt.rate", "adapt.per", "adapt.stage.optimiser.lr", "classifier.stage.epochs"] {
            assert_eq!(words(set(path, "1")).0, format!("there is no `{path}` in this spec"));
        }
        let spec = sample::spec(sample::plain(), Recipe::Fixed);
        let changes =
            [("adapt.rate", "0.5"), ("train.epochs", "7")].map(|(path, to)| (path.into(), to.into()));
        let Changed { spec, lacking } = apply(&spec, &changes).unwrap();
        assert_eq!(spec.train.stages[0].epochs, 7);
        assert_eq!(lacking.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["adapt.rate"]);
    }

    #[test]
    fn slips_are_answered() {
        let (error, hint) = words(set("train.optimiser.lrr", "1"));
        assert_eq!(error, "there is no `train.optimiser.lrr` in this spec");
        assert_eq!(hint, "did you mean `train.optimiser.lr`?");
        assert!(words(set("train.ep", "1")).1.contains("train.epochs, train.hold_out, "));
        assert!(words(set("train.of", "1")).0.contains("there is no `train.of`"));
        assert_eq!(words(set("lr", "1")).1, "did you mean `train.optimiser.lr`?");
        let (error, hint) = words(set("train.epochs", "many"));
        assert!(error.starts_with("cannot set `train.epochs` to `many`: invalid type"), "{error}");
        assert!(hint.starts_with("it is ") && hint.ends_with(" now"), "{hint}");
    }
}
