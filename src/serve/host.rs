//! Which requests are answered. A foreign page can let its own name point to this machine and then read what
//! is served here (DNS rebinding). Such requests name the foreign host, and are refused.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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
        let Some(name) = name(header) else { return false };
        let name = name.to_ascii_lowercase();
        match name.parse::<IpAddr>() {
            // A server that listens on all addresses is reached by any of them; an IP address cannot be
            // rebound.
            Ok(ip) => ip == self.address || ip.is_loopback() || self.address.is_unspecified(),
            Err(_) if name == "localhost" => true,
            Err(_) => !self.address.is_loopback() && !name.is_empty() && name == self.machine,
        }
    }
}

/// A `Host` header without its port and without the brackets of an IPv6 address; `None` if there is more in it.
fn name(header: &str) -> Option<&str> {
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit());
    if let Some(rest) = header.strip_prefix('[') {
        let (name, port) = rest.split_once(']')?;
        let port = port.strip_prefix(':').or(port.is_empty().then_some(""))?;
        return (is_port(port) && name.parse::<Ipv6Addr>().is_ok()).then_some(name);
    }
    let (name, port) = header.rsplit_once(':').unwrap_or((header, ""));
    is_port(port).then_some(name)
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
            "[::1]evil.example",
            "[::1]evil.example:80",
            "[127.0.0.1]evil.example:80",
            "[127.0.0.1]",
            "[::1]:80evil",
            "[::1",
            "localhost:evil",
            "localhost:7878:7878",
            "::1",
        ] {
            assert!(!at("127.0.0.1:7878").admit(foreign), "{foreign}");
        }
        assert!(at("10.0.0.1:80").admit("10.0.0.1") && at("10.0.0.1:80").admit("microscope:80"));
        assert!(!at("10.0.0.1:80").admit("10.0.0.2"));
        assert!(at("0.0.0.0:80").admit("10.0.0.2") && !at("0.0.0.0:80").admit("evil.example"));
    }
}
