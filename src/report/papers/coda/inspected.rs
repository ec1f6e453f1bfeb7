//! Models of which the store has what they say without their classifier, as `.inspect(…)` keeps it.

use super::place::{Place, drawn_with, places, recipes};
use crate::{
    papers::coda::{PAPER, System, is_of_figure_4},
    report::{
        Error,
        measured::{Measured, Source, World},
        papers::{Declaration, declared::command},
    },
    spec::Spec,
};

/// A model, and the images that it says something of. Sources have their names in the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `CODA`.
    pub(super) method: &'static str,
    /// What it was trained on.
    pub(super) source: &'static str,
    /// What it is adapted to, if it is.
    pub(super) target: Option<&'static str>,
    /// What it is shown.
    pub(super) shown: &'static str,
}

/// The set that a source is.
pub(super) fn set_of(source: &str) -> &'static str {
    PAPER.tasks.iter().find(|task| task.paper == source).map_or("", |task| task.set())
}

impl Wanted {
    /// Whether a spec is it, and keeps what it says.
    fn fits(&self, spec: &Spec) -> bool {
        let only = |sets: &[String], source: &str| sets.iter().map(String::as_str).eq([set_of(source)]);
        let adapted = spec.adapt.as_ref().map(|adapt| adapt.data.sets.as_slice());
        let target = match (adapted, self.target) {
            (Some(sets), Some(target)) => only(sets, target),
            (None, None) => true,
            _ => false,
        };
        let shown = spec.inspect.iter().any(|images| images.reads(set_of(self.shown)));
        target
            && shown
            && !is_of_figure_4(spec)
            && System::of(spec) == Some(System { method: self.method, source: self.source })
    }
}

/// All models of one place and recipe.
pub(super) struct Models<'m> {
    pub(super) place: Place,
    pub(super) recipe: String,
    runs: Vec<&'m Measured>,
}

impl<'m> Models<'m> {
    /// Every place and recipe with at least one of these.
    pub(super) fn of(measured: &'m [Measured], wanted: &[Wanted]) -> Vec<Self> {
        let mut all = Vec::new();
        for (place, mut runs) in places(measured) {
            let any = |spec: &Spec| wanted.iter().any(|wanted| wanted.fits(spec));
            runs.retain(|one| one.resolved().is_some_and(any));
            let drawn = recipes(runs.iter().map(|one| one.recipes()));
            for recipe in &drawn {
                let with = |one: &&Measured| drawn_with(one.recipes(), recipe, &drawn);
                let runs = runs.iter().copied().filter(with).collect();
                all.push(Self { place: place.clone(), recipe: (*recipe).to_owned(), runs });
            }
        }
        all
    }

    /// The run of the smallest seed that has all of these, a run for each; where no seed has, the first of each.
    pub(super) fn find(&self, wanted: &[Wanted]) -> Vec<Option<&'m Measured>> {
        let one = |wanted: &Wanted, seed: Option<i64>| {
            let fits = |one: &&&Measured| {
                seed.is_none_or(|seed| one.seed == seed)
                    && one.resolved().is_some_and(|spec| wanted.fits(spec))
            };
            self.runs.iter().filter(fits).min_by_key(|one| (one.seed, &one.run)).copied()
        };
        let mut seeds: Vec<i64> = self.runs.iter().map(|one| one.seed).collect();
        seeds.sort_unstable();
        seeds.dedup();
        let of_seed = |seed| wanted.iter().map(|wanted| one(wanted, seed)).collect::<Vec<_>>();
        let whole =
            seeds.into_iter().map(|seed| of_seed(Some(seed))).find(|runs| runs.iter().all(Option::is_some));
        whole.unwrap_or_else(|| of_seed(None))
    }

    fn world(&self) -> Option<&'m World> {
        self.runs.first().map(|one| &one.world)
    }
}

/// The command that computes what is missing of a model.
pub(super) fn missing(wanted: &Wanted, declared: &[Declaration], models: Option<&Models<'_>>) -> String {
    command(&PAPER, declared, models.and_then(Models::world), |spec| wanted.fits(spec))
}

/// A command as lines for a hole in a figure.
pub(super) fn in_a_hole(command: &str) -> Vec<String> {
    vec!["not in the store yet:".into(), command.trim_matches('`').into()]
}

/// Every finished run on the paper's data.
pub(super) fn measured(store: &Source<'_>) -> Result<std::sync::Arc<Vec<Measured>>, Error> {
    store.on_all_parts(PAPER.data)
}
