//! The web configuration in use: what it makes of the server, and how a changed one is taken over.

mod material;
mod reader;
mod settings;
mod tls;

pub use material::Material;
pub use reader::{NotTakenOver, WebConfigHandle, WebConfigReader};
pub use settings::WebSettings;
