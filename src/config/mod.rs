//! What the user wrote, and what the program makes of it.

mod settings;

pub use settings::{DEFAULT_RETENTION, SiteSettings};
