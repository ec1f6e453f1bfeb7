//! What a `#[report]` shows: a table or figure of a paper, the systems of an experiment, or the answer to any question.

/// A table or figure, to be asked of the store whenever somebody wants to see it.
///
/// ```text
/// Report::printed(Printed::ChammiTable4)          a paper's, beside print
/// Report::systems("real_cells")                   scores of everything that an experiment declares
/// Report::curves("real_cells", "loss")            how they were learned
/// Report::confusion("real_cells")                 what they took for what
/// Report::query("SELECT … FROM v_seeds …")        any answer of the store
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Report {
    /// A table or figure of a paper, beside what is printed.
    Printed(Printed),
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
    /// Which class was taken for which, a matrix for each task and system.
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

/// What a paper prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Printed {
    /// CHAMMI's Table 1: costs and overall scores.
    ChammiTable1,
    /// Its appendix, Table 2: off the shelf, trained, fine-tuned.
    ChammiTable2,
    /// Its appendix, Table 3: SWAD and MIRO.
    ChammiTable3,
    /// Its appendix, Table 4: thin-plate splines and self-supervision.
    ChammiTable4,
    /// Its Figure 5: a radar of the six novel tasks.
    ChammiFigure5,
    /// Its Figure 6: new channels.
    ChammiFigure6,
    /// Its Figure 9: features in the plane.
    ChammiFigure9,
    /// Its Figure 10: F1 of every class.
    ChammiFigure10,
    /// Which of its directions hold.
    ChammiDirections,
}

impl Report {
    /// A table or figure of a paper, beside what is printed.
    pub fn printed(what: Printed) -> Self {
        Self::Printed(what)
    }

    /// The scores of all that an experiment declares.
    pub fn systems(experiment: &str) -> Self {
        Self::Systems { experiment: experiment.into() }
    }

    /// How an experiment's systems were learned: a metric over steps.
    pub fn curves(experiment: &str, metric: &str) -> Self {
        Self::Curves { experiment: experiment.into(), metric: metric.into() }
    }

    /// Which class an experiment's systems took for which.
    pub fn confusion(experiment: &str) -> Self {
        Self::Confusion { experiment: experiment.into() }
    }

    /// The rows of an SQL query. Texts name a row, numbers are its cells. `x_std` and `x_n` belong to a column `x`: its
    /// deviation and the number of its seeds.
    pub fn query(sql: &str) -> Self {
        Self::Query { sql: sql.into() }
    }
}
