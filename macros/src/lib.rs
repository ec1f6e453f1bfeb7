//! The attributes of experiment files: `#[experiment]` and `#[report]`.

mod convex;
mod experiment;
mod function;
mod report;

use proc_macro::TokenStream;
use quote::quote;

/// Registers a function as an experiment, under its own name.
///
/// The function needs documentation (the first line states what it shows), takes no arguments and returns
/// `impl Experiments`. Its body is ordinary Rust. The attribute also checks what the compiler cannot: that
/// the function is documented, and that literal weights of a `.convex()` sum add up to 1.
#[proc_macro_attribute]
pub fn experiment(arguments: TokenStream, item: TokenStream) -> TokenStream {
    // In any case the function is returned unchanged, so that editors keep working in it.
    let original: proc_macro2::TokenStream = item.into();
    let beside = experiment::expand(&arguments.into(), original.clone());
    let beside = beside.unwrap_or_else(syn::Error::into_compile_error);
    quote!(#original #beside).into()
}

/// Registers a function as a report, under its own name; `dichroic report NAME` writes it.
///
/// The function needs documentation (the first line is the report's title), takes no arguments and returns a
/// `Report`.
#[proc_macro_attribute]
pub fn report(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let original: proc_macro2::TokenStream = item.into();
    let beside = report::expand(&arguments.into(), original.clone());
    let beside = beside.unwrap_or_else(syn::Error::into_compile_error);
    quote!(#original #beside).into()
}
