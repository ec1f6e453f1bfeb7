//! What stands beside an experiment's function: its checks and its entry in the registry.

use crate::convex;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Error, Expr, ExprLit, ItemFn, Lit, Meta, MetaNameValue, ReturnType, spanned::Spanned};

pub(crate) fn expand(arguments: &TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "`#[experiment]` takes no arguments; say it in the function",
        ));
    }
    let function: ItemFn = syn::parse2(item)?;
    let name = &function.sig.ident;
    if let Some(argument) = function.sig.inputs.first() {
        let message = "an experiment takes no arguments; put what varies into a helper function and call it";
        return Err(Error::new_spanned(argument, message));
    }
    if matches!(function.sig.output, ReturnType::Default) {
        return Err(Error::new_spanned(&function.sig, "an experiment returns `impl Experiments`"));
    }
    let about = documentation(&function.attrs);
    if about.is_empty() {
        let message = "an experiment needs a doc comment: one line that says what it shows";
        return Err(Error::new_spanned(name, message));
    }
    convex::check(&function.block)?;

    let text = name.to_string();
    let output = function.sig.output.span();
    let specs = quote_spanned!(output=> ::dichroic::dsl::Experiments::specs(#name()));
    Ok(quote! {
        ::dichroic::__private::inventory::submit! {
            ::dichroic::registry::Entry {
                name: #text,
                about: #about,
                file: ::dichroic::registry::relative(::core::file!(), ::core::env!("CARGO_MANIFEST_DIR")),
                line: ::core::line!(),
                specs: || #specs,
            }
        }
    })
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
