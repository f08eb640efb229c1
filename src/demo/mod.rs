//! What only `noroshi demo` has: a mail catcher.

pub mod catcher;
