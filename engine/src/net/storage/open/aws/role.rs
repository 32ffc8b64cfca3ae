//! Owns roles that one identity takes on for a while: one request to AWS' token service. Never keeps what it is
//! told.

use std::time::SystemTime;

use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::{Error, Result};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use url::form_urlencoded::Serializer;

use super::{none, time_of};
use crate::net::storage::error::between;
use crate::net::storage::open::renewing::Provider;
use crate::net::storage::settings::{Keys, Secret};

/// A role, and who asks for it.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) client: HttpClient,
    pub(super) source: Provider<AwsCredential>,
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) role: String,
    pub(super) external_id: Option<Secret>,
    pub(super) session: String,
}

/// The token service's address in a region.
pub(super) fn endpoint_of_aws(region: &str) -> String {
    let end = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://sts.{region}.amazonaws.com{end}")
}

impl Role {
    /// The request's body.
    fn form(&self) -> String {
        let mut form = Serializer::new(String::new());
        form.append_pair("Action", "AssumeRole")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", &self.role)
            .append_pair("RoleSessionName", &self.session);
        if let Some(id) = &self.external_id {
            form.append_pair("ExternalId", id.expose());
        }
        form.finish()
    }

    /// Asks for the role's keys.
    pub(super) async fn credentials(&self) -> Result<(Keys, Option<SystemTime>)> {
        let mut request = HttpRequest::new(HttpRequestBody::from(self.form()));
        *request.method_mut() = Method::POST;
        let uri = format!("{}/", self.endpoint.trim_end_matches('/')).parse();
        *request.uri_mut() =
            uri.map_err(|_| none("the address of AWS' token service is no URL"))?;
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let source = self.source.get_credential().await?;
        AwsAuthorizer::new(&source, "sts", &self.region).try_authorize(&mut request, None)?;
        let generic = |error| Error::Generic {
            store: "STS",
            source: error,
        };
        let answer = self.client.execute(request).await;
        let answer = answer.map_err(|error| generic(Box::new(error)))?;
        let status = answer.status();
        let body = answer.into_body().bytes().await;
        let body = body.map_err(|error| generic(Box::new(error)))?;
        let body = String::from_utf8_lossy(&body);
        if status.is_server_error() {
            return Err(generic(format!("status code: {}", status.as_u16()).into()));
        }
        if !status.is_success() {
            let code = between(&body, "Code").unwrap_or("no reason was given");
            let code: String = code
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(64)
                .collect();
            return Err(none(format!(
                "AWS' token service refuses the role `{}` ({code})",
                self.role
            )));
        }
        read(&body).ok_or_else(|| none("AWS' token service answered without credentials"))
    }
}

fn read(body: &str) -> Option<(Keys, Option<SystemTime>)> {
    let keys = Keys {
        id: between(body, "AccessKeyId")?.to_owned(),
        secret: Secret::new(between(body, "SecretAccessKey")?),
        token: between(body, "SessionToken").map(Secret::new),
    };
    Some((keys, between(body, "Expiration").and_then(time_of)))
}
