//! R9: the hub speaks plain HTTP inside the government extranet, so it does not listen where the world can reach it.

use std::net::IpAddr;

use super::Settings;

/// The address is public and nobody said that this is meant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "[HUB-1015] http.listen = {0} may be reached from outside the extranet; listen on a private address, put a proxy with \
     TLS in front, or set http.allow_public_bind = true"
)]
pub struct BindError(IpAddr);

/// Whether the hub may listen where the settings say: loopback, private and link-local addresses always, others
/// (`0.0.0.0` among them) only when the settings allow it.
///
/// # Errors
/// [`BindError`] names the address.
pub fn check_bind(settings: &Settings) -> Result<(), BindError> {
    let address = settings.listen.ip();
    let inside = match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if inside || settings.allow_public_bind { Ok(()) } else { Err(BindError(address)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn public_addresses_need_to_be_meant() {
        for (listen, inside) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("10.1.2.3:1", true),
            ("192.168.0.1:1", true),
            ("[fd00::1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("8.8.8.8:1", false),
            ("[::ffff:8.8.8.8]:1", false),
        ] {
            let mut settings = Settings { listen: listen.parse().unwrap(), ..Settings::default() };
            assert_eq!(check_bind(&settings).is_ok(), inside, "{listen}");
            settings.allow_public_bind = true;
            assert!(check_bind(&settings).is_ok());
        }
    }
}
