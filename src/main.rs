//! lonc
fn main() {}
