//! What is wrong with a file, in the words that users read.

use crate::site::closed_set;

closed_set! {
    /// What a finding means for a recovery.
    pub enum FindingSeverity {
        /// The file is not what it must be.
        Damaged => "damaged",
        /// Worth a look; a recovery may work all the same.
        Warning => "warning",
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The file, relative to what was looked at.
    pub file: String,
    /// The page of the file, where it is about one.
    pub page: Option<u32>,
    /// What it means.
    pub severity: FindingSeverity,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl Finding {
    /// A file that is not what it must be.
    pub fn damaged(file: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            page: None,
            severity: FindingSeverity::Damaged,
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// Something odd.
    pub fn warning(file: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { severity: FindingSeverity::Warning, ..Self::damaged(file, expected, found) }
    }

    /// The same at a page.
    pub fn at_page(self, page: u32) -> Self {
        Self { page: Some(page), ..self }
    }

    /// Whether it makes the file useless.
    pub fn is_damage(&self) -> bool {
        self.severity == FindingSeverity::Damaged
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some(page) = self.page {
            write!(f, ", page {page}")?;
        }
        write!(f, ": expected {}, found {}", self.expected, self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where_and_what() {
        let finding = Finding::damaged("SiteDBServer/CM_P01.mdf", "checksum 1", "checksum 2");
        assert_eq!(finding.to_string(), "SiteDBServer/CM_P01.mdf: expected checksum 1, found checksum 2");
        let finding = finding.at_page(9);
        assert_eq!(
            finding.to_string(),
            "SiteDBServer/CM_P01.mdf, page 9: expected checksum 1, found checksum 2"
        );
        assert_eq!((finding.is_damage(), Finding::warning("", "", "").is_damage()), (true, false));
        let json = serde_json::to_value(finding).unwrap();
        assert_eq!((&json["severity"], &json["page"]), (&"damaged".into(), &9.into()));
    }
}
