//! placeholder until the SQLite store lands
fn main() {}
