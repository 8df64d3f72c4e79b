//! The log as machines read it: one JSON object a line.
//!
//! By hand, because every request has its line, and the general way through serde takes three times as long: as long as
//! a small request itself.

use std::fmt::{self, Display, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes an event: `timestamp` and `level`, what the event itself says, `target`.
pub(crate) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (level, target) = (event.metadata().level().as_str(), event.metadata().target());
        let mut line = Line(String::with_capacity(256));
        write!(line.0, r#"{{"timestamp":"{:.6}""#, jiff::Timestamp::now())?;
        line.text("level", level);
        event.record(&mut line);
        line.text("target", target);
        line.0.push_str("}\n");
        writer.write_str(&line.0)
    }
}

/// A line that has begun.
struct Line(String);

impl Line {
    fn name(&mut self, name: &str) {
        self.0.push(',');
        self.quote(name);
        self.0.push(':');
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        self.quote(text);
    }

    /// Writes what JSON spells as Rust does.
    fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    /// Most texts have nothing to escape (RFC 8259 section 7).
    fn quote(&mut self, text: &str) {
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.0.push('"');
            self.0.push_str(text);
            self.0.push('"');
        } else {
            self.0.push_str(&serde_json::Value::from(text).to_string());
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field.name(), serde_json::Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(event: impl FnOnce()) -> String {
        let written = Written::default();
        let to = written.clone();
        let lines = tracing_subscriber::fmt::layer().with_writer(move || to.clone()).event_format(JsonLines);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), event);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_says_what_the_event_says() {
        let error: &dyn std::error::Error = &io::Error::other("it \"broke\"");
        let line = logged(|| {
            let (some, none) = (Some("x"), None::<&str>);
            tracing::warn!(target: "audit", some, none, count = 2_u8, left = -1, ms = 0.25, ok = true, error, "a {}", "b");
        });
        let (timestamp, rest) = line.split_once(r#"Z","#).unwrap();
        let date = timestamp.strip_prefix(r#"{"timestamp":""#).unwrap();
        assert!(format!("{date}Z").parse::<jiff::Timestamp>().is_ok(), "{date}");
        assert_eq!(
            rest,
            concat!(
                r#""level":"WARN","message":"a b","some":"x","count":2,"left":-1,"ms":0.25,"ok":true,"#,
                r#""error":"it \"broke\"","target":"audit"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn nothing_that_somebody_sends_begins_another_line() {
        let sent = "\r\n{\"level\":\"INFO\"}\t\u{0}\u{1b}[2J\\\"\u{2028}é";
        let line = logged(|| tracing::info!(path = sent, "{sent}"));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["path"], &read["message"]), (&json!(sent), &json!(sent)));
    }

    #[test]
    fn what_is_no_number_is_null() {
        let line = logged(|| tracing::info!(ms = f64::NAN, "x"));
        assert!(line.contains(r#""ms":null,"#), "{line}");
    }
}
