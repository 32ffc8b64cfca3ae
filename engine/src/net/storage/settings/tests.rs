//! Tests settings by what users write: files below a home of their own, variables, options.

use std::fs;
use std::path::Path;

use super::*;
use crate::config::StorageOptions;

/// Variables, options and files below a home.
struct User {
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
    options: StorageOptions,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().to_str().expect("a text").to_owned();
        Self {
            home,
            variables: vec![("HOME".to_owned(), path)],
            options: StorageOptions::default(),
        }
    }

    fn file(self, path: &str, content: &str) -> Self {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, content).expect("a file");
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn option(mut self, key: &str, value: &str) -> Self {
        self.options.0.push((key.to_owned(), value.to_owned()));
        self
    }

    fn surroundings(&self) -> Surroundings {
        let pairs = self.variables.iter();
        let pairs: Vec<_> = pairs.map(|(name, value)| (&**name, &**value)).collect();
        Surroundings::of(&pairs)
    }

    fn s3(&self) -> Result<S3Settings, SettingsError> {
        S3Settings::read(&self.surroundings(), &self.options)
    }

    fn gcs(&self) -> Result<GcsSettings, SettingsError> {
        GcsSettings::read(&self.surroundings(), &self.options)
    }

    fn azure(&self, authority: &str) -> Result<AzureSettings, SettingsError> {
        AzureSettings::read(authority, &self.surroundings(), &self.options)
    }
}

/// The key and its secret, if they stay.
fn keys(settings: &S3Settings) -> (&str, &str, Option<&str>) {
    match &settings.credentials {
        S3Credentials::Keys(keys) => (
            &keys.id,
            keys.secret.expose(),
            keys.token.as_ref().map(Secret::expose),
        ),
        other => panic!("{other:?}"),
    }
}

const S3_JSON: &str = r#"{"s3": {"client_kwargs": {"endpoint_url": "https://some_endpoint:9000",
    "aws_access_key_id": "user", "aws_secret_access_key": "pass-word"}}}"#;

#[test]
fn the_file_that_img2dataset_documents_is_enough() {
    let settings = User::new()
        .file(".config/fsspec/s3.json", S3_JSON)
        .s3()
        .expect("settings");
    assert_eq!(
        settings.endpoint.as_deref(),
        Some("https://some_endpoint:9000")
    );
    assert_eq!(keys(&settings), ("user", "pass-word", None));
}

