//! The flags that are stored with the service, in its command line.
//!
//! They are told apart by the definition of the command line, and written in one form each: `--name=value`, `--name` or
//! `--no-name`. A new installation replaces what is given again and keeps the rest.

use crate::cli::args::{FlagValue, StoredFlag, global_flags};

/// The flag that asks for a look and not for a service.
const NEVER_STORED: &str = "config.check";

/// Flags with their values, each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flags(Vec<(StoredFlag, Vec<String>)>);

impl Flags {
    /// The flags among these arguments, and what is none.
    pub(super) fn among<'a>(arguments: impl IntoIterator<Item = &'a str>) -> (Self, Vec<String>) {
        let known = global_flags();
        let (mut flags, mut others) = (Self::default(), Vec::new());
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument, None),
            };
            let found = name.strip_prefix("--").and_then(|name| find(&known, name));
            let value = match &found {
                Some((flag, positive)) if flag.value == FlagValue::Boolean => match inline {
                    None => Some(positive.to_string()),
                    Some(value @ ("true" | "false")) if *positive => Some(value.to_owned()),
                    Some(_) => None,
                },
                Some(_) => inline.or_else(|| arguments.next()).map(ToOwned::to_owned),
                None => None,
            };
            match (found, value) {
                (Some((flag, _)), Some(value)) => flags.add(flag, value),
                _ => others.push(argument.to_owned()),
            }
        }
        flags.0.retain(|(flag, _)| flag.name != NEVER_STORED);
        (flags, others)
    }

    fn add(&mut self, flag: &StoredFlag, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == flag) {
            Some((_, values)) if flag.value == FlagValue::Texts => values.push(value),
            Some((_, values)) => *values = vec![value],
            None => self.0.push((flag.clone(), vec![value])),
        }
    }

    /// These, with others in the place of those that have the same name.
    pub(super) fn replaced_by(mut self, given: Self) -> Self {
        for (flag, values) in given.0 {
            match self.0.iter_mut().find(|(known, _)| *known == flag) {
                Some((_, old)) => *old = values,
                None => self.0.push((flag, values)),
            }
        }
        self
    }

    /// These, with every path as `absolute` has it: a service starts in a folder of Windows.
    pub(super) fn with_paths(mut self, absolute: impl Fn(&str) -> String) -> Self {
        let paths = self.0.iter_mut().filter(|(flag, _)| flag.value == FlagValue::Path);
        paths.flat_map(|(_, values)| values).for_each(|value| *value = absolute(value));
        self
    }

    /// The last value of the flag of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let (_, values) = self.0.iter().find(|(flag, _)| flag.name == name)?;
        values.last().map(String::as_str)
    }

    /// Each in its one form.
    pub(super) fn arguments(&self) -> Vec<String> {
        let written = |(flag, value): (&StoredFlag, &String)| match (flag.value, &**value) {
            (FlagValue::Boolean, "true") => format!("--{}", flag.name),
            (FlagValue::Boolean, _) => format!("--no-{}", flag.name),
            (_, value) => format!("--{}={value}", flag.name),
        };
        let all = self.0.iter().flat_map(|(flag, values)| values.iter().map(move |value| (flag, value)));
        all.map(written).collect()
    }
}

/// The flag of this name, and whether the name is not its `--no-` form.
fn find<'a>(known: &'a [StoredFlag], name: &str) -> Option<(&'a StoredFlag, bool)> {
    let exact = known.iter().find(|flag| flag.name == name).map(|flag| (flag, true));
    let negated = || {
        let name = name.strip_prefix("no-")?;
        known
            .iter()
            .find(|flag| flag.name == name && flag.value == FlagValue::Boolean)
            .map(|flag| (flag, false))
    };
    exact.or_else(negated)
}

