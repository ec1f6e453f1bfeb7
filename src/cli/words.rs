//! `list words`: the vocabulary, from the words' own tables.

use super::{
    failure::Result,
    grid::{self, Format},
    output,
};
use crate::{
    spec::recipe::{AXES, Recipe, Switch},
    store::{Rows, Value},
};
use serde_json::json;

/// Every word: its place in a sentence, what it is, and its switches with the values of the three recipes.
pub(super) fn list(as_json: bool) -> Result {
    if as_json { output::say_json(&document()) } else { output::say(&grid::write(&table(), Format::Table)) }
}

fn document() -> serde_json::Value {
    let value = |switch: &Switch, recipe| -> serde_json::Value {
        serde_json::from_str(switch.text(recipe)).unwrap_or_default()
    };
    let switch = |switch: &Switch| {
        json!({
            "path": switch.path, "source": switch.source, "guessed": switch.guessed,
            "released": value(switch, Recipe::Released), "paper": value(switch, Recipe::Paper),
            "fixed": value(switch, Recipe::Fixed),
        })
    };
    let words = AXES.iter().flat_map(|axis| axis.words.iter().map(move |word| (axis.name, word)));
    let word = |(axis, word): (&str, &crate::spec::Entry)| {
        let switches: Vec<_> = word.switches.iter().map(switch).collect();
        json!({
            "axis": axis, "word": word.name, "kind": word.kind, "about": word.summary(),
            "revision": word.revision, "switches": switches,
        })
    };
    json!({ "words": words.map(word).collect::<Vec<_>>() })
}

fn table() -> Rows {
    let columns = ["place", "word", "switch", "released", "paper", "fixed", ""].map(String::from).into();
    let row = |cells: [&str; 7]| cells.map(|cell| Value::Text(cell.into())).into();
    let mut rows: Vec<Vec<Value>> = vec![];
    for axis in AXES {
        for word in axis.words {
            rows.push(row([axis.name, word.name, "", "", "", "", &word.summary()]));
            for switch in word.switches {
                // A switch of the word is known by its name, another by its path.
                let own = switch.path.split_once(&format!(".{}.", word.kind));
                let name = own.map_or(switch.path, |(_, name)| name);
                let [released, paper, fixed] =
                    Recipe::ALL.map(|recipe| switch.text(recipe).trim_matches('"'));
                rows.push(row(["", "", name, released, paper, fixed, switch.source]));
            }
        }
    }
    Rows { columns, rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_every_switch_of_a_word_has_a_line() {
        let text = grid::write(&table(), Format::Table);
        let line = |start: &str| {
            let found = text.lines().find(|line| line.trim_start().starts_with(start));
            found.unwrap_or_else(|| panic!("no `{start}` in\n{text}"))
        };
        assert!(line("adapter").contains("ChannelReplication"), "{text}");
        let pooling = line("pooling");
        assert!(pooling.contains("weighted") && pooling.contains("average"), "{pooling}");
        let words: usize = AXES.iter().map(|axis| axis.words.len()).sum();
        let switches: usize = AXES.iter().flat_map(|axis| axis.words).map(|word| word.switches.len()).sum();
        assert_eq!(table().rows.len(), words + switches);
        assert_eq!(document()["words"].as_array().unwrap().len(), words);
    }
}
