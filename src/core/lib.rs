//! What Noroshi decides.

pub mod directory;
pub mod id;
pub mod playbook;
pub mod problem;
pub mod text;
pub mod time;
pub mod yaml;
