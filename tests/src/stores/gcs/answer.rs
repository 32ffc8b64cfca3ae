//! Owns what the double answers: from a request's head and body to a status, fields and XML. Never keeps anything.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use super::super::http1::Head;
use super::state::{Listing, Object, Page, State};

/// Names of a page where the client does not say how many.
const NAMES_MAX: usize = 1000;

/// An answer that is not yet sent.
pub(super) struct Answer {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

impl Answer {
    fn new(status: u16, body: Vec<u8>) -> Self {
        let reason = match status {
            200..=299 => "OK",
            _ => "Refused",
        };
        let mut head = Head::answer(status, reason);
        if status != 204 {
            head.set("Content-Length", Some(body.len().to_string()));
        }
        Self { head, body }
    }

    fn xml(body: String) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{body}");
        Self::new(200, text.into_bytes()).with("Content-Type", "application/xml")
    }

    fn refusal(status: u16, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
        );
        Self::new(status, body.into_bytes())
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.head.set(name, Some(value.into()));
        self
    }

    fn of(self, object: &Object) -> Self {
        self.with("ETag", object.etag())
            .with("x-goog-generation", object.generation.to_string())
            .with("Last-Modified", rfc1123(object.written))
    }
}

/// A request's target, read.
struct Target {
    bucket: String,
    key: String,
    query: Vec<(String, String)>,
}

impl Target {
    fn of(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let path = decoded(path.trim_start_matches('/'));
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(&value.replace('+', " ")))
        });
        Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            query: query.collect(),
        }
    }

    fn asked(&self, name: &str) -> Option<&str> {
        let mut query = self.query.iter();
        query
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Answers a request.
pub(super) fn to(state: &mut State, head: &Head, body: Vec<u8>) -> Answer {
    let target = Target::of(head.word(1));
    if target.bucket != state.bucket {
        return Answer::refusal(404, "NoSuchBucket");
    }
    let method = head.word(0);
    if target.key.is_empty() {
        return match (method, target.asked("uploads")) {
            ("GET", Some(_)) => uploads(state),
            ("GET", None) => list(state, &target),
            _ => Answer::refusal(405, "MethodNotAllowed"),
        };
    }
    match (method, target.asked("uploadId")) {
        ("POST", None) if target.asked("uploads").is_some() => {
            let id = state.begin(&target.key);
            Answer::xml(format!(
                "<InitiateMultipartUploadResult><Bucket>{}</Bucket><Key>{}</Key><UploadId>{id}</UploadId>\
                 </InitiateMultipartUploadResult>",
                escaped(&target.bucket),
                escaped(&target.key)
            ))
        }
        (_, Some(id)) => of_upload(state, method, id, &target, body),
        ("PUT", None) => put(state, head, &target, body),
        ("DELETE", None) if state.delete(&target.key) => Answer::new(204, Vec::new()),
        ("GET" | "HEAD", None) => match state.object(&target.key) {
            Some(object) => get(object, head),
            None => Answer::refusal(404, "NoSuchKey"),
        },
        ("DELETE", None) => Answer::refusal(404, "NoSuchKey"),
        _ => Answer::refusal(405, "MethodNotAllowed"),
    }
}

fn put(state: &mut State, head: &Head, target: &Target, body: Vec<u8>) -> Answer {
    let wanted = head.field("x-goog-if-generation-match");
    if wanted.is_some_and(|wanted| wanted != state.generation(&target.key).to_string()) {
        return Answer::refusal(412, "PreconditionFailed");
    }
    let Some(source) = head.field("x-goog-copy-source") else {
        let object = state.put(&target.key, body);
        return Answer::new(200, Vec::new()).of(&object);
    };
    let source = Target::of(source);
    let Some(content) = state
        .object(&source.key)
        .map(|object| object.content.clone())
    else {
        return Answer::refusal(404, "NoSuchKey");
    };
    let object = state.put(&target.key, content);
    let etag = escaped(&object.etag());
    Answer::xml(format!(
        "<CopyObjectResult><ETag>{etag}</ETag></CopyObjectResult>"
    ))
    .of(&object)
}

/// A part, the end or the abortion of an upload.
fn of_upload(state: &mut State, method: &str, id: &str, target: &Target, body: Vec<u8>) -> Answer {
    let Some(upload) = state
        .uploads
        .get_mut(id)
        .filter(|upload| upload.key == target.key)
    else {
        return Answer::refusal(404, "NoSuchUpload");
    };
    match method {
        "PUT" => {
            let number = target
                .asked("partNumber")
                .and_then(|number| number.parse().ok());
            let Some(number) = number else {
                return Answer::refusal(400, "InvalidArgument");
            };
            let etag = format!("\"part-{number}-{:x}\"", body.len());
            upload.parts.insert(number, body);
            Answer::new(200, Vec::new()).with("ETag", etag)
        }
        "DELETE" => {
            state.uploads.remove(id);
            Answer::new(204, Vec::new())
        }
        "POST" => {
            let text = String::from_utf8_lossy(&body);
            let mut content = Vec::new();
            for part in text.split("<PartNumber>").skip(1) {
                let number = part
                    .split('<')
                    .next()
                    .and_then(|number| number.parse::<u32>().ok());
                match number.and_then(|number| upload.parts.get(&number)) {
                    Some(part) => content.extend_from_slice(part),
                    None => return Answer::refusal(400, "InvalidPart"),
                }
            }
            state.uploads.remove(id);
            let object = state.put(&target.key, content);
            Answer::xml(format!(
                "<CompleteMultipartUploadResult><Key>{}</Key><ETag>{}</ETag></CompleteMultipartUploadResult>",
                escaped(&target.key),
                escaped(&object.etag())
            ))
            .of(&object)
        }
        _ => Answer::refusal(405, "MethodNotAllowed"),
    }
}

fn get(object: &Object, head: &Head) -> Answer {
    let etag = object.etag();
    if head.field("if-match").is_some_and(|wanted| wanted != etag) {
        return Answer::refusal(412, "PreconditionFailed");
    }
    if head
        .field("if-none-match")
        .is_some_and(|known| known == etag)
    {
        return Answer::new(304, Vec::new()).of(object);
    }
    let length = object.content.len();
    let Some(range) = head.field("range") else {
        return Answer::new(200, object.content.clone()).of(object);
    };
    match bounds(range, length) {
        Some((start, end)) => Answer::new(206, object.content[start..end].to_vec())
            .of(object)
            .with(
                "Content-Range",
                format!("bytes {start}-{}/{length}", end - 1),
            ),
        None => Answer::refusal(416, "InvalidRange"),
    }
}

/// `bytes=A-B`, `bytes=A-` or `bytes=-N` of so many bytes, as a half-open range; `None` where it holds no byte.
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, last.saturating_add(1).min(length)),
        (Ok(first), Err(_)) => (first, length),
        (Err(_), Ok(count)) => (length.saturating_sub(count), length),
        (Err(_), Err(_)) => return None,
    };
    (start < end).then_some((start, end))
}

