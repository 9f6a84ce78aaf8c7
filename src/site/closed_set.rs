//! One macro for every closed set of the vocabulary: an enum whose variants have a fixed label.
//!
//! The label is a contract: it is the metric label, the JSON value and the word in a checkpoint. Variants may be
//! added, labels never change.

/// A closed set whose members have a fixed, lower-case label.
pub trait ClosedSet: Copy + Eq + Ord + std::fmt::Debug + 'static {
    /// Every member, in the order in which users meet them.
    const ALL: &'static [Self];

    /// The fixed word for this member.
    fn label(self) -> &'static str;

    /// The member with this label, if there is one.
    fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|member| member.label() == label)
    }
}

/// Defines an enum as a [`ClosedSet`], with `Display` and `Serialize` as its label.
macro_rules! closed_set {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident => $label:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $crate::site::ClosedSet for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::site::ClosedSet::label(*self))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::site::ClosedSet::label(*self))
            }
        }
    };
}
pub(crate) use closed_set;
