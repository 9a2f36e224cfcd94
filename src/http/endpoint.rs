//! Where a vendor may be called: its own hosts, or what the administrator has allowed. Nothing a namespace can write
//! decides it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// A place that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Origin, with a trailing slash.
    pub url: Url,
    /// Allowed by name: it may be reached without TLS and at private addresses.
    pub allowed_by_name: bool,
}

/// Why a place may not be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// An entry of the allow-list is not an origin.
    #[error("{0:?} is not an origin such as https://host[:port], without user, path, query or fragment")]
    NotAnOrigin(String),
    /// It is not on the allow-list.
    #[error("endpoint {0} is not on the operator's allow-list; an administrator adds it with --allow-endpoint")]
    NotAllowed(String),
    /// The host made from the region is not a host of the vendor.
    #[error("{0:?} is not a valid region")]
    InvalidRegion(String),
}

/// The administrator's allow-list.
#[derive(Clone, Debug, Default)]
pub struct EndpointPolicy {
    allowed: Vec<Url>,
}

impl EndpointPolicy {
    /// Reads the allow-list.
    pub fn new(allow_list: &[String]) -> Result<Self, EndpointError> {
        let entries = allow_list.iter().filter(|entry| !entry.trim().is_empty());
        Ok(Self {
            allowed: entries.map(|entry| origin(entry.trim())).collect::<Result<_, _>>()?,
        })
    }

    /// The endpoint a provider may use: the requested one if it is allowed, else the vendor's own host over TLS.
    pub fn resolve(&self, vendor_host: &str, requested: Option<&str>) -> Result<Endpoint, EndpointError> {
        if let Some(requested) = requested {
            let refused = || EndpointError::NotAllowed(crate::http::transport::printable(requested));
            let url = origin(requested).map_err(|_| refused())?;
            return match self.allowed.iter().find(|allowed| allowed.origin() == url.origin()) {
                Some(allowed) => Ok(Endpoint {
                    url: allowed.clone(),
                    allowed_by_name: true,
                }),
                None => Err(refused()),
            };
        }
        let invalid = || EndpointError::InvalidRegion(crate::http::transport::printable(vendor_host));
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if vendor_host.len() > 253 || !vendor_host.chars().all(plain) {
            return Err(invalid());
        }
        let url = Url::parse(&format!("https://{vendor_host}/")).map_err(|_| invalid())?;
        match url.host() {
            Some(Host::Domain(host)) if host == vendor_host => Ok(Endpoint {
                url,
                allowed_by_name: false,
            }),
            _ => Err(invalid()),
        }
    }
}

/// Reads `scheme://host[:port]` and nothing more.
fn origin(text: &str) -> Result<Url, EndpointError> {
    let refused = || EndpointError::NotAnOrigin(crate::http::transport::printable(text));
    // What the parser would quietly repair is refused instead.
    if text
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == '\\' || c == '@')
    {
        return Err(refused());
    }
    let url = Url::parse(text).map_err(|_| refused())?;
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    let scheme = matches!(url.scheme(), "http" | "https");
    if bare && scheme && url.host().is_some() {
        Ok(url)
    } else {
        Err(refused())
    }
}

/// Whether an address is one of the public internet. Everything else may belong to the cluster or its cloud.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast();
    let reserved = a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special && !reserved
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4() {
        return is_public_v4(v4);
    }
    let segments = address.segments();
    // NAT64 and 6to4 carry an IPv4 address within.
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0x64, 0xff9b, ..] => embedded(segments[6], segments[7]),
        [0x2002, high, low, ..] => embedded(high, low),
        [0x2001, 0, ..] => false,
        [0x2001, 0xdb8, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000 && !address.is_multicast(),
    }
}

/// Resolves names and drops every address that is not public, so that what is dialled is what was checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
