//! The options a JVM was started with, from all the places it takes them from.

use std::fs::File;
use std::io::{self, Read};

use highwater_kernel::Pid;

/// So much of a command line or environment is read.
const MOST_BYTES: u64 = 4 << 20;

/// Options that are followed by their value as an argument of its own.
const WITH_VALUE: [&str; 14] = [
    "-cp",
    "-classpath",
    "--class-path",
    "-p",
    "--module-path",
    "--upgrade-module-path",
    "--add-modules",
    "--limit-modules",
    "--add-exports",
    "--add-opens",
    "--add-reads",
    "--patch-module",
    "--enable-native-access",
    "--source",
];

/// The options of a JVM in the order in which they take effect: the last one wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    list: Vec<String>,
    elsewhere: bool,
}

impl Options {
    /// Of a command line, whose first word is the program, and an environment. Of the command line only what comes before
    /// the main class counts; `JAVA_TOOL_OPTIONS` come before it, `JDK_JAVA_OPTIONS` too, `_JAVA_OPTIONS` after it.
    pub fn new(argv: &[String], variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut list = Vec::new();
        let mut add = |name| list.extend(variable(name).map(|text| words(&text)).unwrap_or_default());
        add("JAVA_TOOL_OPTIONS");
        add("JDK_JAVA_OPTIONS");
        list.extend(before_main(argv).cloned());
        list.extend(variable("_JAVA_OPTIONS").map(|text| words(&text)).unwrap_or_default());
        Self { elsewhere: list.iter().any(|option| is_elsewhere(option)), list }
    }

    /// Of a running process. An environment that may not be read counts as empty.
    pub fn of(pid: Pid) -> io::Result<Self> {
        let argv = strings(&read(pid, "cmdline")?);
        let environment = strings(&read(pid, "environ").unwrap_or_default());
        Ok(Self::new(&argv, |name| {
            let value = environment.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='));
            value.map(str::to_owned)
        }))
    }

    /// Of the reply to [`Command::Flags`](super::Command::Flags): what the JVM made of it all, and of the machine.
    pub fn from_flags(reply: &str) -> Self {
        Self { list: words(reply), elsewhere: false }
    }

    /// Further options are in files that were not read: `@FILE`, `-XX:Flags=`, `-XX:VMOptionsFile=`.
    pub fn are_elsewhere_too(&self) -> bool {
        self.elsewhere
    }

    /// `-XX:+NAME` or `-XX:-NAME`.
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.list.iter().rev().find_map(|option| {
            let option = option.strip_prefix("-XX:")?;
            (option.get(1..) == Some(name) && option.starts_with(['+', '-'])).then(|| option.starts_with('+'))
        })
    }

    /// The last of the options that begin with one of these, such as `-Xmx` and `-XX:MaxHeapSize=`: which, and its value.
    pub fn last<'a>(&'a self, beginnings: &[&'static str]) -> Option<(&'static str, &'a str)> {
        self.list.iter().rev().find_map(|option| {
            beginnings.iter().find_map(|beginning| Some((*beginning, option.strip_prefix(beginning)?)))
        })
    }

    /// The last of these options as a size in bytes, `400m`; passed over where it is none.
    pub fn size(&self, beginnings: &[&'static str]) -> Option<u64> {
        self.last(beginnings).and_then(|(_, text)| size(text))
    }

    /// The last of these options as a number that may have a fraction.
    pub fn number(&self, beginnings: &[&'static str]) -> Option<f64> {
        self.last(beginnings).and_then(|(_, text)| text.parse().ok()).filter(|number: &f64| number.is_finite())
    }
}

/// A size as the JVM reads it: decimal or `0x`, with one of the letters k, m, g, t in either case.
pub(super) fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'k' => (&text[..text.len() - 1], 10),
        b'm' => (&text[..text.len() - 1], 20),
        b'g' => (&text[..text.len() - 1], 30),
        b't' => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    number.checked_mul(1 << shift)
}

fn before_main(argv: &[String]) -> impl Iterator<Item = &String> {
    let mut is_value = false;
    argv.iter().skip(1).take_while(move |argument| {
        let is_option = std::mem::take(&mut is_value) || argument.starts_with(['-', '@']);
        is_value = WITH_VALUE.contains(&argument.as_str());
        is_option && !matches!(argument.as_str(), "-jar" | "-m" | "--module")
    })
}

fn is_elsewhere(option: &str) -> bool {
    option.starts_with('@') || option.starts_with("-XX:Flags=") || option.starts_with("-XX:VMOptionsFile=")
}

/// Splits at white space, but not within quotes of either kind.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in text.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            None if matches!(character, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

fn strings(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

fn read(pid: Pid, name: &str) -> io::Result<Vec<u8>> {
    let path = format!("/proc/{pid}/{name}");
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        Options::new(&words(line), |_| None)
    }

    #[test]
    fn the_last_one_wins_whatever_it_is_called() {
        let given = options("java -Xmx1g -XX:MaxHeapSize=400m Main -Xmx9g");
        assert_eq!(given.size(&["-Xmx", "-XX:MaxHeapSize="]), Some(400 << 20));
        let given = options("java -XX:+UseG1GC -XX:-UseG1GC -XX:+UseG1GCx -jar x.jar -XX:+UseG1GC");
        assert_eq!(given.switch("UseG1GC"), Some(false));
        assert_eq!(given.switch("UseSerialGC"), None);
    }

    #[test]
    fn values_that_stand_apart_do_not_end_the_options() {
        let given =
            options("java -cp a.jar:b.jar --add-opens java.base/java.lang=ALL-UNNAMED -Xss512k org.Main -Xss9m");
        assert_eq!(given.size(&["-Xss"]), Some(512 << 10));
        let given = options("java @more.txt -Xmx64m Main");
        assert!(given.are_elsewhere_too());
        assert_eq!(given.size(&["-Xmx"]), Some(64 << 20));
    }

    #[test]
    fn the_environment_comes_first_and_last() {
        let argv = words("java -Xmx2m Main");
        let of = |set: &'static [&'static str]| {
            let variable = move |name: &str| set.contains(&name).then(|| format!("-Xmx1m '-Dx=a b' -X{name}"));
            Options::new(&argv, variable).size(&["-Xmx"])
        };
        assert_eq!(of(&["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"]), Some(2 << 20));
        assert_eq!(of(&["_JAVA_OPTIONS"]), Some(1 << 20));
    }

    #[test]
    fn sizes_are_read_as_the_jvm_reads_them() {
        for (text, bytes) in [("1", 1), ("0x10", 16), ("2K", 2048), ("3m", 3 << 20), ("1T", 1 << 40), ("0x1g", 1 << 30)]
        {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "m", "-1", "1.5g", "1mb", "99999999999999999999", "99999999999t", "ä"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words("  -a '-b c'\t\"d\"e ''\n"), ["-a", "-b c", "de", ""]);
        assert_eq!(words("'open"), ["open"]);
        assert!(words(" \n").is_empty());
    }

    #[test]
    fn what_the_jvm_says_of_its_flags_is_options() {
        let reply = "-XX:CICompilerCount=2 -XX:MaxHeapSize=140509184 -XX:+UseSerialGC \n";
        let said = Options::from_flags(reply);
        assert_eq!(said.size(&["-Xmx", "-XX:MaxHeapSize="]), Some(140_509_184));
        assert_eq!(said.switch("UseSerialGC"), Some(true));
    }

    #[test]
    fn our_own_command_line_can_be_read() {
        assert!(Options::of(highwater_kernel::process::own()).is_ok());
        assert!(Options::of(Pid::MAX).is_err());
    }
}
