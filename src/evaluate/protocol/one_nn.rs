//! The label of the nearest training image (CHAMMI, section 3.3).

use super::Protocol;
use crate::{
    evaluate::{
        Error, FeatureRows, Prediction, TaskInput, Truth,
        nearest::{NO_GROUP, Side, nearest},
    },
    event::Listen,
    spec::Metric,
};
use candle_core::Device;

/// Every query gets the label of its nearest neighbour. In a leave-one-group-out task, the queries of other
/// groups are references too, after the training images.
pub struct OneNn {
    /// The measure of nearness.
    pub metric: Metric,
}

impl Protocol for OneNn {
    fn answer(
        &self,
        task: &TaskInput<'_>,
        features: &dyn FeatureRows,
        on: &Device,
        listen: &mut dyn Listen,
    ) -> Result<Vec<Prediction>, Error> {
        let mut answering = task.train.to_vec();
        let mut groups = Vec::new();
        if let Some(of_queries) = task.groups {
            // A training image that is asked answers as one of its group, or it would answer itself.
            answering.retain(|row| task.queries.binary_search(row).is_err());
            groups = vec![NO_GROUP; answering.len()];
            answering.extend_from_slice(task.queries);
            groups.extend_from_slice(of_queries);
        }
        let labels: Vec<Truth> = answering.iter().map(|row| task.labels.of(*row)).collect();
        let of_references = task.groups.map(|_| groups.as_slice());
        let references = Side { features, rows: &answering, groups: of_references, labels: Some(&labels) };
        let (asked, of_asked) = task.asked();
        let queries = Side { features, rows: &asked, groups: of_asked.as_deref(), labels: None };
        let found = nearest(references, queries, self.metric, on, listen)?;
        let prediction = |(row, neighbour): (&u32, crate::evaluate::Neighbour)| {
            let nearest = answering[neighbour.index as usize];
            Prediction {
                row: *row,
                truth: task.labels.of(*row),
                predicted: labels[neighbour.index as usize],
                nearest: Some(nearest),
                similarity: Some(neighbour.similarity),
                tied: neighbour.tied,
            }
        };
        Ok(asked.iter().zip(found).map(prediction).collect())
    }
}
