//! Which requests are answered. A foreign page can let its own name point to this machine and then read what
//! is served here (DNS rebinding). Such requests name the foreign host, and are refused.

use std::net::{IpAddr, SocketAddr};

/// The host names to which this server answers.
#[derive(Clone, Debug)]
pub(super) struct Hosts {
    address: IpAddr,
    machine: String,
}

impl Hosts {
    /// Those of a server that listens on `address`, on the computer with the name `machine`.
    pub(super) fn of(address: SocketAddr, machine: &str) -> Self {
        Self { address: address.ip(), machine: machine.to_ascii_lowercase() }
    }

    /// Whether a request with this `Host` header is for this server. Ports do not matter: a tunnel may use
    /// another port on each side, and a foreign name is foreign on every port.
    pub(super) fn admit(&self, header: &str) -> bool {
        let name = name(header).to_ascii_lowercase();
        match name.parse::<IpAddr>() {
            // A server that listens on all addresses is reached by any of them; an IP address cannot be
            // rebound.
            Ok(ip) => ip == self.address || ip.is_loopback() || self.address.is_unspecified(),
            Err(_) if name == "localhost" => true,
            Err(_) => !self.address.is_loopback() && !name.is_empty() && name == self.machine,
        }
    }
}

/// A `Host` header without its port and without the brackets of an IPv6 address.
fn name(header: &str) -> &str {
    if let Some(rest) = header.strip_prefix('[') {
        return rest.split_once(']').map_or("", |(name, _)| name);
    }
    header.rsplit_once(':').map_or(header, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_are_refused() {
        let at = |address: &str| Hosts::of(address.parse().unwrap(), "Microscope");
        for own in ["127.0.0.1:7878", "localhost:7878", "LOCALHOST", "localhost:9000", "[::1]:7878"] {
            assert!(at("127.0.0.1:7878").admit(own), "{own}");
        }
        for foreign in [
            "evil.example:7878",
            "127.0.0.1.evil.example",
            "",
            "10.0.0.1:7878",
            "microscope",
            "localhost.evil",
        ] {
            assert!(!at("127.0.0.1:7878").admit(foreign), "{foreign}");
        }
        assert!(at("10.0.0.1:80").admit("10.0.0.1") && at("10.0.0.1:80").admit("microscope:80"));
        assert!(!at("10.0.0.1:80").admit("10.0.0.2"));
        assert!(at("0.0.0.0:80").admit("10.0.0.2") && !at("0.0.0.0:80").admit("evil.example"));
    }
}
