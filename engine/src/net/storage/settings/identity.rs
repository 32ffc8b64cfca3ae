//! Owns who asks S3: which of all sources of credentials counts. Never asks one.

use std::path::PathBuf;

use super::SettingsError;
use super::given::Given;
use super::profile::Profiles;
use super::secret::Secret;
use super::surroundings::Surroundings;

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) struct Keys {
    pub(in crate::net::storage) id: String,
    pub(in crate::net::storage) secret: Secret,
    pub(in crate::net::storage) token: Option<Secret>,
}

impl Keys {
    /// The key of the environment variables, if there is one.
    pub(super) fn of_environment(surroundings: &Surroundings) -> Option<Self> {
        Some(Self {
            id: surroundings.variable("AWS_ACCESS_KEY_ID")?.to_owned(),
            secret: Secret::new(surroundings.variable("AWS_SECRET_ACCESS_KEY")?),
            token: surroundings.variable("AWS_SESSION_TOKEN").map(Secret::new),
        })
    }
}

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) enum S3Credentials {
    /// Requests are not signed.
    Anonymous,
    /// A key that stays.
    Keys(Keys),
    /// The output of a command.
    Process(Secret),
    /// A role for which another identity asks AWS' token service.
    Role {
        source: Box<Self>,
        role: String,
        external_id: Option<Secret>,
        session: String,
    },
    /// A role for which a file's token asks AWS' token service.
    WebIdentity {
        role: String,
        token_file: PathBuf,
        session: String,
    },
    /// The address that a container was given, by its path or whole.
    Container {
        path: Option<String>,
        url: Option<(String, PathBuf)>,
    },
    /// The metadata address of the machine.
    Instance {
        /// Places where nothing was found.
        looked: Vec<String>,
    },
    /// Nothing was found, and the metadata address is not to be asked.
    Nowhere {
        /// Places where nothing was found.
        looked: Vec<String>,
    },
}

/// The credentials that are used: those that fsspec is told, then those that AWS' own tools would find.
///
/// # Errors
/// Sources that are incomplete or of a kind that is not read.
pub(super) fn credentials(
    given: &Given,
    profiles: &Profiles,
    profile_name: &str,
    surroundings: &Surroundings,
) -> Result<S3Credentials, SettingsError> {
    if given.flag("anon")? == Some(true) || is_unsigned(given)? {
        return Ok(S3Credentials::Anonymous);
    }
    match (given.text("key")?, given.secret("secret")?) {
        (Some(id), Some(secret)) => {
            let token = given.secret("token")?;
            return Ok(S3Credentials::Keys(Keys { id, secret, token }));
        }
        (Some(_), None) => return Err(incomplete("key", "secret")),
        (None, Some(_)) => return Err(incomplete("secret", "key")),
        (None, None) => {}
    }
    let of_profile = || profiles.credentials(profile_name, surroundings);
    if given.has("profile") {
        return of_profile()?.ok_or_else(|| {
            SettingsError::new(
                format!("the AWS profile `{}` has no credentials", profile_name.escape_debug()),
                "it needs aws_access_key_id and aws_secret_access_key, credential_process, or role_arn",
            )
        });
    }
    let web_identity = web_identity(given, surroundings)?;
    let role_of_profile = profiles
        .named(profile_name)
        .is_some_and(|profile| profile.get("role_arn").is_some());
    if let Some(keys) = Keys::of_environment(surroundings) {
        return Ok(S3Credentials::Keys(keys));
    }
    if role_of_profile && let Some(credentials) = of_profile()? {
        return Ok(credentials);
    }
    if let Some(credentials) = web_identity {
        return Ok(credentials);
    }
    if let Some(credentials) = of_profile()? {
        return Ok(credentials);
    }
    if let Some(credentials) = S3Credentials::of_container(surroundings)? {
        return Ok(credentials);
    }
    let looked = vec![
        "--storage_option".to_owned(),
        "fsspec's files (~/.config/fsspec)".to_owned(),
        "AWS_ACCESS_KEY_ID".to_owned(),
        format!("the profile `{}` of ~/.aws", profile_name.escape_debug()),
    ];
    if surroundings.flag("AWS_EC2_METADATA_DISABLED") == Some(true) {
        return Ok(S3Credentials::Nowhere { looked });
    }
    Ok(S3Credentials::Instance { looked })
}

impl S3Credentials {
    /// What a container was told, if it was.
    pub(super) fn of_container(surroundings: &Surroundings) -> Result<Option<Self>, SettingsError> {
        if let Some(path) = surroundings.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return Ok(Some(Self::Container {
                path: Some(path.to_owned()),
                url: None,
            }));
        }
        let Some(url) = surroundings.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") else {
            return Ok(None);
        };
        let Some(file) = surroundings.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") else {
            return Err(SettingsError::new(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is set without AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                "set both, or give credentials another way",
            ));
        };
        Ok(Some(Self::Container {
            path: None,
            url: Some((url.to_owned(), file.into())),
        }))
    }
}

fn web_identity(
    given: &Given,
    surroundings: &Surroundings,
) -> Result<Option<S3Credentials>, SettingsError> {
    let or_variable = |name: &str, variable: &str| {
        let variable = surroundings.variable(variable).map(str::to_owned);
        Ok::<_, SettingsError>(given.text(name)?.or(variable))
    };
    let role = or_variable("role_arn", "AWS_ROLE_ARN")?;
    let file = or_variable("web_identity_token_file", "AWS_WEB_IDENTITY_TOKEN_FILE")?;
    let session = or_variable("role_session_name", "AWS_ROLE_SESSION_NAME")?;
    let (Some(role), Some(file)) = (role, file) else {
        return Ok(None);
    };
    Ok(Some(S3Credentials::WebIdentity {
        role,
        token_file: surroundings.path(&file),
        session: session.unwrap_or_else(|| "turbo2ds".to_owned()),
    }))
}

/// An error about one key of two.
pub(super) fn incomplete(there: &str, missing: &str) -> SettingsError {
    SettingsError::new(
        format!("S3 has a `{there}` and no `{missing}`"),
        "give both in one place, or neither and name a profile",
    )
}

fn is_unsigned(given: &Given) -> Result<bool, SettingsError> {
    match given.text("signature_version")?.as_deref() {
        None | Some("s3v4" | "v4") => Ok(false),
        Some("unsigned" | "UNSIGNED") => Ok(true),
        Some(other) => Err(SettingsError::new(
            format!(
                "signatures of version `{}` are not made",
                other.escape_debug()
            ),
            "leave signature_version out, or set it to s3v4",
        )),
    }
}
