//! Which addresses lead to this machine.

use url::{Host, Url};

/// Whether a URL leads to this machine, by its name alone: `localhost` and names below it (RFC 6761 section 6.3), and
/// the loopback addresses. Only there is http good enough.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_and_addresses_of_this_machine_are_loopback() {
        for here in ["http://localhost:3000", "http://app.localhost", "http://127.8.0.1", "http://[::1]:1"] {
            assert!(is_loopback(&Url::parse(here).unwrap()), "{here}");
        }
        for elsewhere in ["http://localhost.example", "http://mylocalhost", "http://10.0.0.1", "data:localhost"] {
            assert!(!is_loopback(&Url::parse(elsewhere).unwrap()), "{elsewhere}");
        }
    }
}
