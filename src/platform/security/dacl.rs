//! Who may do what, in the language of Windows for it (SDDL): reading a list, and changing one account's part of it.
//!
//! Entries of whatever kind stay as they are, letter by letter, and in their order; what one account was given stands
//! before all that is inherited, as Windows wants it. Nothing here asks the system.

use std::fmt;

/// A list of entries that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the access control list is in no form that is known: {0}")]
pub(crate) struct UnknownForm(String);

/// A discretionary access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dacl {
    /// There is none: everybody may do everything.
    Everything,
    /// These entries, each without its parentheses, behind the letters that say how the list is inherited.
    Entries(String, Vec<String>),
}

/// The rights that one account has through a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Granted {
    /// To the object.
    pub(crate) here: u32,
    /// To the files and folders below it.
    pub(crate) below: u32,
}

/// The fields of an entry of a kind that is understood.
struct Entry<'a> {
    allows: bool,
    flags: Vec<&'a str>,
    rights: u32,
    sid: &'a str,
}

impl Dacl {
    /// Reads what Windows tells: `D:PAI(A;OICI;FA;;;SY)`, the whole of a descriptor or its part alone.
    pub(crate) fn parse(text: &str) -> Result<Self, UnknownForm> {
        let unknown = || UnknownForm(text.to_owned());
        // A part that begins with another letter stands before it, and its entries could hold any text.
        let Some(list) = part(text, "D:") else {
            return if text.is_empty() { Ok(Self::Everything) } else { Err(unknown()) };
        };
        let [entries, audit] = [list.find('('), list.find("S:")].map(|at| at.unwrap_or(list.len()));
        let end = entries.min(audit);
        let (flags, mut rest) = list.split_at(end);
        if flags.contains("NO_ACCESS_CONTROL") {
            return Ok(Self::Everything);
        }
        let mut entries = Vec::new();
        while rest.starts_with('(') {
            let length = entry_length(rest).ok_or_else(unknown)?;
            let (entry, after) = rest.split_at(length);
            entries.push(entry[1..length - 1].to_owned());
            rest = after;
        }
        if !rest.is_empty() && !rest.starts_with("S:") {
            return Err(unknown());
        }
        Ok(Self::Entries(flags.to_owned(), entries))
    }

    /// Whether nothing is inherited from above.
    #[cfg_attr(all(not(windows), not(test)), expect(dead_code, reason = "other platforms write no lists"))]
    pub(crate) fn is_protected(&self) -> bool {
        matches!(self, Self::Entries(flags, _) if flags.replace("AR", "").replace("AI", "").contains('P'))
    }

    /// What an account with these identifiers may do, its own and those of its groups.
    pub(crate) fn granted(&self, sids: &[&str]) -> Granted {
        let Self::Entries(_, entries) = self else { return Granted { here: u32::MAX, below: u32::MAX } };
        let (mut granted, mut denied) = (Granted::default(), Granted::default());
        for entry in entries.iter().filter_map(|text| understood(text)) {
            if !sids.iter().any(|sid| entry.sid.eq_ignore_ascii_case(sid)) {
                continue;
            }
            let (to, not) = if entry.allows { (&mut granted, denied) } else { (&mut denied, granted) };
            if !entry.has("IO") {
                to.here |= entry.rights & !not.here;
            }
            if entry.has("OI") && entry.has("CI") {
                to.below |= entry.rights & !not.below;
            }
        }
        granted
    }

    /// This list with exactly these rights for one account, on the object and on all below it, or `None` where it has them
    /// already.
    pub(crate) fn with(&self, sid: &str, here: u32, below: Option<u32>) -> Option<Self> {
        let wanted = match below {
            Some(below) if below == here => vec![("OICI", here)],
            Some(below) => vec![("", here), ("OICIIO", below)],
            None => vec![("", here)],
        };
        let Self::Entries(letters, entries) = self else { return None };
        let own: Vec<_> =
            entries.iter().filter_map(|text| understood(text)).filter(|own| own.is_given_to(sid)).collect();
        let is = |(own, (flags, rights)): (&Entry<'_>, &(&str, u32))| {
            own.rights == *rights && own.flags.concat() == *flags
        };
        if own.len() == wanted.len() && own.iter().zip(&wanted).all(is) {
            return None;
        }
        let mut entries = others(entries, sid);
        let inherited = entries.iter().position(|text| is_inherited(text)).unwrap_or(entries.len());
        let written = |(flags, rights): (&str, u32)| format!("A;{flags};0x{rights:x};;;{sid}");
        entries.splice(inherited..inherited, wanted.into_iter().map(written));
        Some(Self::Entries(letters.clone(), entries))
    }

