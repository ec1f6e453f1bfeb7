//! Expands `#[experiment]`: checks of the function, and its entry in the registry.

use crate::{
    convex,
    function::{Function, Words},
};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

const WORDS: Words = Words { attribute: "#[experiment]", one: "an experiment", returns: "impl Experiments" };

pub(crate) fn expand(arguments: &TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Function { item, about } = Function::of(&WORDS, arguments, item)?;
    convex::check(&item.block)?;
    let name = &item.sig.ident;
    let text = name.to_string();
    let output = item.sig.output.span();
    let specs = quote_spanned!(output=> ::dichroic::dsl::Experiments::specs(#name()));
    Ok(quote! {
        ::dichroic::__private::inventory::submit! {
            ::dichroic::registry::Entry {
                name: #text,
                about: #about,
                file: ::dichroic::registry::relative(
                    ::core::file!(),
                    ::core::option_env!("DICHROIC_ROOT"),
                    ::core::env!("CARGO_MANIFEST_DIR"),
                ),
                line: ::core::line!(),
                specs: || #specs,
            }
        }
    })
}
