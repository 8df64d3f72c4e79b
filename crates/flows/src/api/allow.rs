use http::Method;

/// The calls that the operator allows. None, unless rules say so.
#[derive(Clone, Debug, Default)]
pub struct ApiAllow(Vec<Rule>);

/// One rule: a method, a space, and a path in which `*` stands for one segment and a last `**` for one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: String,
    method: Method,
    segments: Vec<Segment>,
    /// Whether `**` stood at the end.
    is_open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exactly(String),
    Any,
}

/// The text is not a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a method and a path such as \"GET /v2/users/me\" or \"GET /v2/meetings/*\"")]
pub struct InvalidRule(pub String);

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl FromIterator<Rule> for ApiAllow {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl ApiAllow {
    /// Parses rules.
    pub fn parse(rules: &[impl AsRef<str>]) -> Result<Self, InvalidRule> {
        Ok(Self(rules.iter().map(|rule| Rule::parse(rule.as_ref())).collect::<Result<_, _>>()?))
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// The first rule that allows a call.
    pub(super) fn rule_for(&self, method: &Method, path: &str) -> Option<&Rule> {
        if !path.split('/').all(means_one_thing) {
            return None;
        }
        self.0.iter().find(|rule| rule.allows(method, path))
    }
}

impl Rule {
    /// Parses a rule. The path begins with `/v2/`, where Zoom's REST API is, so that no rule reaches its token
    /// endpoint, which the same host has. It is written as Zoom's reference writes it: without escapes.
    pub fn parse(text: &str) -> Result<Self, InvalidRule> {
        let refused = || InvalidRule(text.to_owned());
        let (method, path) = text.split_once(' ').ok_or_else(refused)?;
        let method = METHODS.into_iter().find(|known| known == method).ok_or_else(refused)?;
        let path = path.strip_prefix('/').filter(|path| path.starts_with("v2/")).ok_or_else(refused)?;
        let (path, is_open) = path.strip_suffix("/**").map_or((path, false), |path| (path, true));
        let segments = path.split('/').map(Segment::parse).collect::<Option<_>>().ok_or_else(refused)?;
        Ok(Self { text: text.to_owned(), method, segments, is_open })
    }

    /// The rule as it was written. It names nobody, so it may stand in a log.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn allows(&self, method: &Method, path: &str) -> bool {
        let is_method = *method == self.method || *method == Method::HEAD && self.method == Method::GET;
        let Some(path) = path.strip_prefix('/').filter(|_| is_method) else { return false };
        let mut given = path.split('/');
        let begins = self.segments.iter().all(|segment| given.next().is_some_and(|given| segment.is(given)));
        let rest: Vec<_> = given.collect();
        // An empty segment is none: some servers drop it, others do not.
        begins && rest.is_empty() != self.is_open && rest.iter().all(|segment| !segment.is_empty())
    }
}

impl Segment {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let is_name = !text.is_empty() && text.bytes().all(is_plain) && !matches!(text, "." | "..");
        is_name.then(|| Self::Exactly(text.to_owned()))
    }

    fn is(&self, given: &str) -> bool {
        match self {
            Self::Exactly(name) => name == given,
            Self::Any => !given.is_empty(),
        }
    }
}

/// Whether a segment means the same to whoever decodes it once and to whoever decodes it twice.
///
/// Zoom decodes ids twice, and asks to encode a meeting's UUID twice where it begins with `/` or holds `//`
/// (<https://developers.zoom.us/docs/api/meetings/>). So an escaped percent sign stands in a UUID or nowhere; anywhere
/// else it could hide a slash or a dot segment from the rules.
fn means_one_thing(segment: &str) -> bool {
    !segment.to_ascii_lowercase().contains("%25") || is_twice_encoded_uuid(segment)
}

/// Whether a segment decodes, twice, to what looks like a meeting's UUID: base64 that ends in `==`. Such a text holds no
/// dot, and what follows a slash in it is the name of nothing, because of its end.
fn is_twice_encoded_uuid(segment: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let twice = decoded(segment).and_then(|once| decoded(&once));
    let id = twice.as_deref().and_then(|uuid| uuid.strip_suffix("=="));
    id.is_some_and(|id| (16..=32).contains(&id.len()) && id.bytes().all(is_base64))
}

/// Decodes escapes; `None` where one is broken or the result is not ASCII.
fn decoded(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        let byte = u8::from_str_radix(after.get(..2)?, 16).ok().filter(u8::is_ascii_graphic)?;
        decoded.push_str(before);
        decoded.push(char::from(byte));
        rest = &after[2..];
    }
    decoded.push_str(rest);
    Some(decoded)
}