    /// This list without what one account was given, or `None` where it was given nothing.
    pub(crate) fn without(&self, sid: &str) -> Option<Self> {
        let Self::Entries(letters, entries) = self else { return None };
        let others = others(entries, sid);
        (others.len() < entries.len()).then(|| Self::Entries(letters.clone(), others))
    }
}

impl fmt::Display for Dacl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("D:NO_ACCESS_CONTROL"),
            Self::Entries(flags, entries) => {
                write!(f, "D:{flags}")?;
                entries.iter().try_for_each(|entry| write!(f, "({entry})"))
            }
        }
    }
}

impl Entry<'_> {
    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    /// Whether somebody gave this to the account, and not to a folder above.
    fn is_given_to(&self, sid: &str) -> bool {
        self.allows && !self.has("ID") && self.sid.eq_ignore_ascii_case(sid)
    }
}

/// All entries but those that give something to an account.
fn others(entries: &[String], sid: &str) -> Vec<String> {
    let is_other = |text: &&String| !understood(text).is_some_and(|entry| entry.is_given_to(sid));
    entries.iter().filter(is_other).cloned().collect()
}

/// What follows the name of a part, outside of all entries.
fn part<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    loop {
        if let Some(list) = rest.strip_prefix(name) {
            return Some(list);
        }
        match rest.chars().next()? {
            '(' => rest = &rest[entry_length(rest)?..],
            other => rest = &rest[other.len_utf8()..],
        }
    }
}

/// The bytes of the entry at the start of a text: a condition in it has parentheses of its own, and texts in quotes.
fn entry_length(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_u32, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn is_inherited(entry: &str) -> bool {
    entry.split(';').nth(1).is_some_and(|flags| pairs(flags).any(|flag| flag == "ID"))
}

/// The fields of an entry that allows or denies without a condition and for the whole object; `None` of any other.
fn understood(entry: &str) -> Option<Entry<'_>> {
    let fields: Vec<&str> = entry.split(';').collect();
    let [kind, flags, rights, "", "", sid] = fields[..] else { return None };
    let allows = match kind {
        "A" => true,
        "D" => false,
        _ => return None,
    };
    Some(Entry { allows, flags: pairs(flags).collect(), rights: mask(rights)?, sid })
}

fn pairs(text: &str) -> impl Iterator<Item = &str> {
    (0..text.len()).step_by(2).filter_map(|at| text.get(at..at + 2))
}

/// The rights by their letters (Win32 `sddl.h`).
const LETTERS: [(&str, u32); 24] = [
    ("GA", 0x1000_0000),
    ("GR", 0x8000_0000),
    ("GW", 0x4000_0000),
    ("GX", 0x2000_0000),
    ("RC", 0x2_0000),
    ("SD", 0x1_0000),
    ("WD", 0x4_0000),
    ("WO", 0x8_0000),
    ("CC", 0x1),
    ("DC", 0x2),
    ("LC", 0x4),
    ("SW", 0x8),
    ("RP", 0x10),
    ("WP", 0x20),
    ("DT", 0x40),
    ("LO", 0x80),
    ("CR", 0x100),
    ("FA", 0x1f_01ff),
    ("FR", 0x12_0089),
    ("FW", 0x12_0116),
    ("FX", 0x12_00a0),
    ("KA", 0xf_003f),
    ("KR", 0x2_0019),
    ("KW", 0x2_0006),
];

fn mask(text: &str) -> Option<u32> {
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return u32::from_str_radix(hexadecimal, 16).ok();
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return text.parse().ok();
    }
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    pairs(text).try_fold(0, |mask, pair| {
        LETTERS.iter().find(|(letters, _)| *letters == pair).map(|(_, bits)| mask | bits)
    })
}

#[cfg(test)]
mod tests;
