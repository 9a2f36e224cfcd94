//! Name resolution that refuses to be led into private networks.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// Resolves names to public addresses only, and the client dials exactly the addresses that were looked at. One
/// private address among several refuses the name: no vendor's name has both.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublicOnly;

/// A name that leads, or may lead, into a private network.
#[derive(Debug, thiserror::Error)]
#[error("{name} leads to {address}, which is not a public address")]
pub struct PrivateAddress {
    name: String,
    address: IpAddr,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses = vetted(name.as_str(), found)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

fn vetted(name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, PrivateAddress> {
    match found.iter().find(|a| !is_public(a.ip())) {
        Some(private) => Err(PrivateAddress {
            name: name.to_owned(),
            address: private.ip(),
        }),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|a| SocketAddr::new(a.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn one_private_address_refuses_the_name() {
        assert_eq!(
            vetted("a", addresses(&["8.8.8.8", "2400:3200::1"])).unwrap(),
            addresses(&["8.8.8.8", "2400:3200::1"])
        );
        let refused = vetted("gws.example", addresses(&["8.8.8.8", "169.254.169.254"])).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "gws.example leads to 169.254.169.254, which is not a public address"
        );
    }

    #[tokio::test]
    async fn localhost_is_refused() {
        let refused = PublicOnly.resolve("localhost".parse().unwrap()).await.err().unwrap();
        assert!(refused.to_string().contains("not a public address"), "{refused}");
    }
}
