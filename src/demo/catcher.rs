//! catcher
