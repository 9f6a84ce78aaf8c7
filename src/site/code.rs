//! The site code, parse-only: nothing else may stand in a label, a file name or a query.

use std::fmt;
use std::str::FromStr;

/// A site's code: three characters, `A`-`Z` and `0`-`9`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteCode([u8; 3]);

/// A text that is no site code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("site code {0:?} is not three characters A-Z, 0-9")]
pub struct InvalidSiteCode(pub String);

impl SiteCode {
    /// The code as text.
    pub fn as_str(&self) -> &str {
        // Only ASCII passes `from_bytes`, so the fallback is never taken.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// The code in these bytes; lower case is accepted, because administrators write it so.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut code: [u8; 3] = bytes.try_into().ok()?;
        code.make_ascii_uppercase();
        code.iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()).then_some(Self(code))
    }
}

impl FromStr for SiteCode {
    type Err = InvalidSiteCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_bytes(text.as_bytes()).ok_or_else(|| InvalidSiteCode(text.to_owned()))
    }
}

impl fmt::Display for SiteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for SiteCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for SiteCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for SiteCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_letters_or_digits_in_any_case_are_a_code() {
        assert_eq!("p01".parse::<SiteCode>().unwrap().as_str(), "P01");
        assert_eq!("001".parse::<SiteCode>().unwrap().to_string(), "001");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "P0", "P012", "P-1", "P 1", "ÄB", "P0\n", "'--"] {
            assert_eq!(text.parse::<SiteCode>(), Err(InvalidSiteCode(text.to_owned())));
        }
    }
}
