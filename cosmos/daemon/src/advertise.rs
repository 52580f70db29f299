//! How the queue servers over one database reach one another.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, bail, ensure};

use crate::Config;

/// Where other queue servers reach this one, if not where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advertised(Option<String>);

impl Advertised {
    /// As configured. An address that stands for all of this machine's is none that others
    /// could call, so over a database another must be given.
    pub(crate) fn of(config: &Config) -> Result<Self> {
        let timestone = &config.timestone;
        let advertise = timestone.advertise.as_deref();
        if let Some(url) = advertise {
            ensure!(
                host_of(url).is_some(),
                "timestone.advertise: `{url}` is not the URL of a server; write it as \
                 http://10.0.0.7:7401"
            );
        }
        let listen: Option<SocketAddr> = timestone.listen.parse().ok();
        let is_wild = listen.is_some_and(|listen| listen.ip().is_unspecified());
        if is_wild && advertise.is_none() && !config.is_embedded() {
            bail!(
                "timestone.listen: other queue servers over the same database cannot call {}; \
                 set timestone.advertise to where they reach this one, such as \
                 http://10.0.0.7:7401",
                timestone.listen
            );
        }
        Ok(Self(advertise.map(str::to_owned)))
    }

    /// The name or address by which it is called.
    pub(crate) fn host(&self) -> Option<&str> {
        self.0.as_deref().and_then(host_of)
    }

    /// Its URL, where it listens at `address`.
    pub(crate) fn url(&self, address: SocketAddr) -> String {
        self.0
            .clone()
            .unwrap_or_else(|| format!("http://{address}"))
    }
}

/// `http://host:port`, or `http://[v6]:port`.
fn host_of(url: &str) -> Option<&str> {
    let authority = url.strip_prefix("http://")?.trim_end_matches('/');
    let (host, port) = authority.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_v6 = bare.is_some_and(|bare| matches!(bare.parse(), Ok(IpAddr::V6(_))));
    let is_name = !host.is_empty() && !host.contains([':', '/', '[', '#', '@', ',']);
    (is_v6 || is_name).then_some(host)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(store: &str, listen: &str, advertise: Option<&str>) -> Config {
        let mut config = Config {
            store: store.into(),
            ..Config::default()
        };
        config.timestone.listen = listen.into();
        config.timestone.advertise = advertise.map(str::to_owned);
        config
    }

    #[test]
    fn where_all_addresses_are_listened_at_one_must_be_named() {
        let wild = config("host=db", "0.0.0.0:7401", None);
        let error = Advertised::of(&wild).unwrap_err().to_string();
        assert!(error.contains("timestone.advertise"), "{error}");
        let one = config("host=db", "10.0.0.7:7401", None);
        let one = Advertised::of(&one).unwrap();
        assert_eq!(
            one.url(([10, 0, 0, 7], 7401).into()),
            "http://10.0.0.7:7401"
        );
        assert_eq!(one.host(), None);
        let embedded = config("embedded", "0.0.0.0:7401", None);
        assert!(Advertised::of(&embedded).is_ok());
    }

    #[test]
    fn what_is_advertised_is_a_url_with_a_port() {
        let named = config("host=db", "0.0.0.0:7401", Some("http://queues.svc:7401"));
        let named = Advertised::of(&named).unwrap();
        assert_eq!(named.host(), Some("queues.svc"));
        assert_eq!(
            named.url(([0, 0, 0, 0], 1).into()),
            "http://queues.svc:7401"
        );
        assert_eq!(host_of("http://[fd00::7]:7401/"), Some("[fd00::7]"));
        for wrong in [
            "queues:1",
            "http://queues",
            "https://a:1",
            "http://a#b:1",
            "http://:1",
        ] {
            let wrong = config("host=db", "10.0.0.7:7401", Some(wrong));
            assert!(Advertised::of(&wrong).is_err(), "{wrong:?}");
        }
    }
}
