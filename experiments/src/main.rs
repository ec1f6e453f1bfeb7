//! The program: the command line of dichroic over the files in `experiments/`.
dichroic::main!();

#[cfg(test)]
mod identities;
