//! Finds the experiments in this folder.
fn main() {
    dichroic_build::package_in("..");
}