#[test]
fn files_are_read_in_the_order_of_their_names_and_variables_after_them() {
    let user = User::new()
        .file(
            ".config/fsspec/a.json",
            r#"{"s3": {"key": "a", "secret": "from-a", "unheard_of": 1}, "gs": {}}"#,
        )
        .file(
            ".config/fsspec/b.ini",
            "[DEFAULT]\ntoken = t%%t\n[s3]\nkey = b\n[s3a]\nuse_ssl = false\n",
        )
        .file(".config/fsspec/c.txt", "{");
    assert_eq!(
        keys(&user.s3().expect("settings")),
        ("b", "from-a", Some("t%t"))
    );
    let user = user
        .variable("FSSPEC_S3", r#"{"key": "c", "endpoint_url": "h:1"}"#)
        .variable("FSSPEC_S3_SECRET", "from-variable");
    let settings = user.s3().expect("settings");
    assert_eq!(keys(&settings), ("c", "from-variable", Some("t%t")));
    assert_eq!(settings.endpoint.as_deref(), Some("http://h:1"));
    let elsewhere = user.home.path().join("other");
    fs::create_dir(&elsewhere).expect("a folder");
    let user = user.variable("FSSPEC_CONFIG_DIR", elsewhere.to_str().expect("a text"));
    // Nothing is in the other folder: a secret without a key is left.
    let settings = user.s3().expect("FSSPEC_S3 still counts");
    assert_eq!(keys(&settings), ("c", "from-variable", None));
}

#[test]
fn options_go_before_files_and_files_before_the_environment() {
    let user = User::new()
        .variable("AWS_ACCESS_KEY_ID", "env")
        .variable("AWS_SECRET_ACCESS_KEY", "of-env")
        .variable("AWS_SESSION_TOKEN", "token-of-env")
        .variable("AWS_ENDPOINT_URL", "http://env")
        .variable("AWS_DEFAULT_REGION", "eu-central-1");
    let settings = user.s3().expect("settings");
    assert_eq!(keys(&settings), ("env", "of-env", Some("token-of-env")));
    assert_eq!(settings.endpoint.as_deref(), Some("http://env"));
    let user = user.file(".config/fsspec/s3.json", S3_JSON);
    // The environment's token belongs to the environment's key.
    assert_eq!(
        keys(&user.s3().expect("settings")),
        ("user", "pass-word", None)
    );
    let user = user
        .option("endpoint_url", "http://127.0.0.1:9000/")
        .option("aws_region", "here");
    let settings = user.s3().expect("settings");
    assert_eq!(settings.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    assert_eq!(settings.region.as_deref(), Some("here"));
    assert_eq!(keys(&settings).0, "user");
    // A key from here is not used with a secret from there.
    let user = user.option("key", "mine");
    assert!(
        user.s3()
            .expect_err("no secret")
            .to_string()
            .contains("`secret`")
    );
    let user = user.option("client_kwargs", r#"{"aws_secret_access_key": "12345678"}"#);
    assert_eq!(
        keys(&user.s3().expect("settings")),
        ("mine", "12345678", None)
    );
}

#[test]
fn unknown_options_are_refused_and_those_for_other_stores_passed_over() {
    let refused = User::new()
        .option("endpont_url", "x")
        .s3()
        .expect_err("unknown");
    assert!(refused.to_string().contains("endpont_url"), "{refused}");
    assert!(refused.hint.contains("endpoint_url"), "{}", refused.hint);
    let user = User::new()
        .option("gs.token", "anon")
        .option("s3.anon", "True");
    assert_eq!(
        user.s3().expect("settings").credentials,
        S3Credentials::Anonymous
    );
    assert_eq!(
        user.gcs().expect("settings").credentials,
        GcsCredentials::Anonymous
    );
    let user = User::new()
        .option("anon", "true")
        .option("default_block_size", "5");
    assert!(
        user.option("config_kwargs", r#"{"retries": {"max_attempts": 3}}"#)
            .s3()
            .is_ok()
    );
    let asked = r#"{"s3": {"anon": true, "s3_additional_kwargs": {"ACL": "public-read"}}}"#;
    let refused = User::new()
        .file(".config/fsspec/s3.json", asked)
        .s3()
        .expect_err("not done");
    assert!(
        refused.to_string().contains("s3_additional_kwargs.ACL"),
        "{refused}"
    );
}

#[test]
fn how_s3_is_asked_is_read_from_fsspecs_objects() {
    let settings = User::new()
        .option("anon", "true")
        .option(
            "config_kwargs",
            r#"{"s3": {"addressing_style": "virtual"}, "connect_timeout": 3, "read_timeout": 4.5}"#,
        )
        .option(
            "client_kwargs",
            r#"{"verify": false, "region_name": "eu-west-1"}"#,
        )
        .option(
            "s3_additional_kwargs",
            r#"{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"}"#,
        )
        .option("requester_pays", "true")
        .s3()
        .expect("settings");
    assert_eq!(settings.virtual_hosted, Some(true));
    assert_eq!(settings.http.connect_timeout.as_secs(), 3);
    assert_eq!(settings.http.timeout.as_millis(), 4500);
    assert_eq!(settings.http.verify, Verify::Nobody);
    assert_eq!(settings.region.as_deref(), Some("eu-west-1"));
    assert!(settings.requester_pays);
    let encryption = settings.encryption.expect("encryption");
    assert_eq!(
        (&*encryption.kind, encryption.kms_key.as_deref()),
        ("aws:kms", Some("k"))
    );
    let user = User::new()
        .option("anon", "true")
        .variable("AWS_CA_BUNDLE", "~/ca.pem");
    let expected = Verify::Bundle(user.home.path().join("ca.pem"));
    assert_eq!(user.s3().expect("settings").http.verify, expected);
    for (key, value) in [
        ("timeout", "0"),
        ("timeout", "soon"),
        ("anon", "perhaps"),
        ("region", "a/b"),
        ("endpoint_url", "ftp://h"),
        ("endpoint_url", "http://u:p@h"),
        ("addressing_style", "odd"),
        ("signature_version", "s3"),
        ("server_side_encryption", "rot13"),
    ] {
        assert!(
            User::new().option(key, value).s3().is_err(),
            "{key}={value}"
        );
    }
}

#[test]
fn profiles_name_keys_commands_and_roles() {
    let user = || {
        User::new()
            .file(
                ".aws/config",
                "[default]\nregion = eu-west-3\ns3 =\n  addressing_style = path\n[profile run]\ncredential_process = /bin/x 'a b'\n\
                 endpoint_url = http://h:9\n[profile role]\nrole_arn = arn:r\nsource_profile = default\nexternal_id = ext-id\n\
                 [profile sso]\nsso_start_url = https://x\n[profile round]\nrole_arn = r\nsource_profile = trip\n\
                 [profile trip]\nrole_arn = r\nsource_profile = round\n[profile bare]\nregion = x\n\
                 [profile web]\nrole_arn = arn:w\nweb_identity_token_file = ~/token\n",
            )
            .file(".aws/credentials", "[default]\naws_access_key_id = d\naws_secret_access_key = of-default\n")
    };
    let settings = user().s3().expect("settings");
    assert_eq!(keys(&settings), ("d", "of-default", None));
    assert_eq!(settings.region.as_deref(), Some("eu-west-3"));
    assert_eq!(settings.virtual_hosted, Some(false));
    let settings = user()
        .variable("AWS_PROFILE", "run")
        .s3()
        .expect("settings");
    assert_eq!(
        settings.credentials,
        S3Credentials::Process(Secret::new("/bin/x 'a b'"))
    );
    assert_eq!(settings.endpoint.as_deref(), Some("http://h:9"));
    // A profile that was asked for goes before the environment's key.
    let of_environment = |user: User| {
        let user = user.variable("AWS_ACCESS_KEY_ID", "e");
        user.variable("AWS_SECRET_ACCESS_KEY", "of-env")
    };
    let settings = of_environment(user())
        .option("profile", "role")
        .s3()
        .expect("settings");
    let S3Credentials::Role {
        source,
        role,
        external_id,
        ..
    } = settings.credentials
    else {
        panic!("no role");
    };
    assert_eq!(
        (&*role, external_id),
        ("arn:r", Some(Secret::new("ext-id")))
    );
    assert!(matches!(*source, S3Credentials::Keys(keys) if keys.id == "d"));
    let settings = user().option("profile", "web").s3().expect("settings");
    assert!(
        matches!(settings.credentials, S3Credentials::WebIdentity { role, .. } if role == "arn:w")
    );
    for (profile, hint) in [
        ("sso", "export-credentials"),
        ("round", ""),
        ("bare", "credential_process"),
        ("none", "~/.aws"),
    ] {
        let refused = user().option("profile", profile).s3().expect_err(profile);
        assert!(
            refused.to_string().contains('`') && refused.hint.contains(hint),
            "{refused}"
        );
    }
}

#[test]
fn what_a_machine_tells_is_asked_last() {
    let looked = |settings: S3Settings| match settings.credentials {
        S3Credentials::Instance { looked } => looked.join(" "),
        other => panic!("{other:?}"),
    };
    assert!(looked(User::new().s3().expect("settings")).contains("AWS_ACCESS_KEY_ID"));
    let settings = User::new()
        .variable("AWS_EC2_METADATA_DISABLED", "true")
        .s3();
    assert!(matches!(
        settings.expect("settings").credentials,
        S3Credentials::Nowhere { .. }
    ));
    let settings = User::new()
        .variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")
        .s3();
    assert!(matches!(
        settings.expect("settings").credentials,
        S3Credentials::Container { path: Some(_), .. }
    ));
    let settings = User::new()
        .variable("AWS_ROLE_ARN", "arn:x")
        .variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")
        .s3();
    assert!(matches!(
        settings.expect("settings").credentials,
        S3Credentials::WebIdentity { .. }
    ));
}

const SERVICE_ACCOUNT: &str = r#"{"type": "service_account", "private_key": "p", "private_key_id": "i", "client_email": "e"}"#;

#[test]
fn googles_token_is_a_word_a_path_an_object_or_a_token() {
    let of = |token: &str| {
        User::new()
            .file("key.json", SERVICE_ACCOUNT)
            .option("token", token)
            .gcs()
    };
    let credentials = |token: &str| of(token).expect(token).credentials;
    assert_eq!(credentials("anon"), GcsCredentials::Anonymous);
    assert_eq!(
        credentials("cloud"),
        GcsCredentials::Instance { looked: Vec::new() }
    );
    assert_eq!(
        credentials("ya29.token"),
        GcsCredentials::Bearer(Secret::new("ya29.token"))
    );
    assert_eq!(
        credentials("~/key.json"),
        GcsCredentials::ServiceAccount(Secret::new(SERVICE_ACCOUNT))
    );
    assert!(matches!(
        credentials(SERVICE_ACCOUNT),
        GcsCredentials::ServiceAccount(_)
    ));
    assert!(
        of("browser")
            .expect_err("no browser")
            .hint
            .contains("gcloud")
    );
    assert!(
        of("/none.json")
            .expect_err("no file")
            .to_string()
            .contains("/none.json")
    );
    assert!(of(r#"{"type": "authorized_user"}"#).is_err());
    let user = User::new().file(
        ".config/gcloud/application_default_credentials.json",
        r#"{"type": "authorized_user"}"#,
    );
    assert!(matches!(
        user.gcs().expect("settings").credentials,
        GcsCredentials::User(_)
    ));
    // Google's credentials do not go to an emulator.
    let user = user.variable("STORAGE_EMULATOR_HOST", "localhost:4443");
    let settings = user.gcs().expect("settings");
    assert_eq!(settings.endpoint.as_deref(), Some("http://localhost:4443"));
    assert_eq!(settings.credentials, GcsCredentials::Anonymous);
    let user = User::new()
        .option("token", "anon")
        .option("requester_pays", "true");
    assert!(user.gcs().is_err());
    assert_eq!(
        user.option("project", "mine")
            .gcs()
            .expect("settings")
            .payer
            .as_deref(),
        Some("mine")
    );
    assert!(
        matches!(User::new().gcs().expect("settings").credentials, GcsCredentials::Instance { looked } if !looked.is_empty())
    );
}

#[test]
fn azures_account_is_named_by_the_url_an_option_or_a_connection_string() {
    let key = "a2V5LWtleS1rZXk=";
    let settings = User::new()
        .option("account_key", key)
        .azure("data@acc.dfs.core.windows.net")
        .expect("settings");
    assert_eq!((&*settings.container, &*settings.account), ("data", "acc"));
    assert_eq!(settings.endpoint, "https://acc.blob.core.windows.net");
    assert_eq!(
        settings.credentials,
        AzureCredentials::Key(Secret::new(key))
    );
    let user = User::new()
        .variable("AZURE_STORAGE_ACCOUNT", "env")
        .variable("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=hidden");
    let settings = user.azure("data").expect("settings");
    assert_eq!(settings.endpoint, "https://env.blob.core.windows.net");
    assert_eq!(
        settings.credentials,
        AzureCredentials::Sas(Secret::new("sv=1&sig=hidden"))
    );
    let azurite = format!(
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={key};\
         BlobEndpoint=http://127.0.0.1:10007/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10008/x;"
    );
    let settings = User::new()
        .variable("AZURE_STORAGE_CONNECTION_STRING", &azurite)
        .azure("data");
    let settings = settings.expect("settings");
    assert_eq!(settings.endpoint, "http://127.0.0.1:10007/devstoreaccount1");
    assert_eq!(
        settings.credentials,
        AzureCredentials::Key(Secret::new(key))
    );
    let settings = User::new()
        .option("connection_string", "UseDevelopmentStorage=true")
        .azure("data");
    let settings = settings.expect("settings");
    assert_eq!(settings.endpoint, "http://127.0.0.1:10000/devstoreaccount1");
    assert!(matches!(settings.credentials, AzureCredentials::Key(_)));
    let settings = User::new()
        .option("account_name", "a")
        .option("account_host", "http://localhost:10000")
        .azure("data")
        .expect("settings");
    assert_eq!(settings.endpoint, "http://localhost:10000/a");
    assert!(
        User::new()
            .azure("data")
            .expect_err("no account")
            .hint
            .contains("account_name")
    );
}

#[test]
fn azures_identities_are_whole_or_refused() {
    let user = || User::new().option("account_name", "a");
    let credentials = |user: User| user.azure("data").map(|settings| settings.credentials);
    assert_eq!(credentials(user()), Ok(AzureCredentials::Anonymous));
    assert!(matches!(
        credentials(user().option("anon", "false")),
        Ok(AzureCredentials::Managed { .. })
    ));
    let client = || user().option("client_id", "c").option("tenant_id", "t");
    assert!(matches!(
        credentials(client()),
        Ok(AzureCredentials::Managed { .. })
    ));
    assert!(matches!(
        credentials(client().option("client_secret", "of-client")),
        Ok(AzureCredentials::ClientSecret { .. })
    ));
    assert!(matches!(
        credentials(client().variable("AZURE_FEDERATED_TOKEN_FILE", "/token")),
        Ok(AzureCredentials::Workload { .. })
    ));
    assert!(credentials(user().option("client_secret", "of-client")).is_err());
    assert!(credentials(user().option("account_key", "no base64!")).is_err());
}

#[test]
fn no_secret_is_in_what_is_printed() {
    let canary = "canary-0123456789-canary";
    let leaks = |text: String, key: &str| assert!(!text.contains("canary"), "{key}: {text}");
    for key in [
        "key",
        "secret",
        "token",
        "anon",
        "timeout",
        "verify",
        "server_side_encryption",
        "use_ssl",
        "requester_pays",
    ] {
        let user = User::new().option(key, canary);
        let user = if key == "secret" {
            user.option("key", "k")
        } else {
            user
        };
        if key != "key" && key != "verify" {
            leaks(format!("{:?}", user.s3()), key);
        }
        leaks(
            user.s3()
                .err()
                .map(|error| format!("{error} {}", error.hint))
                .unwrap_or_default(),
            key,
        );
    }
    for (key, value) in [("secret", canary), ("token", canary)] {
        let file = format!(r#"{{"s3": {{"key": "k", "secret": "of-file", "{key}": "{value}"}}}}"#);
        leaks(
            format!(
                "{:?}",
                User::new().file(".config/fsspec/x.json", &file).s3()
            ),
            key,
        );
        // A file that is broken right behind the secret.
        leaks(
            format!(
                "{:?}",
                User::new()
                    .file(".config/fsspec/x.json", &file[..file.len() - 2])
                    .s3()
            ),
            key,
        );
    }
    for variable in ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        let user = User::new()
            .variable("AWS_ACCESS_KEY_ID", "k")
            .variable("AWS_SECRET_ACCESS_KEY", "of-env")
            .variable(variable, canary);
        leaks(format!("{:?}", user.s3()), variable);
    }
    let profile = format!("[default]\ncredential_process = /bin/x {canary}\n");
    leaks(
        format!("{:?}", User::new().file(".aws/config", &profile).s3()),
        "credential_process",
    );
    for key in ["token", "service_account_key", "bearer_token"] {
        leaks(format!("{:?}", User::new().option(key, canary).gcs()), key);
        let object = format!(r#"{{"type": "{canary}", "private_key": "{canary}"}}"#);
        leaks(format!("{:?}", User::new().option(key, &object).gcs()), key);
    }
    for key in [
        "account_key",
        "sas_token",
        "connection_string",
        "bearer_token",
        "client_secret",
    ] {
        leaks(
            format!(
                "{:?}",
                User::new()
                    .option("account_name", "a")
                    .option(key, canary)
                    .azure("data")
            ),
            key,
        );
        let string = format!("AccountName=a;AccountKey={canary}");
        leaks(
            format!(
                "{:?}",
                User::new()
                    .option("connection_string", &string)
                    .azure("data")
            ),
            key,
        );
    }
    leaks(
        format!("{:?}", User::new().option("key", canary).options),
        "options",
    );
}
