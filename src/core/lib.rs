//! What Noroshi decides.

pub mod directory;
mod document;
pub mod id;
pub mod playbook;
pub mod problem;
pub mod text;
pub mod time;
pub mod yaml;

pub use document::{API_VERSION, Kind, document_kind};
