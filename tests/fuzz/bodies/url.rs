//! A URL of the list and a Location of a server. Nothing of what parses can end a request line or begin
//! a header, and what is written into a request reads back as the same target: the host that is filtered
//! is the host that is asked.

use arbitrary::{Arbitrary, Unstructured};
use turbo2ds::http::{RedirectChain, RequestForm, Sender, Target, write_request};

/// One input.
pub fn run(input: &[u8]) {
    let Ok((text, location)) = <(&str, &[u8])>::arbitrary_take_rest(Unstructured::new(input))
    else {
        return;
    };
    if let Ok(target) = Target::parse(text) {
        check(&target);
        if let Ok(next) = target.join(location) {
            check(&next);
        }
    }
    let from = Target::parse("https://a.test/b/c?d").expect("a plain URL");
    if let Ok(next) = from.join(location) {
        check(&next);
    }
}

fn check(target: &Target) {
    assert!(target.port != 0);
    let plain = |text: &str| text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    assert!(plain(target.authority()) && plain(&target.connect_authority()));
    assert!(plain(target.path_and_query()) && target.path_and_query().starts_with('/'));
    let mut request = Vec::new();
    write_request(
        &mut request,
        RedirectChain::new(target).hop(),
        RequestForm::Absolute,
        &Sender::new("turbo2ds"),
        None,
    );
    let request = String::from_utf8(request).expect("a request is ASCII");
    assert!(request.ends_with("\r\n\r\n"));
    let absolute = request.split(' ').nth(1).expect("a request line");
    let again = Target::parse(absolute).expect("what was asked for is a URL");
    assert_eq!(
        (again.port, again.authority()),
        (target.port, target.authority())
    );
    assert_eq!(format!("{:?}", again.host), format!("{:?}", target.host));
    assert_eq!(again.path_and_query(), target.path_and_query());
}
