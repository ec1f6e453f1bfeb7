//! Figures for the script that draws curves: one chart per metric; the parts of a loss share its chart.

use super::{ask::Ask, curves, url::href};
use crate::{spec::kind::FIT, store::Error};
use maud::{Markup, html};

/// One chart per metric; the parts of the loss share its chart.
pub(super) fn of(ask: &Ask<'_>, uids: &[&str], by: Option<&str>) -> Result<Markup, Error> {
    let kinds = curves::metrics(ask, uids)?;
    let one = uids.len() == 1;
    let address = |kind: &str, metrics: &[&str]| {
        let runs = uids.iter().map(|uid| ("run", *uid));
        let metrics = metrics.iter().map(|metric| ("metric", *metric));
        href("/curves", runs.chain([("kind", kind), ("by", by.unwrap_or_default())]).chain(metrics))
    };
    let chart = |kind: &str, metrics: &[&str]| {
        html! {
            figure.chart data-curves=(address(kind, metrics)) {
                figcaption { (metrics.iter().find(|metric| !metric.contains('/')).unwrap_or(&metrics[0])) @if kind != FIT { span.mute { " of " (kind) } } }
                div.plot {}
            }
        }
    };
    Ok(html! {
        @if !kinds.is_empty() {
            section.curves {
                div.head {
                    h2 { "Curves" }
                    form.tools data-tools {
                        label { "smoothing " input type="range" name="smooth" min="0" max="0.99" step="0.01" value="0"; }
                        label { input type="checkbox" name="log"; " logarithmic" }
                        span.mute { "drag to zoom, double-click to reset" }
                    }
                }
                noscript { p.mute { "Curves need JavaScript; their points are in " code { "dichroic export csv" } "." } }
                @for (kind, metrics) in &kinds {
                    @let of_loss = |metric: &&str| one && (metric.starts_with("loss") || metric.ends_with("_loss"));
                    @let (loss, rest): (Vec<&str>, Vec<&str>) = metrics.iter().map(String::as_str).partition(of_loss);
                    @let (parts, sums): (Vec<&str>, Vec<&str>) =
                        loss.into_iter().partition(|metric| metric.starts_with("loss/"));
                    // A loss with one part equals that part. The last one drawn is on top: the sum of
                    // several.
                    @let loss = if parts.len() > 1 { [parts, sums].concat() } else { sums };
                    @let drawn = html! { div.charts {
                        @if !loss.is_empty() { (chart(kind, &loss)) }
                        @for metric in rest { (chart(kind, &[metric])) }
                    } };
                    @if kind == FIT || kinds.len() == 1 { (drawn) } @else { details { summary { "curves of " (kind) } (drawn) } }
                }
            }
        }
    })
}
