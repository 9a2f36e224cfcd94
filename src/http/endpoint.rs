//! Where a vendor may be reached: from its template, or from the operator's allow-list, and nowhere else.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::Url;

use super::address::is_public;

/// Scheme, host and port, in one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    https: bool,
    /// Lower case, an IPv6 address in brackets and in its shortest form.
    host: String,
    port: u16,
}

/// Endpoints that the operator's administrator allows beside the vendors' own.
#[derive(Clone, Debug, Default)]
pub struct EndpointPolicy {
    allowed: Vec<Origin>,
}

/// A place that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
    https: bool,
    allow_listed: bool,
}

/// Why an endpoint is refused. Never repeats text that may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an origin.
    #[error(
        "it must be a scheme, a host and at most a port, such as https://vendor.example.com or http://127.0.0.1:8080"
    )]
    Malformed,
    /// Not on the allow-list.
    #[error(
        "{origin} is not on the operator's allow-list. Leave the field out to use the vendor's own endpoint, or have \
         the operator started with --allow-endpoint={origin}."
    )]
    NotAllowed {
        /// The origin that was asked for.
        origin: String,
    },
    /// The vendor's own host name, made from region or site, is none.
    #[error("the region or site does not make a valid host name")]
    Template,
}

impl EndpointPolicy {
    /// Reads the allow-list: origins such as `https://host[:port]`. An `http` origin and a private address are
    /// reachable only by being listed. Blank entries, which an empty environment variable makes, are left out.
    pub fn new(allow_list: &[String]) -> Result<Self, EndpointError> {
        let allowed = allow_list
            .iter()
            .map(|entry| entry.trim())
            .filter(|entry| !entry.is_empty())
            .map(|entry| Origin::parse(entry).ok_or(EndpointError::Malformed))
            .collect::<Result<_, _>>()?;
        Ok(Self { allowed })
    }

    /// The endpoint to call: `https://` and the vendor's `template_host`, or the `requested` one if it is allowed.
    pub fn resolve(&self, template_host: &str, requested: Option<&str>) -> Result<Endpoint, EndpointError> {
        let Some(requested) = requested else {
            let host = name(template_host).ok_or(EndpointError::Template)?;
            let origin = Origin {
                https: true,
                host,
                port: 443,
            };
            return origin.endpoint(false).ok_or(EndpointError::Template);
        };
        let origin = Origin::parse(requested).ok_or(EndpointError::Malformed)?;
        if !self.allowed.contains(&origin) {
            return Err(EndpointError::NotAllowed {
                origin: origin.to_string(),
            });
        }
        origin.endpoint(true).ok_or(EndpointError::Malformed)
    }
}

impl Endpoint {
    /// Its URL, which ends with a slash.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it is reached through TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether it may lead to a private address: only if the administrator listed it.
    #[must_use]
    pub fn may_be_private(&self) -> bool {
        self.allow_listed
    }
}

