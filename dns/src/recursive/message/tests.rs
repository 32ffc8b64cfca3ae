//! The reader against hickory's, and what each shape of answer means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Message as Oracle, Metadata, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use hickory_proto::rr::{Name, RData, Record as OracleRecord, RecordType};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::query::{Spelling, encode, question_into};
use super::read::{Message, QuestionMatch, Section};
use super::reply::{Asked, Verdict, classify};
use crate::recursive::kind::Kind;
use crate::recursive::wire_name::from_text;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// An answer to `www.a.test A`, to be filled.
fn answer() -> Oracle {
    let mut question = Oracle::query();
    question.add_query(Query::query(name("www.a.test."), RecordType::A));
    let mut reply = Oracle::response(7, question.metadata.op_code);
    reply.metadata = Metadata::response_from_request(&question.metadata);
    reply.metadata.authoritative = true;
    reply.add_query(question.queries[0].clone());
    reply
}

fn record(owner: &str, ttl_s: u32, data: RData) -> OracleRecord {
    OracleRecord::from_rdata(name(owner), ttl_s, data)
}

fn a(owner: &str, ttl_s: u32, last: u8) -> OracleRecord {
    record(owner, ttl_s, RData::A(A(Ipv4Addr::new(192, 0, 2, last))))
}

fn alias(owner: &str, ttl_s: u32, target: &str) -> OracleRecord {
    record(owner, ttl_s, RData::CNAME(CNAME(name(target))))
}

fn soa(owner: &str, ttl_s: u32, minimum_s: u32) -> OracleRecord {
    let data = SOA::new(name(owner), name(owner), 1, 2, 3, 4, minimum_s);
    record(owner, ttl_s, RData::SOA(data))
}

fn ns(owner: &str, target: &str) -> OracleRecord {
    record(owner, 3600, RData::NS(NS(name(target))))
}

/// What the answer means to one who asked the servers of `zone`.
fn verdict_in(zone: &str, reply: &Oracle) -> Verdict {
    let bytes = reply.to_vec().unwrap();
    let message = Message::read(&bytes).unwrap();
    let (asked, zone) = (from_text("www.a.test").unwrap(), from_text(zone));
    classify(
        &message,
        Asked {
            name: &asked,
            zone: zone.as_deref().unwrap_or(&[0]),
            kind: Kind::A,
            ipv6: false,
            recursive: false,
        },
    )
}

fn verdict(reply: &Oracle) -> Verdict {
    verdict_in("a.test", reply)
}