/// What a command line of the service has behind `service run`; `None` where it is not this program's.
pub(super) fn stored(command_line: &str) -> Option<Vec<String>> {
    let words = winsplit::split(command_line);
    let run = words.windows(2).position(|pair| pair == ["service", "run"])?;
    Some(words[run + 2..].to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn among(words: &[&str]) -> (Vec<String>, Vec<String>) {
        let (flags, others) = Flags::among(words.iter().copied());
        (flags.arguments(), others)
    }

    /// Quotes as Windows wants it: what windows-service does when it writes.
    fn quoted(argument: &str) -> String {
        if !argument.is_empty() && !argument.contains([' ', '\t', '\n', '\u{b}', '"']) {
            return argument.to_owned();
        }
        let (mut text, mut slashes) = (String::from("\""), 0);
        for c in argument.chars() {
            match c {
                '\\' => slashes += 1,
                '"' => {
                    text.push_str(&"\\".repeat(slashes + 1));
                    slashes = 0;
                }
                _ => slashes = 0,
            }
            text.push(c);
        }
        text + &"\\".repeat(slashes) + "\""
    }

    #[test]
    fn both_forms_of_a_flag_become_one() {
        for (words, arguments) in [
            (&["--log.level=debug"][..], &["--log.level=debug"][..]),
            (&["--log.level", "debug"], &["--log.level=debug"]),
            (&["--log.level=debug", "--log.level", "warn"], &["--log.level=warn"]),
            (&["--state.path=D:\\a b=c"], &["--state.path=D:\\a b=c"]),
            (&["--web.disable-exporter-metrics"], &["--web.disable-exporter-metrics"]),
            (&["--web.disable-exporter-metrics=true"], &["--web.disable-exporter-metrics"]),
            (&["--web.disable-exporter-metrics=false"], &["--no-web.disable-exporter-metrics"]),
            (
                &["--web.disable-exporter-metrics", "--no-web.disable-exporter-metrics"],
                &["--no-web.disable-exporter-metrics"],
            ),
            (
                &["--web.listen-address=:1", "--log.level", "warn", "--web.listen-address", "[::1]:2"],
                &["--web.listen-address=:1", "--web.listen-address=[::1]:2", "--log.level=warn"],
            ),
            (&["--config.check", "--log.format", "json"], &["--log.format=json"]),
        ] {
            assert_eq!(
                among(words),
                (arguments.iter().map(ToString::to_string).collect(), vec![]),
                "{words:?}"
            );
        }
    }

    #[test]
    fn what_is_no_flag_is_told() {
        for words in [
            &["service"][..],
            &["--account=LocalSystem"],
            &["--no-log.level=debug"],
            &["--log.level"],
            &["--web.disable-exporter-metrics=perhaps"],
            &["-log.level=debug"],
            &["--old.flag=1", "x"],
        ] {
            assert_eq!(among(words), (vec![], words.iter().map(ToString::to_string).collect()), "{words:?}");
        }
    }

    #[test]
    fn what_is_given_again_replaces_and_the_rest_stays() {
        let merged = |stored: &[&str], given: &[&str]| {
            let [stored, given] = [stored, given].map(|words| Flags::among(words.iter().copied()).0);
            stored.replaced_by(given).arguments().join(" ")
        };
        let stored = ["--log.level=warn", "--web.listen-address=:1", "--web.listen-address=:2"];
        assert_eq!(merged(&stored, &[]), stored.join(" "));
        assert_eq!(merged(&[], &stored), stored.join(" "));
        assert_eq!(merged(&stored, &stored), stored.join(" "));
        assert_eq!(
            merged(&stored, &["--web.listen-address", ":3"]),
            "--log.level=warn --web.listen-address=:3"
        );
        assert_eq!(
            merged(&stored, &["--no-web.disable-exporter-metrics", "--log.level=info"]),
            "--log.level=info --web.listen-address=:1 --web.listen-address=:2 --no-web.disable-exporter-metrics"
        );
        assert_eq!(
            merged(&["--web.disable-exporter-metrics"], &["--no-web.disable-exporter-metrics"]),
            "--no-web.disable-exporter-metrics"
        );
    }

    #[test]
    fn a_value_is_found_among_what_is_wrong() {
        let (flags, _) =
            Flags::among(["service", "run", "--no.such", "--state.path", "D:\\a b", "--log.level=loud"]);
        assert_eq!((flags.value("state.path"), flags.value("config.file")), (Some(r"D:\a b"), None));
    }

    #[test]
    fn only_paths_are_made_absolute() {
        let words = ["--config.file=a.yml", "--state.path", "state", "--web.telemetry-path=/metrics"];
        let flags = Flags::among(words).0.with_paths(|path| format!(r"D:\cm\{path}"));
        assert_eq!(
            flags.arguments(),
            [r"--config.file=D:\cm\a.yml", r"--state.path=D:\cm\state", "--web.telemetry-path=/metrics"]
        );
    }

    #[test]
    fn the_flags_in_a_command_line_are_found() {
        for (line, flags) in [
            (r#""C:\Program Files\cm\exporter.exe" service run"#, Some(vec![])),
            (r#"C:\cm\exporter.exe  service run --a="b c" --d"#, Some(vec!["--a=b c", "--d"])),
            // Windows starts this one too.
            (r"C:\Program Files\cm\exporter.exe service run --d", Some(vec!["--d"])),
            (r#"x service run "--a=C:\x y\\" --b="#, Some(vec![r"--a=C:\x y\", "--b="])),
            (r"C:\nssm.exe --service run", None),
            ("", None),
        ] {
            let wanted = flags.map(|flags| flags.into_iter().map(ToOwned::to_owned).collect());
            assert_eq!(stored(line), wanted, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(arguments in prop::collection::vec("[a-z =\\\\\" \\t\u{e4}-]{1,12}", 0..5)) {
            // None is empty: each begins with its dashes, and winsplit loses what has no letter.
            let words: Vec<_> = ["C:\\Program Files\\x\\e.exe", "service", "run"].into_iter()
                .chain(arguments.iter().map(String::as_str)).map(quoted).collect();
            prop_assert_eq!(stored(&words.join(" ")), Some(arguments));
        }

        #[test]
        fn no_command_line_breaks_it(line in "\\PC{0,80}") {
            if let Some(words) = stored(&line) {
                let (flags, _) = Flags::among(words.iter().map(String::as_str));
                let written = flags.arguments();
                let again = Flags::among(written.iter().map(String::as_str));
                prop_assert_eq!(again, (flags, vec![]));
            }
        }
    }
}