fn list(state: &State, target: &Target) -> Answer {
    let number = target
        .asked("max-keys")
        .and_then(|number| number.parse().ok());
    let listing = Listing {
        prefix: target.asked("prefix").unwrap_or_default(),
        delimiter: target.asked("delimiter").filter(|text| !text.is_empty()),
        after: target
            .asked("continuation-token")
            .or_else(|| target.asked("start-after"))
            .unwrap_or_default(),
        names_max: number.unwrap_or(NAMES_MAX).min(NAMES_MAX),
    };
    Answer::xml(page(&state.list(&listing)))
}

fn page(page: &Page<'_>) -> String {
    let mut xml = "<ListBucketResult>".to_owned();
    for (key, object) in &page.objects {
        let _ = write!(
            xml,
            "<Contents><Key>{}</Key><Generation>{}</Generation><LastModified>{}</LastModified><ETag>{}</ETag>\
             <Size>{}</Size></Contents>",
            escaped(key),
            object.generation,
            iso8601(object.written),
            escaped(&object.etag()),
            object.content.len()
        );
    }
    for folder in &page.folders {
        let folder = escaped(folder);
        let _ = write!(
            xml,
            "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
        );
    }
    if let Some(next) = &page.next {
        let next = escaped(next);
        let _ = write!(xml, "<NextContinuationToken>{next}</NextContinuationToken>");
    }
    let _ = write!(
        xml,
        "<IsTruncated>{}</IsTruncated></ListBucketResult>",
        page.next.is_some()
    );
    xml
}

fn uploads(state: &State) -> Answer {
    let mut xml = format!(
        "<ListMultipartUploadsResult><Bucket>{}</Bucket><IsTruncated>false</IsTruncated>",
        escaped(&state.bucket)
    );
    for (id, upload) in &state.uploads {
        let _ = write!(
            xml,
            "<Upload><Key>{}</Key><UploadId>{id}</UploadId><Initiated>{}</Initiated></Upload>",
            escaped(&upload.key),
            iso8601(SystemTime::now())
        );
    }
    xml.push_str("</ListMultipartUploadsResult>");
    Answer::xml(xml)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// Percent-encoded text, decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                bytes.push(value);
                rest = &after[2..];
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Year, month, day, day of the week (0 is Sunday) and second of the day.
fn date(time: SystemTime) -> (u64, u64, u64, usize, u64) {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
    // 1 January 1970 was a Thursday.
    let weekday = ((days + 4) % 7) as usize;
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1, weekday, of_day)
}

fn clock(second: u64) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

fn iso8601(time: SystemTime) -> String {
    let (year, month, day, _, second) = date(time);
    format!("{year}-{month:02}-{day:02}T{}.000Z", clock(second))
}

fn rfc1123(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (year, month, day, weekday, second) = date(time);
    let (weekday, month) = (DAYS[weekday], MONTHS[month as usize - 1]);
    format!("{weekday}, {day:02} {month} {year} {} GMT", clock(second))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(rfc1123(at(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso8601(at(951_782_400)), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso8601(at(1_798_675_199)), "2026-12-30T23:59:59.000Z");
    }

    #[test]
    fn ranges_are_held_against_the_length() {
        assert_eq!(bounds("bytes=2-4", 10), Some((2, 5)));
        assert_eq!(bounds("bytes=2-40", 10), Some((2, 10)));
        assert_eq!(bounds("bytes=2-", 10), Some((2, 10)));
        assert_eq!(bounds("bytes=-3", 10), Some((7, 10)));
        assert_eq!(bounds("bytes=10-", 10), None);
        assert_eq!(bounds("lines=1-2", 10), None);
    }
}
