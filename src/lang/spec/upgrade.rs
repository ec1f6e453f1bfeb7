//! Specs of earlier schemas, as stores and files have them, become specs of this one.

use super::{SCHEMA, Spec, Train};
use serde_json::{Map, Value};

/// Why a stored spec cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It says what this program does not know.
    #[error("a spec of schema {SCHEMA} was expected: {0}")]
    Unknown(#[from] serde_json::Error),
    /// Another version of the program wrote it.
    #[error("it is of schema {0}, and this program reads schemas 1 to {SCHEMA}")]
    Schema(u64),
}

/// The spec that `json` says, whichever schema it was written in. Its identity is that of this schema: a run that was
/// stored under the old one is shown as stale, not taken for the same.
///
/// # Errors
/// If no version up to this one wrote such a spec.
pub fn upgrade(mut json: Value) -> Result<Spec, Unreadable> {
    match json["schema"].as_u64() {
        Some(1) => stages(&mut json),
        Some(found) if found != u64::from(SCHEMA) => return Err(Unreadable::Schema(found)),
        _ => {}
    }
    Ok(serde_json::from_value::<Spec>(json)?.canonical())
}

/// Schema 1 had one training, whose fields lay beside those that stages share; one without an objective was frozen.
fn stages(json: &mut Value) {
    json["schema"] = SCHEMA.into();
    let Some(train) = json.get_mut("train").and_then(Value::as_object_mut) else { return };
    let all = std::mem::take(train);
    let (shared, stage): (Map<_, _>, Map<_, _>) =
        all.into_iter().partition(|(name, _)| Train::SHARED.contains(&name.as_str()));
    let frozen = stage.get("objective").and_then(Value::as_array).is_some_and(Vec::is_empty);
    *train = shared;
    train.insert(
        "stages".into(),
        if frozen { Value::Array(vec![]) } else { Value::Array(vec![stage.into()]) },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        prelude::Recipe,
        sample::{self, hyper_net},
    };

    /// The same spec as schema 1 had it.
    fn first(spec: &Spec) -> Value {
        let mut json = serde_json::to_value(spec).unwrap();
        json["schema"] = 1.into();
        let train = json["train"].as_object_mut().unwrap();
        let stages = train.remove("stages").unwrap();
        match stages.get(0) {
            Some(stage) => train.extend(stage.as_object().unwrap().clone()),
            None => train.extend(frozen()),
        }
        json
    }

    /// What schema 1 wrote of a model that is not trained.
    fn frozen() -> Map<String, Value> {
        let text = r#"{"objective": [], "strategy": {"kind": "erm"}, "augment": [], "augment_stream": "fresh",
            "sampling": "shuffled", "optimiser": {"lr": 0.0, "weight_decay": 0.0, "betas": [0.0, 0.0], "eps": 0.0},
            "schedule": {"warmup": 0, "warmup_lr": 0.0, "lr_min": 0.0}, "epochs": 0, "batch": 128}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_first_schema_is_read() {
        for recipe in Recipe::ALL {
            let trained = sample::spec(sample::plain(), recipe);
            assert_eq!(upgrade(first(&trained)).unwrap(), trained);
            let frozen = sample::spec(hyper_net().frozen(), recipe);
            assert_eq!(upgrade(first(&frozen)).unwrap(), frozen);
        }
    }

    #[test]
    fn this_schema_is_itself_and_others_are_refused() {
        let spec = sample::spec(sample::plain(), Recipe::Fixed);
        let json = serde_json::to_value(&spec).unwrap();
        assert_eq!(upgrade(json.clone()).unwrap(), spec);
        let mut later = json.clone();
        later["schema"] = 3.into();
        assert_eq!(
            upgrade(later).unwrap_err().to_string(),
            "it is of schema 3, and this program reads schemas 1 to 2"
        );
        let mut strange = json;
        strange["train"]["stages"][0]["warp"] = 1.into();
        assert!(upgrade(strange).unwrap_err().to_string().contains("unknown field `warp`"));
    }
}
