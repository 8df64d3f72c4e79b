//! The `stagedoor` binary.
fn main() {}
