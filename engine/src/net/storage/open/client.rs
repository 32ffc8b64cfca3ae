//! Owns the HTTP client of stores: certificates, times, connections that are kept, proxies as the environment
//! names them. Never follows a redirect: headers that hold credentials stay with the host they are for.

use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;

use super::super::settings::{HttpSettings, SettingsError, Verify};
use crate::net::{config_with_roots, trusting_config, verifying_config};

/// Connections that are kept while nobody uses them: as many as requests may be in flight.
const IDLE_MAX: usize = 64;
/// What the program is called by stores.
const USER_AGENT: &str = concat!("turbo2ds/", env!("CARGO_PKG_VERSION"));

/// Makes the client. `headers` go with every request.
///
/// # Errors
/// Certificates that cannot be read, and headers that are none.
pub(super) fn client(
    settings: &HttpSettings,
    headers: &[(&'static str, &str)],
) -> Result<reqwest::Client, SettingsError> {
    let refused = |what: String| {
        SettingsError::new(
            what,
            "certificates are the platform's, SSL_CERT_FILE's, AWS_CA_BUNDLE's, or those of verify=FILE",
        )
    };
    let config = match &settings.verify {
        Verify::Platform => verifying_config(),
        Verify::Bundle(file) => config_with_roots(file),
        Verify::Nobody => trusting_config(),
    };
    let mut config = config.map_err(|error| match &settings.verify {
        Verify::Bundle(file) => refused(format!("{}: {error}", file.display())),
        _ => refused(error.to_string()),
    })?;
    // One connection for each request in flight is faster than one for all of them: HTTP/2 has one window.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut all = HeaderMap::new();
    for &(name, value) in headers {
        let value = HeaderValue::from_str(value);
        let value = value.map_err(|_| refused(format!("the value of `{name}` is no header")))?;
        all.insert(HeaderName::from_static(name), value);
    }
    let client = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(all)
        .tls_backend_preconfigured(config)
        .http1_only()
        .redirect(Policy::none())
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.timeout)
        .pool_max_idle_per_host(IDLE_MAX)
        .tcp_nodelay(true)
        .build();
    client.map_err(|error| {
        refused(format!(
            "no HTTP client can be made: {}",
            error.without_url()
        ))
    })
}

/// Gives every part of a store the same client, whatever options it asks for.
#[derive(Clone, Debug)]
pub(super) struct Connector(pub(super) HttpClient);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}
