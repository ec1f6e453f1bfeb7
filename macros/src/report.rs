//! Expands `#[report]`: the function's entry in the registry.

use crate::function::{Function, Words};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

const WORDS: Words = Words { attribute: "#[report]", one: "a report", returns: "Report" };

pub(crate) fn expand(arguments: &TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let Function { item, about } = Function::of(&WORDS, arguments, item)?;
    let name = &item.sig.ident;
    let text = name.to_string();
    let output = item.sig.output.span();
    let report = quote_spanned!(output=> ::core::convert::identity::<::dichroic::dsl::Report>(#name()));
    Ok(quote! {
        ::dichroic::__private::inventory::submit! {
            ::dichroic::registry::ReportEntry {
                name: #text,
                about: #about,
                file: ::dichroic::registry::relative(
                    ::core::file!(),
                    ::core::option_env!("DICHROIC_ROOT"),
                    ::core::env!("CARGO_MANIFEST_DIR"),
                ),
                line: ::core::line!(),
                report: || #report,
            }
        }
    })
}