fn v4(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

#[test]
fn a_question_is_what_hickory_reads() {
    let wire = from_text("www.a.test").unwrap();
    for edns in [false, true] {
        let spelling = Spelling {
            case_seed: 0x5555,
            edns,
            recursion: !edns,
        };
        let bytes = encode(4711, &wire, Kind::Aaaa, spelling);
        let read = Oracle::from_vec(&bytes).unwrap();
        assert_eq!(read.metadata.id, 4711);
        assert_eq!(read.metadata.recursion_desired, !edns);
        assert_eq!(read.queries[0].query_type(), RecordType::AAAA);
        assert_eq!(read.queries[0].name(), &name("www.a.test."));
        assert_ne!(read.queries[0].name().to_ascii(), "www.a.test.");
        assert_eq!(
            read.edns.map(|edns| edns.max_payload()),
            edns.then_some(1232)
        );
    }
}

#[test]
fn a_question_is_told_from_others_and_from_other_letters() {
    let bytes = answer().to_vec().unwrap();
    let message = Message::read(&bytes).unwrap();
    let compare = |text: &str, kind, seed| {
        let mut sent = Vec::new();
        question_into(&mut sent, &from_text(text).unwrap(), kind, seed);
        message.question_is(&sent)
    };
    assert_eq!(compare("www.a.test", Kind::A, 0), QuestionMatch::Exact);
    assert_eq!(
        compare("www.a.test", Kind::A, 2),
        QuestionMatch::CaseDiffers
    );
    assert_eq!(compare("www.a.test", Kind::Aaaa, 0), QuestionMatch::Other);
    assert_eq!(compare("www.b.test", Kind::A, 0), QuestionMatch::Other);
}

#[test]
fn addresses_are_taken_with_the_least_ttl_of_the_way() {
    let mut reply = answer();
    reply.add_answer(alias("www.a.test.", 40, "x.a.test."));
    reply.add_answer(alias("x.a.test.", 900, "y.a.test."));
    reply.add_answer(a("y.a.test.", 300, 1));
    reply.add_answer(a("y.a.test.", 200, 2));
    reply.add_answer(a("other.a.test.", 1, 3));
    let expected = Verdict::Addrs {
        addrs: vec![v4(1), v4(2)],
        ttl_s: 40,
    };
    assert_eq!(verdict(&reply), expected);
}

#[test]
fn an_alias_out_of_the_zone_is_not_followed_within_the_answer() {
    let mut reply = answer();
    reply.add_answer(alias("www.a.test.", 40, "x.b.test."));
    reply.add_answer(a("x.b.test.", 300, 1));
    let expected = Verdict::Alias {
        target: from_text("x.b.test").unwrap(),
        ttl_s: 40,
    };
    assert_eq!(verdict(&reply), expected);
    // Even if the answer denies the target, which it cannot know.
    reply.metadata.response_code = ResponseCode::NXDomain;
    assert_eq!(verdict(&reply), expected);
}

#[test]
fn absences_live_as_their_soa_says() {
    let mut reply = answer();
    reply.add_authority(soa("a.test.", 900, 77));
    assert_eq!(verdict(&reply), Verdict::NotFound { ttl_s: 77 });
    reply.metadata.response_code = ResponseCode::NXDomain;
    assert_eq!(verdict(&reply), Verdict::NotFound { ttl_s: 77 });
    let mut bare = answer();
    assert_eq!(verdict(&bare), Verdict::NotFound { ttl_s: 60 });
    bare.metadata.authoritative = false;
    assert_eq!(verdict(&bare), Verdict::Lame);
    bare.metadata.response_code = ResponseCode::NXDomain;
    assert_eq!(verdict(&bare), Verdict::WeakNotFound);
    // Another zone's SOA says nothing.
    bare.add_authority(soa("b.test.", 900, 77));
    assert_eq!(verdict(&bare), Verdict::WeakNotFound);
}

#[test]
fn a_referral_gives_servers_in_bailiwick_and_names_without_address_first() {
    let mut reply = answer();
    reply.metadata.authoritative = false;
    for target in ["ns1.a.test.", "ns2.b.test.", "ns.other.org."] {
        reply.add_authority(ns("a.test.", target));
    }
    reply.add_additional(a("ns1.a.test.", 60, 1));
    reply.add_additional(a("ns2.b.test.", 60, 2));
    reply.add_additional(a("ns.other.org.", 60, 3));
    reply.add_additional(a("unasked.test.", 60, 4));
    let v6 = Ipv6Addr::LOCALHOST;
    reply.add_additional(record("ns1.a.test.", 60, RData::AAAA(AAAA(v6))));
    let Verdict::Referral(referral) = verdict_in("test", &reply) else {
        panic!("no referral")
    };
    assert_eq!(referral.servers, [v4(1), v4(2)]);
    let names = ["ns.other.org", "ns2.b.test"].map(|text| from_text(text).unwrap());
    assert_eq!(referral.names, names);
    assert_eq!((*referral.zone).len(), "a.test".len() + 2);
    assert_eq!(verdict_in("a.test", &reply), Verdict::Lame);
}

#[test]
fn codes_other_than_answers_have_another_server_asked() {
    for (code, expected) in [
        (ResponseCode::ServFail, Verdict::Refused),
        (ResponseCode::Refused, Verdict::Refused),
        (ResponseCode::NotAuth, Verdict::Refused),
        (ResponseCode::FormErr, Verdict::Unsupported),
        (ResponseCode::NotImp, Verdict::Unsupported),
    ] {
        let mut reply = answer();
        reply.metadata.response_code = code;
        assert_eq!(verdict(&reply), expected);
    }
}

#[test]
fn a_pointer_that_leads_forward_or_to_itself_is_malformed() {
    for target in [30_u16, 28, 0x3fff] {
        let mut bytes = answer().to_vec().unwrap();
        assert_eq!(bytes.len(), 28);
        bytes[7] = 1;
        bytes.extend((0xc000 | target).to_be_bytes());
        bytes.extend([0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1]);
        let message = Message::read(&bytes).unwrap();
        assert!(message.records().any(|record| record.is_err()), "{target}");
    }
}

/// A random but well-formed message.
fn random_message(rng: &mut StdRng) -> Oracle {
    let mut reply = answer();
    let owners = [
        "www.a.test.",
        "a.test.",
        "Ns1.A.test.",
        "x.y.z.b.test.",
        ".",
    ];
    for section in 0..3 {
        for _ in 0..rng.random_range(0..6) {
            let owner = owners[rng.random_range(0..owners.len())];
            let other = owners[rng.random_range(0..owners.len())];
            let ttl_s = rng.next_u32() >> 1;
            let one = match rng.random_range(0..5) {
                0 => a(owner, ttl_s, 9),
                1 => record(owner, ttl_s, RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))),
                2 => alias(owner, ttl_s, other),
                3 => soa(owner, ttl_s, 5),
                _ => ns(owner, other),
            };
            match section {
                0 => reply.add_answer(one),
                1 => reply.add_authority(one),
                _ => reply.add_additional(one),
            };
        }
    }
    reply
}

