//! Answers that a client may have already.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A strong entity tag, and for how long its answer may be used without asking.
#[derive(Clone, Debug)]
pub struct Tag {
    etag: String,
    cache_control: HeaderValue,
}

impl Tag {
    /// Of what an address with a version in it names: it never changes.
    pub fn immutable(of: &str) -> Self {
        Self {
            etag: format!("\"{of}\""),
            cache_control: super::IMMUTABLE,
        }
    }

    /// Of what may change under its address: ask each time.
    pub fn revalidated(of: &str) -> Self {
        Self {
            etag: format!("\"{of}\""),
            cache_control: HeaderValue::from_static("no-cache"),
        }
    }

    /// Whether the client has it (RFC 9110, 13.1.2: weak comparison, any tag of the list, `*`).
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|list| lists(list, &self.etag))
    }

    /// 304, or another answer, with the headers that go with the tag.
    pub fn answer(&self, response: impl IntoResponse) -> Response {
        let mut response = response.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }

    /// "You have it."
    pub fn not_modified(&self) -> Response {
        self.answer(StatusCode::NOT_MODIFIED)
    }
}

/// Whether a list of tags holds this one. A comma may be part of a tag, a quote may not.
fn lists(list: &str, etag: &str) -> bool {
    let mut rest = list.trim();
    if rest == "*" {
        return true;
    }
    while !rest.is_empty() {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        rest = rest.strip_prefix("W/").unwrap_or(rest);
        let Some(end) = rest
            .strip_prefix('"')
            .and_then(|inner| inner.find('"'))
            .map(|inner| inner + 2)
        else {
            return false;
        };
        let (tag, after) = rest.split_at(end);
        if tag == etag {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_by_any_list_that_holds_it() {
        let tag = Tag::immutable("a,b-1");
        for known in [
            "\"a,b-1\"",
            "W/\"a,b-1\"",
            "*",
            " * ",
            "\"x\", \"a,b-1\"",
            "W/\"x\",W/\"a,b-1\" , \"y\"",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, known.parse().unwrap());
            assert!(tag.is_known(&headers), "{known}");
            headers.insert(header::IF_NONE_MATCH, "\"other\"".parse().unwrap());
            headers.append(header::IF_NONE_MATCH, known.parse().unwrap());
            assert!(tag.is_known(&headers), "second line {known}");
        }
        for unknown in [
            "", "\"a\"", "a,b-1", "\"a,b-1", "\"x\" *", "\"\"", "W/", "\"b-1\"",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, unknown.parse().unwrap());
            assert!(!tag.is_known(&headers), "{unknown}");
        }
        assert!(!tag.is_known(&HeaderMap::new()));
    }
}
