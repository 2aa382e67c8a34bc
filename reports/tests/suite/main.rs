//! The integration tests of this package, as one program.

mod contracts;
mod merge;
mod pages;
mod size;
