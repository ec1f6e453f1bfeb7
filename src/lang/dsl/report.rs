//! The return value of a `#[report]` function: a table or figure of a paper, the systems of an experiment, or
//! the result of a query.

use crate::papers::{self, NotPublished};

/// A table or figure, computed from the store on request.
///
/// ```text
/// Report::published("chammi", "table4")           a paper's, next to the published numbers
/// Report::systems("real_cells")                   scores of everything that an experiment declares
/// Report::curves("real_cells", "loss")            how they were learned
/// Report::confusion("real_cells")                 what they took for what
/// Report::query("SELECT … FROM v_seeds …")        any answer of the store
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Report {
    /// A table or figure of a paper, next to the published numbers.
    Published {
        /// The paper: `chammi`.
        paper: String,
        /// The table or figure: `table4`, `figure5`.
        name: String,
    },
    /// The scores of an experiment's systems, a row each, with floors; a figure shows their seeds.
    Systems {
        /// The experiment's name.
        experiment: String,
    },
    /// A metric over the steps of training, a line for each system, with a band over seeds.
    Curves {
        /// The experiment's name.
        experiment: String,
        /// `loss`, `lr`, `grad_norm`.
        metric: String,
    },
    /// Confusion matrices, one per task and system.
    Confusion {
        /// The experiment's name.
        experiment: String,
    },
    /// The rows of an SQL query on the store's views.
    Query {
        /// A single `SELECT`.
        sql: String,
    },
}

impl Report {
    /// A table or figure of a paper, next to the published numbers: `published("chammi", "table4")`. `cargo
    /// test` and `dichroic report` refuse names that no paper has, and list those that exist.
    pub fn published(paper: &str, name: &str) -> Self {
        Self::Published { paper: paper.into(), name: name.into() }
    }

    /// The scores of all systems that an experiment declares.
    pub fn systems(experiment: &str) -> Self {
        Self::Systems { experiment: experiment.into() }
    }

    /// Learning curves of an experiment's systems: a metric over steps.
    pub fn curves(experiment: &str, metric: &str) -> Self {
        Self::Curves { experiment: experiment.into(), metric: metric.into() }
    }

    /// Which classes an experiment's systems confuse.
    pub fn confusion(experiment: &str) -> Self {
        Self::Confusion { experiment: experiment.into() }
    }

    /// The rows of an SQL query. Texts name a row, numbers are its cells. Columns `x_std` and `x_n` are the
    /// standard deviation and the number of seeds of a column `x`.
    pub fn query(sql: &str) -> Self {
        Self::Query { sql: sql.into() }
    }

    /// Whether its subject exists.
    ///
    /// # Errors
    /// If no paper has this table or figure.
    pub fn check(&self) -> Result<(), NotPublished> {
        match self {
            Self::Published { paper, name } => papers::find(paper, name).map(drop),
            Self::Systems { .. } | Self::Curves { .. } | Self::Confusion { .. } | Self::Query { .. } => {
                Ok(())
            }
        }
    }

    /// Its position among the reports of papers; other reports come last.
    pub(crate) fn place(&self) -> usize {
        match self {
            Self::Published { paper, name } => papers::place(paper, name),
            Self::Systems { .. } | Self::Curves { .. } | Self::Confusion { .. } | Self::Query { .. } => {
                usize::MAX
            }
        }
    }
}
