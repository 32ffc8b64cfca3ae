//! Tests what errors of stores mean and say.

use super::*;

fn generic(text: &str) -> object_store::Error {
    object_store::Error::Generic {
        store: "S3",
        source: text.into(),
    }
}

#[test]
fn codes_and_statuses_say_what_an_error_means() {
    let said = |status: &str, code: &str| {
        generic(&format!(
            "Error performing PUT http://h/b/k in 2ms - Server returned non-2xx status code: {status}: \
             <Error><Code>{code}</Code><Message>why</Message></Error>"
        ))
    };
    for (error, kind) in [
        (said("503 Slow Down", "SlowDown"), Kind::SlowDown),
        (
            said("500 Internal Server Error", "InternalError"),
            Kind::Away,
        ),
        (said("400 Bad Request", "ExpiredToken"), Kind::Expired),
        (said("400 Bad Request", "RequestTimeout"), Kind::Away),
        (
            said("403 Forbidden", "SignatureDoesNotMatch"),
            Kind::Credentials,
        ),
        (
            said("403 Forbidden", "RequestTimeTooSkewed"),
            Kind::Credentials,
        ),
        (said("403 Forbidden", "AccessDenied"), Kind::Denied),
        (said("404 Not Found", "NoSuchBucket"), Kind::NoBucket),
        (said("404 Not Found", "NoSuchUpload"), Kind::NoUpload),
        (
            said("301 Moved Permanently", "PermanentRedirect"),
            Kind::Region,
        ),
        (
            said("409 Conflict", "ConditionalRequestConflict"),
            Kind::Away,
        ),
        (said("403 Forbidden", "QuotaExceeded"), Kind::Full),
        (said("418 Teapot", "Unheard"), Kind::Other),
    ] {
        assert_eq!(kind_of(&error), kind, "{error}");
    }
    let text = StorageError::of("put x".into(), said("403 Forbidden", "AccessDenied")).to_string();
    assert_eq!(text, "put x: the store denies it (AccessDenied: why)");
}

#[test]
fn a_query_is_not_shown() {
    let error = generic("error sending request for url (http://h/b?X-Amz-Signature=secret)");
    let text = StorageError::of("read x".into(), error).to_string();
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn places_without_credentials_are_shown_whole_and_long_words_of_stores_are_not() {
    let place = "~/.config/gcloud/application_default_credentials.json";
    let none = object_store::Error::Unauthenticated {
        path: String::new(),
        source: Box::new(NoCredentials(format!("none in {place}"))),
    };
    let error = StorageError::of("read x".into(), none);
    assert_eq!(error.kind, Kind::Credentials);
    assert!(error.to_string().contains(place), "{error}");
    let long = "t".repeat(60);
    let body = format!("status code: 403: <Code>AccessDenied</Code><Message>{long}</Message>");
    let error = StorageError::of("read x".into(), generic(&body));
    assert!(!format!("{error} {error:?}").contains(&long), "{error}");
}
