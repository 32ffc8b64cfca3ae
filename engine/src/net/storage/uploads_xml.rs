//! Owns the listing of uploads as S3 and Google Cloud Storage answer it: pages of XML. Never sends a request.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use object_store::{Error, Result};
use serde::Deserialize;

use super::upload::Unfinished;

/// One page.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
    upload: Vec<Upload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
    initiated: Option<String>,
}

/// All pages of uploads below a folder.
#[derive(Debug)]
pub(super) struct Pages {
    /// What the keys begin with: the folder and a slash; empty for the whole bucket.
    prefix: String,
    found: Vec<Unfinished>,
    /// The key and the upload after which the next page begins; empty at the first, and where a store tells
    /// one of them only.
    marker: (String, String),
}

impl Pages {
    /// Of a folder, whose key may be empty.
    pub(super) fn of(folder: &str) -> Self {
        let mut prefix = folder.to_owned();
        if !prefix.is_empty() {
            prefix.push('/');
        }
        Self {
            prefix,
            found: Vec::new(),
            marker: (String::new(), String::new()),
        }
    }

    /// The query of the next page.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        let mut query = vec![("uploads".to_owned(), String::new())];
        if !self.prefix.is_empty() {
            query.push(("prefix".to_owned(), self.prefix.clone()));
        }
        let (key, id) = &self.marker;
        // SeaweedFS tells the second alone, and with a key lists that key only.
        for (name, value) in [("key-marker", key), ("upload-id-marker", id)] {
            if !value.is_empty() {
                query.push((name.to_owned(), value.clone()));
            }
        }
        query
    }

    /// Reads a page; whether there is another.
    ///
    /// # Errors
    /// An answer that is no page, or that does not come to an end.
    pub(super) fn add(&mut self, store: &'static str, answer: &str) -> Result<bool> {
        let odd = |source| Error::Generic { store, source };
        let page: Page = quick_xml::de::from_str(answer).map_err(|error| odd(error.into()))?;
        let mut marker = (page.next_key_marker, page.next_upload_id_marker);
        if let Some(last) = page.upload.last()
            && marker.0.is_empty()
            && marker.1.is_empty()
        {
            marker = (last.key.clone(), last.upload_id.clone());
        }
        for upload in page.upload {
            // Some stores do not look at the prefix.
            if upload.key.starts_with(&self.prefix) {
                self.found.push(Unfinished {
                    since: upload.initiated.as_deref().and_then(time),
                    key: upload.key,
                    id: upload.upload_id,
                });
            }
        }
        if page.is_truncated && marker == self.marker {
            return Err(odd("the listing of uploads does not go on".into()));
        }
        self.marker = marker;
        Ok(page.is_truncated)
    }

    /// What all pages together have.
    pub(super) fn found(self) -> Vec<Unfinished> {
        self.found
    }
}

fn time(text: &str) -> Option<SystemTime> {
    let time: DateTime<Utc> = text.trim().parse().ok()?;
    Some(time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(uploads: &[(&str, &str)], more: &str) -> String {
        let uploads: Vec<_> = uploads
            .iter()
            .map(|(key, id)| {
                format!(
                    "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiator><ID>x</ID></Initiator>\
                     <Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>"
                )
            })
            .collect();
        format!(
            "<?xml version=\"1.0\"?>\n<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Bucket>b</Bucket>{}{more}</ListMultipartUploadsResult>",
            uploads.concat()
        )
    }

    #[test]
    fn pages_follow_one_another_to_the_last() {
        let mut pages = Pages::of("a/out");
        assert_eq!(
            pages.query(),
            [("uploads", ""), ("prefix", "a/out/")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
        let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>a/out/1</NextKeyMarker>\
                    <NextUploadIdMarker>two</NextUploadIdMarker>";
        let first = page(&[("a/out/1&amp;2", "one"), ("a/output/1", "no")], more);
        assert!(pages.add("S3", &first).expect("a page"));
        let query = pages.query();
        assert_eq!(query[2].1, "a/out/1");
        assert_eq!(query[3].1, "two");
        let last = page(&[("a/out/3", "three")], "<IsTruncated>false</IsTruncated>");
        assert!(!pages.add("S3", &last).expect("a page"));
        let found = pages.found();
        let keys: Vec<_> = found.iter().map(|upload| upload.key.as_str()).collect();
        assert_eq!(keys, ["a/out/1&2", "a/out/3"]);
        let since = found[0].since.expect("a time");
        let since = since
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970");
        assert_eq!(since.as_secs(), 1_767_323_045);
    }

    #[test]
    fn a_page_without_a_marker_goes_on_after_its_last_upload() {
        let mut pages = Pages::of("");
        assert_eq!(pages.query().len(), 1);
        let more = "<IsTruncated>true</IsTruncated><NextKeyMarker></NextKeyMarker>";
        let answer = page(&[("1", "one")], more);
        assert!(pages.add("S3", &answer).expect("a page"));
        assert_eq!(pages.query()[1].1, "1");
        // The same page again would never end.
        pages.add("S3", &answer).expect_err("no end");
    }

    #[test]
    fn a_marker_that_is_half_given_stays_so() {
        let mut pages = Pages::of("");
        let more = "<IsTruncated>true</IsTruncated><NextUploadIdMarker>one</NextUploadIdMarker>";
        assert!(
            pages
                .add("S3", &page(&[("1", "one")], more))
                .expect("a page")
        );
        let query = pages.query();
        assert_eq!(query[1], ("upload-id-marker".to_owned(), "one".to_owned()));
        assert_eq!(query.len(), 2);
    }

    #[test]
    fn an_empty_listing_and_another_answer_differ() {
        let mut pages = Pages::of("a");
        assert!(!pages.add("S3", &page(&[], "")).expect("a page"));
        assert!(pages.found().is_empty());
        Pages::of("a")
            .add("S3", "<html><body>hello</p>")
            .expect_err("no page");
    }
}