impl Origin {
    /// Reads exactly `scheme://host[:port]` with at most a slash behind. Written out instead of left to a URL parser,
    /// because those are made to find a meaning in everything: `http://2130706433` is `127.0.0.1` to them.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']')?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':')?),
                };
                (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), port)
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host_v4_or_name(host)?, Some(port)),
                None => (host_v4_or_name(authority)?, None),
            },
        };
        let port = match port {
            Some(port) => number(port)?,
            None if https => 443,
            None => 80,
        };
        Some(Self { https, host, port })
    }

    fn endpoint(&self, allow_listed: bool) -> Option<Endpoint> {
        let url = Url::parse(&self.to_string()).ok()?;
        // The client follows the parser, so the two must agree on where this leads.
        let agreed = url.host_str() == Some(self.host.as_str())
            && url.port_or_known_default() == Some(self.port)
            && url.username().is_empty()
            && url.password().is_none();
        // A resolver is never asked about an address, so it is looked at here.
        let private = match url.host()? {
            url::Host::Domain(_) => false,
            url::Host::Ipv4(address) => !is_public(address.into()),
            url::Host::Ipv6(address) => !is_public(address.into()),
        };
        (agreed && (allow_listed || !private)).then_some(Endpoint {
            url,
            https: self.https,
            allow_listed,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == if self.https { 443 } else { 80 } {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

fn host_v4_or_name(host: &str) -> Option<String> {
    match host.parse::<Ipv4Addr>() {
        Ok(address) => Some(address.to_string()),
        Err(_) => name(host),
    }
}

/// A host name in lower case. Its last label must hold a letter and not look like a hexadecimal number: whatever ends
/// in a number is an address to some parser.
fn name(host: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host = host.to_ascii_lowercase();
    let last = host.rsplit('.').next()?;
    let number_like = last.starts_with("0x") || !last.bytes().any(|b| b.is_ascii_alphabetic());
    (host.len() <= 253 && host.split('.').all(label) && !number_like).then_some(host)
}

fn number(port: &str) -> Option<u16> {
    let plain = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    if plain { port.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "gws.cn-hangzhou.aliyuncs.com";

    fn policy(entries: &[&str]) -> EndpointPolicy {
        EndpointPolicy::new(&entries.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_vendors_own_endpoint_is_https() {
        let endpoint = policy(&[]).resolve(TEMPLATE, None).unwrap();
        assert_eq!(endpoint.url().as_str(), "https://gws.cn-hangzhou.aliyuncs.com/");
        assert!(endpoint.is_https());
        assert!(!endpoint.may_be_private());
    }

    #[test]
    fn a_region_cannot_lead_elsewhere() {
        for region in [
            "",
            "a.b@evil",
            "evil.com/",
            "evil.com#",
            "-a",
            "a_b",
            "x:1",
            "..",
            "é",
            "a b",
            "%2e",
        ] {
            let host = format!("gws.{region}.aliyuncs.com");
            assert_eq!(policy(&[]).resolve(&host, None), Err(EndpointError::Template), "{host}");
        }
        for host in ["127.0.0.1", "10.1", "gws.0x7f", "localhost.", "[::1]", "2130706433", ""] {
            assert_eq!(policy(&[]).resolve(host, None), Err(EndpointError::Template), "{host}");
        }
    }

    #[test]
    fn an_allowed_endpoint_works_in_any_spelling() {
        let policy = policy(&[
            "https://Vendor.Example.com:443/",
            "http://127.0.0.1:8080",
            "http://[0:0::1]",
            "http://sim.desktop-system.svc",
        ]);
        for (requested, url) in [
            ("https://vendor.example.com", "https://vendor.example.com/"),
            ("HTTPS://VENDOR.example.com/", "https://vendor.example.com/"),
            ("https://vendor.example.com:443", "https://vendor.example.com/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:80/", "http://[::1]/"),
            ("http://sim.desktop-system.svc:80", "http://sim.desktop-system.svc/"),
        ] {
            let endpoint = policy.resolve(TEMPLATE, Some(requested)).unwrap();
            assert_eq!(endpoint.url().as_str(), url);
            assert!(endpoint.may_be_private());
        }
    }

    /// What people try in order to get somewhere else.
    const HOSTILE: &[&str] = &[
        "http://169.254.169.254",
        "http://169.254.169.254/latest/meta-data/",
        "https://100.100.100.200",
        "http://127.0.0.1",
        "http://127.0.0.1:22",
        "http://localhost",
        "http://localhost.localdomain",
        "https://kubernetes.default.svc",
        "https://10.0.0.1",
        "https://192.168.1.1",
        "https://172.16.0.1:6443",
        "http://0.0.0.0",
        "http://2130706433",
        "http://0x7f000001",
        "http://017700000001",
        "http://127.1",
        "http://0177.0.0.1",
        "http://0x7f.0.0.1",
        "http://127.0.0.0x1",
        "http://127.0.0.1.",
        "http://[::1]",
        "http://[::ffff:127.0.0.1]",
        "http://[::ffff:a9fe:a9fe]",
        "http://[64:ff9b::169.254.169.254]",
        "http://[fe80::1%25eth0]",
        "http://[fd00:ec2::254]",
        "http://[::]",
        "http://[::1",
        "http://::1",
        "http://①②⑦.⓪.⓪.①",
        "http://127。0。0。1",
        "https://vendor.example.com@169.254.169.254",
        "https://vendor.example.com:443@evil.com",
        "https://user:pass@vendor.example.com",
        "https://vendor.example.com#@evil.com",
        "https://vendor.example.com?@evil.com",
        "https://vendor.example.com/..//evil.com",
        "https://vendor.example.com\\@evil.com",
        "https://vendor.example.com\\.evil.com",
        "https://vendor.example.com.evil.com",
        "https://vendor.example.com.",
        "https://vendor.example.com%2eevil.com",
        "https://vendor.example.com%00.evil.com",
        "https://evil.com/vendor.example.com",
        "https://vendor.example.com:8443",
        "https://vendor.example.com:80",
        "https://vendor.example.com:0443",
        "https://vendor.example.com:",
        "https://vendor.example.com:65979",
        "https://vendor.example.com:+443",
        "http://vendor.example.com",
        "http://vendor.example.com:443",
        "https:vendor.example.com",
        "https:///vendor.example.com",
        "https:\\\\vendor.example.com",
        "//vendor.example.com",
        "vendor.example.com",
        " https://vendor.example.com",
        "https://vendor.example.com ",
        "https://vendor.example.com\n",
        "https://vendor.\texample.com",
        "https://vendor.example.com//",
        "https://ｖendor.example.com",
        "https://vendor.exаmple.com",
        "https://xn--vendor-.example.com",
        "https://",
        "https://.",
        "https://@",
        "",
        "file:///etc/passwd",
        "gopher://vendor.example.com",
        "ftp://vendor.example.com",
        "javascript:alert(1)",
    ];

    #[test]
    fn hostile_endpoints_are_refused() {
        let policy = policy(&["https://vendor.example.com"]);
        assert!(policy.resolve(TEMPLATE, Some("https://vendor.example.com")).is_ok());
        for requested in HOSTILE {
            let refused = policy.resolve(TEMPLATE, Some(requested)).unwrap_err();
            assert!(!refused.to_string().contains("pass@"), "{requested}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let refused = policy(&[])
            .resolve(TEMPLATE, Some("https://Other.example.com:443/"))
            .unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("--allow-endpoint=https://other.example.com."),
            "{refused}"
        );
    }

    #[test]
    fn the_allow_list_itself_must_hold_origins() {
        for entry in [
            "/",
            "vendor.example.com",
            "https://vendor.example.com/path",
            "https://a@b",
            "http://127.1",
            "*",
        ] {
            assert!(EndpointPolicy::new(&[entry.to_owned()]).is_err(), "{entry}");
        }
        assert!(EndpointPolicy::new(&[String::new(), " ".to_owned()]).is_ok());
    }
}
