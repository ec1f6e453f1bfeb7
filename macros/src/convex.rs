//! Finds `(w1 * a + w2 * b).convex()` whose literal weights do not sum to 1. Other weights are checked at run
//! time.

use syn::{BinOp, Block, Error, Expr, ExprLit, ExprMethodCall, Lit, visit::Visit};

/// All such sums in a function.
pub(crate) fn check(block: &Block) -> syn::Result<()> {
    let mut sums = Sums(None);
    sums.visit_block(block);
    sums.0.map_or(Ok(()), Err)
}

struct Sums(Option<Error>);

impl<'ast> Visit<'ast> for Sums {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if call.method == "convex"
            && let Some(weights) = literal_weights(&call.receiver)
            && let sum = weights.iter().sum::<f64>()
            && (sum - 1.0).abs() > 1e-9
        {
            let text: Vec<String> = weights.iter().map(f64::to_string).collect();
            let (sum, text) = ((sum * 1e9).round() / 1e9, text.join(" + "));
            let message = format!("the weights of a convex loss must sum to 1; these sum to {sum} ({text})");
            let error = Error::new_spanned(&call.receiver, message);
            match &mut self.0 {
                Some(all) => all.combine(error),
                none => *none = Some(error),
            }
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// The weights of a sum, if all are literals.
fn literal_weights(expr: &Expr) -> Option<Vec<f64>> {
    match expr {
        Expr::Paren(inner) => literal_weights(&inner.expr),
        Expr::Binary(sum) if matches!(sum.op, BinOp::Add(_)) => {
            Some([literal_weights(&sum.left)?, literal_weights(&sum.right)?].concat())
        }
        Expr::Binary(product) if matches!(product.op, BinOp::Mul(_)) => match &*product.left {
            Expr::Lit(ExprLit { lit: Lit::Float(weight), .. }) => Some(vec![weight.base10_parse().ok()?]),
            _ => None,
        },
        _ => None,
    }
}
