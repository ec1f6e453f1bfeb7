//! The program: dichroic's command line with the experiments in this folder.
dichroic::main!();

#[cfg(test)]
mod identities;
