//! Who may speak to the server.

use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use omni_protocol::WireError;
use std::sync::{Mutex, PoisonError};

/// Bytes of the token and of a session: 256 bits.
const SECRET_BYTES: usize = 32;

/// A refusal: status and what is said.
pub type Refusal = (StatusCode, WireError);

/// The one token of a server, and the one session it was exchanged for.
#[derive(Debug)]
pub struct Guard {
    authority: String,
    cookie: String,
    token: String,
    session: Mutex<Option<String>>,
}

/// A fresh secret, hex.
fn secret() -> Result<String, WireError> {
    let mut bytes = [0u8; SECRET_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|e| WireError::new("io", format!("The system gives no random numbers: {e}.")))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn is_secret(text: &str) -> bool {
    text.len() == 2 * SECRET_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Takes the same time wherever they differ.
fn equal(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differing, (x, y)| differing | (x ^ y)) == 0
}

fn text(headers: &HeaderMap, name: impl axum::http::header::AsHeaderName) -> Option<&str> {
    headers.get(name).map(|v| v.to_str().unwrap_or("unreadable"))
}

impl Guard {
    /// For a server at this address, `127.0.0.1:4321`.
    pub fn new(authority: String) -> Result<Guard, WireError> {
        // Browsers keep one jar for all ports of a host: the name says which server it is for.
        let port = authority.rsplit(':').next().unwrap_or_default();
        let cookie = format!("omni_session_{port}");
        Ok(Guard { authority, cookie, token: secret()?, session: Mutex::new(None) })
    }

    /// The address that opens the page, once. What follows `#` is never sent, logged or passed on by a browser.
    pub fn url(&self) -> String {
        format!("http://{}/#token={}", self.authority, self.token)
    }

    /// Whether a request comes from our own page: our address, and no other origin.
    pub fn check_source(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let refuse = |message: &str| Err((StatusCode::FORBIDDEN, WireError::new("forbidden", message)));
        if text(headers, HOST) != Some(self.authority.as_str()) {
            return refuse("This server answers at its own address only.");
        }
        let own = format!("http://{}", self.authority);
        if text(headers, ORIGIN).is_some_and(|origin| origin != own) {
            return refuse("Another page may not speak to this server.");
        }
        if text(headers, "sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none")) {
            return refuse("Another site may not speak to this server.");
        }
        Ok(())
    }

    /// Whether a call may be made: the token, and the session it is bound to. The first call with the token binds it, to
    /// the cookie that came with the page or to a new one, which is returned to be set.
    pub fn admit(&self, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
        let refuse = || {
            let message = "This address is no longer valid. Open the address that the app printed when it started.";
            (StatusCode::UNAUTHORIZED, WireError::new("unauthorised", message))
        };
        let shown = text(headers, AUTHORIZATION).and_then(|v| v.strip_prefix("Bearer ")).unwrap_or_default();
        if !equal(shown, &self.token) {
            return Err(refuse());
        }
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        match &*session {
            Some(bound) => match self.sessions(headers).any(|s| equal(s, bound)) {
                true => Ok(None),
                false => Err(refuse()),
            },
            None => {
                let known = self.sessions(headers).next().map(str::to_owned);
                let fresh = known.is_none();
                let bound = session.insert(match known {
                    Some(known) => known,
                    None => secret().map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e))?,
                });
                Ok(if fresh { self.set_cookie(bound) } else { None })
            }
        }
    }

    /// The cookie that goes out with the page, for a browser that has none: the calls the page makes at once then carry
    /// the same one. It is worth nothing until the token comes with it.
    pub fn offer(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        match self.sessions(headers).next() {
            Some(_) => None,
            None => self.set_cookie(&secret().ok()?),
        }
    }

    fn set_cookie(&self, session: &str) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}={session}; Path=/; HttpOnly; SameSite=Strict", self.cookie)).ok()
    }

    fn sessions<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let all = headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok());
        let pairs = all.flat_map(|v| v.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, value)| *name == self.cookie && is_secret(value)).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST_NAME: &str = "127.0.0.1:4321";

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(n, v)| (axum::http::HeaderName::from_static(n), HeaderValue::from_str(v).unwrap())).collect()
    }

    fn guard() -> Guard {
        Guard::new(HOST_NAME.to_owned()).unwrap()
    }

    fn bearer(guard: &Guard) -> String {
        format!("Bearer {}", guard.token)
    }

    /// What a browser sends back of a cookie it was given.
    fn pair(set: &HeaderValue) -> String {
        set.to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    #[test]
    fn only_our_own_page_at_our_own_address_is_heard() {
        let guard = guard();
        let own = format!("http://{HOST_NAME}");
        assert!(guard.check_source(&headers(&[("host", HOST_NAME)])).is_ok());
        assert!(guard.check_source(&headers(&[("host", HOST_NAME), ("origin", &own)])).is_ok());
        assert!(guard.check_source(&headers(&[("host", HOST_NAME), ("sec-fetch-site", "same-origin")])).is_ok());
        for bad in [
            &[][..],
            &[("host", "evil.example:4321")],
            &[("host", "localhost:4321")],
            &[("host", "127.0.0.1:80")],
            &[("host", HOST_NAME), ("origin", "http://evil.example")],
            &[("host", HOST_NAME), ("origin", "null")],
            &[("host", HOST_NAME), ("origin", "http://127.0.0.1:9999")],
            &[("host", HOST_NAME), ("sec-fetch-site", "cross-site")],
            &[("host", HOST_NAME), ("sec-fetch-site", "same-site")],
        ] {
            assert_eq!(guard.check_source(&headers(bad)).unwrap_err().0, StatusCode::FORBIDDEN, "{bad:?}");
        }
    }

    #[test]
    fn calls_made_at_once_share_the_cookie_of_the_page() {
        let guard = guard();
        let (token, page) = (bearer(&guard), pair(&guard.offer(&HeaderMap::new()).unwrap()));
        let own = headers(&[("authorization", &token), ("cookie", &page)]);
        assert_eq!(guard.admit(&own).unwrap(), None);
        assert_eq!(guard.admit(&own).unwrap(), None);
        assert!(guard.offer(&own).is_none(), "a browser keeps the one it has");
    }

    #[test]
    fn the_token_serves_the_first_browser_only() {
        let guard = guard();
        let token = bearer(&guard);
        let first = pair(&guard.admit(&headers(&[("authorization", &token)])).unwrap().expect("a new session"));
        assert!(guard.admit(&headers(&[("authorization", &token), ("cookie", &first)])).is_ok());
        let cookies = format!("other=1; omni_session_4321={}; {first}", "0".repeat(64));
        assert!(guard.admit(&headers(&[("authorization", &token), ("cookie", &cookies)])).is_ok(), "among others");
        let another = pair(&guard.offer(&HeaderMap::new()).unwrap());
        for stranger in [
            &[("authorization", token.as_str())][..],
            &[("authorization", &token), ("cookie", &another)],
            &[("authorization", &token), ("cookie", "omni_session_4321=")],
            &[("authorization", "Bearer "), ("cookie", &first)],
            &[("cookie", &first)],
            &[("authorization", "Bearer wrong"), ("cookie", &first)],
        ] {
            assert_eq!(guard.admit(&headers(stranger)).unwrap_err().0, StatusCode::UNAUTHORIZED, "{stranger:?}");
        }
    }

    #[test]
    fn the_cookie_is_for_this_server_and_no_script_reads_it() {
        let set = guard().offer(&HeaderMap::new()).unwrap();
        let set = set.to_str().unwrap();
        assert!(set.starts_with("omni_session_4321="), "{set}");
        for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
            assert!(set.contains(word), "{set}");
        }
    }

    #[test]
    fn every_server_has_its_own_token() {
        let (a, b) = (guard(), guard());
        assert_ne!(a.token, b.token);
        assert!(is_secret(&a.token) && a.url() == format!("http://{HOST_NAME}/#token={}", a.token));
    }
}
