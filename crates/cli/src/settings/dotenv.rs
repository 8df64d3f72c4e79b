//! `.env` files: `NAME=value` lines, as `init` writes them and as most tools read them.
//!
//! A value is bare (it ends before ` #` or the line's end), in single quotes (literal) or in double quotes (`\n`, `\"`
//! and `\\` are escapes; may span lines). Nothing is interpolated.

/// One assignment.
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) line: usize,
}

/// Reads a file; lines that are no assignment are returned by number.
pub(super) fn parse(text: &str) -> (Vec<Assignment>, Vec<usize>) {
    let (mut assignments, mut unreadable) = (Vec::new(), Vec::new());
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    while !rest.is_empty() {
        let first = rest.split('\n').next().unwrap_or_default();
        let taken = match assignment(first, rest) {
            Line::Blank => first.len(),
            Line::Assignment { name, value, length } => {
                assignments.push(Assignment { name, value, line });
                length
            }
            Line::Unreadable => {
                unreadable.push(line);
                first.len()
            }
        };
        // Up to and with the line break behind what was taken.
        let end = rest[taken..].find('\n').map_or(rest.len(), |at| taken + at + 1);
        line += rest[..end].matches('\n').count();
        rest = &rest[end..];
    }
    (assignments, unreadable)
}

enum Line {
    Blank,
    Assignment {
        name: String,
        value: String,
        /// How much of the text it takes, in bytes.
        length: usize,
    },
    Unreadable,
}

fn assignment(first: &str, text: &str) -> Line {
    let trimmed = first.trim();
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Line::Blank;
    }
    let Some(at) = first.find('=') else { return Line::Unreadable };
    let name = first[..at].trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(is_name) {
        return Line::Unreadable;
    }
    let start = at + 1 + (first[at + 1..].len() - first[at + 1..].trim_start().len());
    let read = match text[start..].chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(&text[start + 1..], quote).map(|(value, length)| (value, length + 2)),
        _ => Some(bare(&first[start..])),
    };
    match read {
        Some((value, length)) => Line::Assignment { name: name.to_owned(), value, length: start + length },
        None => Line::Unreadable,
    }
}

fn bare(text: &str) -> (String, usize) {
    let end = if text.starts_with('#') { 0 } else { text.find(" #").unwrap_or(text.len()) };
    (text[..end].trim().to_owned(), text.len())
}

/// The value up to the closing quote, and its length in the file; nothing but a comment may follow on that line.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            _ if character == quote => {
                let behind = text[at + 1..].split('\n').next().unwrap_or_default().trim();
                return (behind.is_empty() || behind.starts_with('#')).then_some((value, at));
            }
            '\\' if quote == '"' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped @ ('"' | '\\' | '$') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, usize)> {
        let (assignments, unreadable) = parse(text);
        assert!(unreadable.is_empty(), "{unreadable:?}");
        assignments.into_iter().map(|found| (found.name, found.value, found.line)).collect()
    }

    #[test]
    fn the_usual_spellings_are_read() {
        let text = "# a comment\n\nA=1\nexport B = two words # said\r\nC='#lit\\n'\nD=\"x\\n\\\"y\\\"\" # c\nE=\nF=a#b";
        let expected = [
            ("A", "1", 3),
            ("B", "two words", 4),
            ("C", "#lit\\n", 5),
            ("D", "x\n\"y\"", 6),
            ("E", "", 7),
            ("F", "a#b", 8),
        ];
        assert_eq!(read(text), expected.map(|(name, value, line)| (name.into(), value.into(), line)));
    }

    #[test]
    fn a_quoted_value_may_span_lines() {
        assert_eq!(read("A=\"x\ny\"\nB=2"), [("A".into(), "x\ny".into(), 1), ("B".into(), "2".into(), 3)]);
    }

    #[test]
    fn what_is_no_assignment_is_named_by_line() {
        let (assignments, unreadable) = parse("junk\nA=1\n=x\nB C=2\nD=\"open\nE=3");
        assert_eq!(unreadable, [1, 3, 4, 5]);
        assert_eq!(assignments.len(), 2);
    }
}