#[test]
fn records_are_what_hickory_wrote() {
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..500 {
        let written = random_message(&mut rng);
        let bytes = written.to_vec().unwrap();
        let message = Message::read(&bytes).unwrap();
        let mut read = message.records();
        for one in written.all_sections() {
            let record = read.next().unwrap().ok().unwrap();
            assert_eq!(record.kind, one.record_type());
            assert_eq!(record.ttl_s, one.ttl);
            let owner = from_text(&one.name.to_ascii()).unwrap_or([0].into());
            assert_eq!(record.owner.as_bytes(), &*owner);
            match &one.data {
                RData::A(A(addr)) => assert_eq!(record.address(), Some((*addr).into())),
                RData::AAAA(AAAA(addr)) => assert_eq!(record.address(), Some((*addr).into())),
                RData::NS(NS(target)) | RData::CNAME(CNAME(target)) => {
                    let target = from_text(&target.to_ascii()).unwrap_or([0].into());
                    assert_eq!(record.target().unwrap().as_bytes(), &*target);
                }
                _ => assert_eq!(record.soa_minimum_s(), Some(5)),
            }
        }
        assert!(read.next().is_none());
    }
}

#[test]
fn no_bytes_make_the_reader_panic_or_go_on_for_ever() {
    let mut rng = StdRng::seed_from_u64(2);
    let mut verdicts = 0;
    for _ in 0..40_000 {
        let mut bytes = random_message(&mut rng).to_vec().unwrap();
        for _ in 0..rng.random_range(1..6) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        bytes.truncate(rng.random_range(0..=bytes.len() + bytes.len() / 2));
        let Some(message) = Message::read(&bytes) else {
            continue;
        };
        assert!(message.section(Section::Answer).count() <= 400);
        let asked = from_text("www.a.test").unwrap();
        for zone in [&asked[4..], &asked[6..], &[0]] {
            verdicts += 1;
            let verdict = classify(
                &message,
                Asked {
                    name: &asked,
                    zone,
                    kind: Kind::A,
                    ipv6: true,
                    recursive: verdicts % 2 == 0,
                },
            );
            if let Verdict::Referral(referral) = verdict {
                assert!(referral.zone.len() > zone.len());
                assert!(referral.names.len() <= 13);
            }
        }
    }
    assert!(verdicts > 20_000, "{verdicts}");
}
