//! Metrics as text: the format of Prometheus, and that of `OpenMetrics`, which differ in little.

use std::fmt::{self, Display, Write};
use std::time::Duration;

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only grows; its samples end with `_total`.
    Counter,
    /// Text that never changes, in labels; its samples end with `_info`.
    Info,
}

/// Which of the two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// That of Prometheus, 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Form {
    /// The form a client likes better, by its `Accept`. Whoever does not care gets what is read everywhere.
    pub fn accepted(accept: &str) -> Self {
        let open = weight(accept, "application/openmetrics-text");
        let plain = weight(accept, "text/plain");
        if open > 0.0 && open >= plain { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The name of the form in HTTP.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// How much a client likes a type: 0 for not at all.
fn weight(accept: &str, wanted: &str) -> f64 {
    let of_range = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let is_meant = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
        if is_meant { quality.unwrap_or(1.0) } else { 0.0 }
    };
    accept.split(',').map(of_range).fold(0.0, f64::max)
}

/// A time in seconds, to the digit: as a float, 4 and 0.94 come to 4.9399999999999995.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0.subsec_nanos());
        let digits = fraction.trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        write!(f, "{}{point}{digits}", self.0.as_secs())
    }
}

/// A text in the making.
#[derive(Debug)]
pub struct Exposition {
    form: Form,
    text: String,
}

/// One family of it, to which samples are added.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: String,
}

impl Exposition {
    /// An empty one.
    pub fn new(form: Form) -> Self {
        Self { form, text: String::with_capacity(8 << 10) }
    }

    /// Begins a family. Its name has no `_total` or `_info` at the end; one that ends with a unit says so.
    pub fn family(&mut self, kind: Kind, name: &str, help: &str) -> Family<'_> {
        let sample = match kind {
            Kind::Gauge => name.to_owned(),
            Kind::Counter => format!("{name}_total"),
            Kind::Info => format!("{name}_info"),
        };
        let (family, kind) = match (self.form, kind) {
            (Form::OpenMetrics, Kind::Info) => (name, "info"),
            (Form::OpenMetrics, Kind::Counter) => (name, "counter"),
            (Form::Prometheus, Kind::Counter) => (&*sample, "counter"),
            (_, Kind::Gauge | Kind::Info) => (&*sample, "gauge"),
        };
        let _ = writeln!(self.text, "# HELP {family} {}\n# TYPE {family} {kind}", escaped(help));
        let unit = ["bytes", "seconds"].into_iter().find(|unit| family.ends_with(&format!("_{unit}")));
        if let (Form::OpenMetrics, Some(unit)) = (self.form, unit) {
            let _ = writeln!(self.text, "# UNIT {family} {unit}");
        }
        Family { text: &mut self.text, name: sample }
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

impl Family<'_> {
    /// Adds a sample with these labels.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.text.push_str(&self.name);
        for (index, (name, value)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"{}\"", escaped(value));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{after} {value}");
        self
    }

    /// Adds the sample of a family without labels.
    pub fn is(&mut self, value: impl Display) {
        self.sample(&[], value);
    }
}

/// Text as it may stand in a line and between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: Form) -> String {
        let mut all = Exposition::new(form);
        all.family(Kind::Gauge, "hw_memory_bytes", "Memory.").is(5);
        all.family(Kind::Counter, "hw_steps", "Steps.").sample(&[("step", "a\"b"), ("outcome", "done")], 2);
        all.family(Kind::Info, "hw_build", "Build.").sample(&[("version", "1")], 1);
        all.finish()
    }

    #[test]
    fn prometheus_names_a_counter_by_its_samples() {
        let expected = "# HELP hw_memory_bytes Memory.\n# TYPE hw_memory_bytes gauge\nhw_memory_bytes 5\n\
                        # HELP hw_steps_total Steps.\n# TYPE hw_steps_total counter\n\
                        hw_steps_total{step=\"a\\\"b\",outcome=\"done\"} 2\n\
                        # HELP hw_build_info Build.\n# TYPE hw_build_info gauge\nhw_build_info{version=\"1\"} 1\n";
        assert_eq!(text(Form::Prometheus), expected);
    }

    #[test]
    fn openmetrics_has_units_and_an_end() {
        let text = text(Form::OpenMetrics);
        assert!(text.contains("# TYPE hw_memory_bytes gauge\n# UNIT hw_memory_bytes bytes\n"), "{text}");
        assert!(text.contains("# TYPE hw_steps counter\nhw_steps_total{"), "{text}");
        assert!(text.contains("# TYPE hw_build info\nhw_build_info{"), "{text}");
        assert!(text.ends_with("\n# EOF\n"), "{text}");
    }

    #[test]
    fn seconds_are_exact() {
        for (nanos, text) in [
            (0, "0"),
            (4_940_000_000, "4.94"),
            (60_000_000_000, "60"),
            (1_000, "0.000001"),
            (5_038_244_000, "5.038244"),
        ] {
            assert_eq!(Seconds(Duration::from_nanos(nanos)).to_string(), text);
        }
    }

    #[test]
    fn the_client_has_the_choice() {
        let prometheus = "application/openmetrics-text;version=1.0.0,\
                          application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Form::accepted(prometheus), Form::OpenMetrics);
        assert_eq!(Form::accepted("text/plain, application/openmetrics-text;q=0.1"), Form::Prometheus);
        for plain in ["*/*", "", "text/html", "application/openmetrics-text;q=0"] {
            assert_eq!(Form::accepted(plain), Form::Prometheus, "{plain}");
        }
    }
}
