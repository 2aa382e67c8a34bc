//! The URLs that members listen on and advertise.

use std::fmt;

/// `http://host:port`, without a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    host: String,
    port: u16,
}

/// Why a text is no such URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("URL scheme must be http, https, unix, or unixs: {0}")]
    Scheme(String),
    /// A scheme that etcd has and that is not built yet.
    #[error("URL scheme is not supported yet, only http is: {0}")]
    Unsupported(String),
    /// No host and port.
    #[error("URL address does not have the form \"host:port\": {0}")]
    Address(String),
    /// Something behind the port.
    #[error("URL must not contain a path: {0}")]
    Path(String),
}

impl Url {
    /// Parses a URL.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(UrlError::Scheme(text.to_owned()));
        };
        match scheme {
            "http" => {}
            "https" | "unix" | "unixs" => return Err(UrlError::Unsupported(text.to_owned())),
            _ => return Err(UrlError::Scheme(text.to_owned())),
        }
        if rest.contains(['/', '?', '#']) {
            return Err(UrlError::Path(text.to_owned()));
        }
        let bad = || UrlError::Address(text.to_owned());
        let (host, port) = rest.rsplit_once(':').ok_or_else(bad)?;
        let bracketed = host.starts_with('[') && host.ends_with(']');
        if host.is_empty() || (host.contains(':') && !bracketed) || host.contains('@') {
            return Err(bad());
        }
        let port = port.parse().map_err(|_| bad())?;
        Ok(Self { host: host.to_owned(), port })
    }

    /// `host:port`, as a [`Network`](crate::runtime::Network) takes it.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_round_trip() {
        for text in ["http://localhost:2379", "http://127.0.0.1:1", "http://[::1]:65535"] {
            assert_eq!(Url::parse(text).expect("a URL").to_string(), text);
        }
    }

    #[test]
    fn each_mistake_is_named() {
        assert!(matches!(Url::parse("localhost:2379"), Err(UrlError::Scheme(_))));
        assert!(matches!(Url::parse("ftp://a:1"), Err(UrlError::Scheme(_))));
        assert!(matches!(Url::parse("https://a:1"), Err(UrlError::Unsupported(_))));
        assert!(matches!(Url::parse("http://a:1/x"), Err(UrlError::Path(_))));
        for text in ["http://a", "http://:1", "http://a:b", "http://a:70000", "http://::1:2"] {
            assert!(matches!(Url::parse(text), Err(UrlError::Address(_))), "{text}");
        }
    }
}
