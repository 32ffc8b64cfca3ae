//! Owns the profiles of AWS: `~/.aws/config` and `~/.aws/credentials`. Never runs a profile's command.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::SettingsError;
use super::identity::{Keys, S3Credentials};
use super::ini::Ini;
use super::secret::Secret;
use super::surroundings::Surroundings;

/// Profiles of which each takes its keys from the next.
const CHAIN_MAX: usize = 5;

/// Both files.
pub(super) struct Profiles {
    config: Ini,
    credentials: Ini,
}

/// A profile: what both files say of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile(BTreeMap<String, String>);

impl Profile {
    /// A value that is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// A value of the indented lines below `s3 =`.
    pub(super) fn of_s3(&self, key: &str) -> Option<&str> {
        let lines = self.get("s3")?.lines();
        lines
            .filter_map(|line| line.split_once('='))
            .find_map(|(name, value)| (name.trim() == key).then(|| value.trim()))
    }
}

impl Profiles {
    /// Reads the files that are there.
    pub(super) fn read(surroundings: &Surroundings) -> Self {
        let file = |variable: &str, usual: &str| {
            let named = surroundings.variable(variable);
            let path: Option<PathBuf> = named
                .map(|path| surroundings.path(path))
                .or_else(|| surroundings.below_home(usual));
            let text = path.and_then(|path| fs::read_to_string(path).ok());
            text.as_deref().map(Ini::of).unwrap_or_default()
        };
        Self {
            config: file("AWS_CONFIG_FILE", ".aws/config"),
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
        }
    }

    /// A profile by its name. Where both files have a key, the file of credentials counts.
    pub(super) fn named(&self, name: &str) -> Option<Profile> {
        let in_config = self
            .config
            .section(&format!("profile {name}"))
            .or_else(|| self.config.section(name).filter(|_| name == "default"));
        let in_credentials = self.credentials.section(name);
        if in_config.is_none() && in_credentials.is_none() {
            return None;
        }
        let mut keys = in_config.cloned().unwrap_or_default();
        keys.extend(in_credentials.cloned().unwrap_or_default());
        Some(Profile(keys))
    }

    /// Where a profile gets its credentials from; `None` if it has none.
    ///
    /// # Errors
    /// A profile that is incomplete, or of a kind that is not read.
    pub(super) fn credentials(
        &self,
        name: &str,
        surroundings: &Surroundings,
    ) -> Result<Option<S3Credentials>, SettingsError> {
        self.credentials_within(name, surroundings, CHAIN_MAX)
    }

    fn credentials_within(
        &self,
        name: &str,
        surroundings: &Surroundings,
        left: usize,
    ) -> Result<Option<S3Credentials>, SettingsError> {
        let Some(profile) = self.named(name) else {
            return Ok(None);
        };
        if let Some(role) = profile.get("role_arn") {
            return self
                .role(name, &profile, role, surroundings, left)
                .map(Some);
        }
        own(name, &profile)
    }

    /// A profile's role, for which another identity asks.
    fn role(
        &self,
        name: &str,
        profile: &Profile,
        role: &str,
        surroundings: &Surroundings,
        left: usize,
    ) -> Result<S3Credentials, SettingsError> {
        let refused = |why: &str| {
            SettingsError::new(
                format!("the AWS profile `{}` {why}", name.escape_debug()),
                HINT,
            )
        };
        let session = profile.get("role_session_name").unwrap_or("turbo2ds");
        if let Some(file) = profile.get("web_identity_token_file") {
            return Ok(S3Credentials::WebIdentity {
                role: role.to_owned(),
                token_file: surroundings.path(file),
                session: session.to_owned(),
            });
        }
        if profile.get("mfa_serial").is_some() {
            return Err(refused(
                "asks for a code of a device, which nobody can enter here",
            ));
        }
        let source = match (
            profile.get("source_profile"),
            profile.get("credential_source"),
        ) {
            // The profile's own keys ask for its role.
            (Some(source), _) if source == name => own(name, profile)?,
            (Some(_), _) if left == 0 => {
                return Err(refused("is at the end of a long chain of source_profile"));
            }
            (Some(source), _) => self.credentials_within(source, surroundings, left - 1)?,
            (None, Some("Environment")) => {
                Keys::of_environment(surroundings).map(S3Credentials::Keys)
            }
            (None, Some("Ec2InstanceMetadata")) => {
                Some(S3Credentials::Instance { looked: Vec::new() })
            }
            (None, Some("EcsContainer")) => S3Credentials::of_container(surroundings)?,
            (None, _) => return Err(refused("has a role_arn and no source_profile")),
        };
        let source =
            source.ok_or_else(|| refused("has a role_arn, and its source has no credentials"))?;
        Ok(S3Credentials::Role {
            source: Box::new(source),
            role: role.to_owned(),
            external_id: profile.get("external_id").map(Secret::new),
            session: session.to_owned(),
        })
    }
}

/// What helps with a profile of which nothing can be read.
const HINT: &str = "a profile with `credential_process = aws configure export-credentials --profile NAME` gets its \
                    credentials from the AWS command line";

/// A profile's own credentials.
fn own(name: &str, profile: &Profile) -> Result<Option<S3Credentials>, SettingsError> {
    let refused = |why: &str| {
        SettingsError::new(
            format!("the AWS profile `{}` {why}", name.escape_debug()),
            HINT,
        )
    };
    match (
        profile.get("aws_access_key_id"),
        profile.get("aws_secret_access_key"),
    ) {
        (Some(id), Some(secret)) => {
            return Ok(Some(S3Credentials::Keys(Keys {
                id: id.to_owned(),
                secret: Secret::new(secret),
                token: profile.get("aws_session_token").map(Secret::new),
            })));
        }
        (Some(_), None) => return Err(refused("has a key and no aws_secret_access_key")),
        (None, Some(_)) => return Err(refused("has a secret and no aws_access_key_id")),
        (None, None) => {}
    }
    if let Some(command) = profile.get("credential_process") {
        return Ok(Some(S3Credentials::Process(Secret::new(command))));
    }
    let is_single_sign_on = |key: &str| profile.get(key).is_some();
    if ["sso_session", "sso_start_url", "sso_account_id"]
        .into_iter()
        .any(is_single_sign_on)
    {
        return Err(refused(
            "is of single sign-on, whose tokens turbo2ds does not read",
        ));
    }
    Ok(None)
}
