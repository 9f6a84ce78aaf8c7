//! What a site is in its hierarchy.

use super::closed_set;

closed_set! {
    /// The role of a site; only these have the backup task.
    pub enum SiteRole {
        /// A primary site without a hierarchy.
        Standalone => "standalone",
        /// A primary site below a central administration site.
        Hierarchy => "hierarchy",
        /// The central administration site.
        Cas => "cas",
    }
}

impl SiteRole {
    /// Whether change tracking retention limits how long a backup is useful.
    ///
    /// An unknown role is treated as part of a hierarchy: the stricter rule.
    pub fn in_hierarchy(role: Option<Self>) -> bool {
        role != Some(Self::Standalone)
    }
}
