//! Common to experiments and reports: a documented function without arguments that returns something.

use proc_macro2::TokenStream;
use syn::{Attribute, Error, Expr, ExprLit, ItemFn, Lit, Meta, MetaNameValue, ReturnType};

/// A function under an attribute.
pub(crate) struct Function {
    pub(crate) item: ItemFn,
    /// Its documentation.
    pub(crate) about: String,
}

/// Its kind, in messages.
pub(crate) struct Words {
    /// `#[experiment]`.
    pub(crate) attribute: &'static str,
    /// `an experiment`.
    pub(crate) one: &'static str,
    /// `impl Experiments`.
    pub(crate) returns: &'static str,
}

impl Function {
    /// Parses it, and rejects what cannot be registered.
    pub(crate) fn of(words: &Words, arguments: &TokenStream, item: TokenStream) -> syn::Result<Self> {
        let Words { attribute, one, returns } = words;
        if !arguments.is_empty() {
            let message = format!("`{attribute}` takes no arguments; put settings into the function");
            return Err(Error::new_spanned(arguments, message));
        }
        let item: ItemFn = syn::parse2(item)?;
        if let Some(argument) = item.sig.inputs.first() {
            let message =
                format!("{one} takes no arguments; put what varies into a helper function and call it");
            return Err(Error::new_spanned(argument, message));
        }
        if matches!(item.sig.output, ReturnType::Default) {
            return Err(Error::new_spanned(&item.sig, format!("{one} returns `{returns}`")));
        }
        let about = documentation(&item.attrs);
        if about.is_empty() {
            let message = format!("{one} needs a doc comment: one line that states what it shows");
            return Err(Error::new_spanned(&item.sig.ident, message));
        }
        Ok(Self { item, about })
    }
}

fn documentation(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(MetaNameValue {
            path,
            value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }),
            ..
        }) if path.is_ident("doc") => Some(text.value().trim().to_owned()),
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join("\n").trim().to_owned()
}
