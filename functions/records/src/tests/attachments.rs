//! What documents hold: uploaded, signed, read, replaced and removed, and whatever breaks off on the way.

use crypto::CHUNK;

use super::*;

const MIB: usize = 1024 * 1024;
const LONGEST: usize = 25 * MIB;

fn document(media_type: &str) -> Value {
    json!({"kind": "document", "status": "draft", "content": {"title": "SECRET referral", "media_type": media_type}})
}

/// Bytes of which no two chunks are alike, and that say something.
fn plain(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length)
        .map(|at| u8::try_from((at / 251 + at % 251) % 256).unwrap())
        .collect();
    for (at, letter) in b"SECRET letter".iter().enumerate().take(length) {
        bytes[at] = *letter;
    }
    bytes
}

impl Practice {
    fn begin(&self, key: &str) -> String {
        let call = Call::post(self.path(RECORDS), &document("application/pdf")).once(key);
        let written = self.as_clinician(call);
        assert_eq!(written.status, 201, "{}", written.json);
        written.text("id")
    }

    fn uploading(&self, record: &str, version: u64, content: Vec<u8>) -> Call {
        self.of_version(Method::PUT, &format!("/{record}/content"), version)
            .header("content-type", "application/pdf")
            .header("content-length", &content.len().to_string())
            .body(content)
    }

    fn download(&self, record: &str) -> Answer {
        let call = Call::get(format!("{}/{record}/content", self.path(RECORDS)));
        Answer::from(self.world.serve(
            Function::Records,
            &ROUTES,
            &call.bearer(&self.clinician.token).request(),
        ))
    }

    /// A draft at version 2 that holds this.
    fn uploaded(&self, key: &str, content: &[u8]) -> String {
        let record = self.begin(key);
        let uploaded = self.send(&self.uploading(&record, 1, content.to_vec()));
        assert_eq!(uploaded.status, 200, "{}", uploaded.json);
        record
    }

    /// The chunks that there are, by key.
    fn chunks(&self) -> Vec<String> {
        let dump = self.world.stores.dump().into_iter();
        dump.filter(|(store, key, _)| store == "health" && key.starts_with("once/") && !key.contains("segment"))
            .map(|(_, key, _)| key)
            .collect()
    }

    /// How many contents there are anything of.
    fn contents(&self) -> usize {
        let names: BTreeSet<String> = self
            .chunks()
            .iter()
            .map(|key| key.rsplit_once('/').unwrap().0.to_owned())
            .collect();
        names.len()
    }

    fn discard_of(&self, record: &str, version: u64) -> Call {
        self.of_version(Method::DELETE, &format!("/{record}"), version)
    }
}

#[test]
fn a_document_from_its_draft_to_its_signature() {
    let practice = Practice::new();
    let record = practice.begin("begin");
    assert_eq!(practice.read(&record).json.get("attachment"), None);
    assert_refused(&practice.download(&record), 404, "not-found");
    assert_refused(
        &practice.send(&practice.signing(&record, 1, &json!({}))),
        409,
        "no-content",
    );

    let content = plain(CHUNK + 1);
    practice.world.clock.advance(SignedDuration::from_mins(1));
    let uploaded = practice.send(&practice.uploading(&record, 1, content.clone()));
    let attachment = json!({"size": CHUNK + 1, "attached_at": now_text(&practice)});
    assert_eq!(
        (uploaded.status, uploaded.header("etag")),
        (200, Some("\"v2\"")),
        "{}",
        uploaded.json
    );
    assert_eq!(uploaded.json["attachment"], attachment);
    assert_eq!(practice.event(&uploaded).action, Action::Amend);
    assert_eq!(practice.read(&record).json, uploaded.json);
    assert_eq!(practice.drafts(), [record.as_str()]);

    // What a draft holds is its author's alone.
    let theirs = Call::get(format!("{}/{record}/content", practice.path(RECORDS)));
    assert_refused(&practice.as_colleague(theirs.clone()), 404, "not-found");
    assert_eq!(practice.download(&record).bytes(), content);

    let signed = practice.send(&practice.signing(&record, 2, &json!({})));
    assert_eq!(
        (signed.status, &signed.json["attachment"]),
        (200, &attachment),
        "{}",
        signed.json
    );
    let client = client_token(&practice);
    for token in [&practice.clinician.token, &practice.colleague.token, &client] {
        let read = practice.send(&theirs.clone().bearer(token));
        assert_eq!((read.status, read.bytes()), (200, content.as_slice()));
        for (name, value) in [
            ("content-type", "application/pdf"),
            ("content-disposition", "attachment"),
            ("content-length", &*content.len().to_string()),
            ("etag", "\"v3\""),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(read.header(name), Some(value));
        }
        assert_eq!(read.header("part-2-notice"), None);
        let event = practice.event(&read);
        assert_eq!(
            (event.action, event.class, event.decision),
            (Action::Read, DataClass::Health, Decision::Allowed)
        );
    }

    // Signed, it holds what it holds.
    assert_refused(
        &practice.send(&practice.uploading(&record, 3, plain(1))),
        409,
        "was-signed",
    );
    let amend = |media_type: &str| {
        let content = json!({"title": "SECRET title", "media_type": media_type, "type": {"text": "letter"},
            "dated_at": "2026-11", "replaces": record});
        let body = json!({"reason": "SECRET", "record": {"kind": "document", "content": content}});
        practice.send(&practice.of_version(Method::PUT, &format!("/{record}"), 3).json(&body))
    };
    assert_refused(&amend("image/png"), 409, "media-type-differs");
    let amended = amend("application/pdf");
    assert_eq!(
        (amended.status, &amended.json["attachment"]),
        (200, &attachment),
        "{}",
        amended.json
    );
    assert_eq!(practice.download(&record).bytes(), content);
    assert_eq!(practice.versions(&record), [4, 3, 2, 1]);
    assert!(practice.world.log().is_empty(), "{:?}", practice.world.log());
}

#[test]
fn a_document_begins_as_a_draft_of_a_kind_that_no_browser_runs() {
    let practice = Practice::new();
    for status in [None, Some("signed")] {
        let mut body = document("application/pdf");
        body["status"] = json!(status);
        let refused = practice.as_clinician(Call::post(practice.path(RECORDS), &body).once("begin"));
        assert_violates(&refused, 422, "/status", "draft");
    }
    for media_type in [
        "text/html",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "text/javascript",
        "application/PDF",
        "",
    ] {
        let refused = practice.as_clinician(Call::post(practice.path(RECORDS), &document(media_type)).once("begin"));
        assert_eq!(refused.status, 400, "{media_type}");
    }
    for (number, media_type) in ["text/plain", "audio/mpeg", "image/heic", "application/dicom"]
        .iter()
        .enumerate()
    {
        let begin = Call::post(practice.path(RECORDS), &document(media_type)).once(&format!("{number}"));
        let record = practice.as_clinician(begin).text("id");
        let call = practice
            .of_version(Method::PUT, &format!("/{record}/content"), 1)
            .body("She slept.");
        let uploaded = practice.send(&call.header("content-type", &format!("{media_type}; charset=utf-8")));
        assert_eq!(uploaded.status, 200, "{}", uploaded.json);
        assert_eq!(practice.download(&record).header("content-type"), Some(*media_type));
    }
    let mut late = document("application/pdf");
    late["content"]["dated_at"] = json!("2027");
    late["content"]["title"] = json!("x".repeat(501));
    let refused = practice.as_clinician(Call::post(practice.path(RECORDS), &late).once("late"));
    assert_violates(&refused, 422, "/content/title", "length");
}

#[test]
fn every_length_up_to_the_longest_comes_back() {
    let practice = Practice::new();
    let record = practice.begin("begin");
    for (version, length) in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, LONGEST].into_iter().enumerate() {
        let content = plain(length);
        let version = u64::try_from(version).unwrap() + 1;
        let call = practice.uploading(&record, version, content.clone());
        practice.begin_chains();
        practice.world.stores.disarm();
        let uploaded = practice.send(&call);
        assert_eq!(
            (uploaded.status, &uploaded.json["attachment"]["size"]),
            (200, &json!(length)),
            "{}",
            uploaded.json
        );
        // The chunks of a MiB become durable at once, whatever else an upload does.
        let trace = practice.world.stores.trace();
        let of_chunks = trace
            .iter()
            .filter(|operation| operation.starts_with("health set-many"));
        assert_eq!(of_chunks.count(), length.div_ceil(MIB).max(1), "{trace:?}");
        let rest = trace
            .iter()
            .filter(|operation| !operation.contains(" get ") && !operation.contains("set-many"));
        // The trail, the note of it, history, record, and that what was there before is noted no more, which is removed by two more at most;
        // the first begins two of these.
        let most = if version == 1 { 16 } else { 7 };
        assert!(rest.count() <= most, "{trace:?}");
        let read = practice.download(&record);
        assert!(read.status == 200 && read.bytes() == content, "{length}");
        // Of what it held before nothing is left.
        assert_eq!(
            (practice.contents(), practice.chunks().len()),
            (1, length.div_ceil(CHUNK).max(1))
        );
    }
    let before = practice.state();
    let stored = practice.chunks();
    // Too long by its own account nothing of it is read, by what arrives it is broken off, and leaves nothing.
    let too_long = plain(LONGEST + 1);
    practice.world.stores.disarm();
    assert_refused(
        &practice.send(&practice.uploading(&record, 7, too_long.clone())),
        413,
        "body-too-large",
    );
    assert_eq!(practice.world.stores.operations(), 0);
    assert!(practice.state() == before);
    let unsaid = practice
        .of_version(Method::PUT, &format!("/{record}/content"), 7)
        .header("content-type", "application/pdf")
        .body(too_long);
    assert_refused(&practice.send(&unsaid), 413, "body-too-large");
    assert_eq!(practice.chunks(), stored);
    assert_eq!(practice.read(&record).json["version"], 7);
    assert_eq!(practice.download(&record).bytes().len(), LONGEST);
}

#[test]
fn what_is_no_upload_changes_nothing() {
    let practice = Practice::new();
    let record = practice.begin("begin");
    let another = practice.write("note", "SECRET");
    let of = |record: &str, version, media_type: &str| {
        practice
            .of_version(Method::PUT, &format!("/{record}/content"), version)
            .header("content-type", media_type)
            .body("SECRET")
    };
    practice.world.stores.disarm();
    let missing = practice.world.entropy.id::<model::kind::Record>().to_string();
    let client = client_token(&practice);
    let state = practice.state();
    for (call, status, problem) in [
        (of(&record, 1, "image/png"), 415, "unsupported-media-type"),
        (of(&record, 2, "application/pdf"), 412, "stale-version"),
        (of(&another, 1, "application/pdf"), 409, "no-document"),
        (of(&missing, 1, "application/pdf"), 404, "not-found"),
        (
            of(&record, 1, "application/pdf").header("content-length", "-1"),
            400,
            "malformed-request",
        ),
        (
            of(&record, 1, "application/pdf").header("content-length", "26214401"),
            413,
            "body-too-large",
        ),
    ] {
        assert_refused(&practice.send(&call), status, problem);
        assert!(practice.state() == state, "{problem}");
    }
    let own = format!("{}/{record}/content", practice.path(RECORDS));
    let unseen = Call::new(Method::PUT, &own)
        .header("content-type", "application/pdf")
        .body("SECRET");
    assert_refused(&practice.as_clinician(unseen.clone()), 428, "precondition-required");
    let theirs = unseen.header("if-match", "\"v1\"");
    assert_refused(&practice.as_colleague(theirs.clone()), 404, "not-found");
    assert_refused(&practice.send(&theirs.bearer(&client)), 403, "access-denied");
    assert!(practice.state() == state);

    // Bytes that do not come, too few of them, and more than were said: nothing is kept.
    for call in [
        of(&record, 1, "application/pdf").broken_off(),
        of(&record, 1, "application/pdf").body(plain(5 * CHUNK)).broken_off(),
        of(&record, 1, "application/pdf").header("content-length", "7"),
        of(&record, 1, "application/pdf").header("content-length", "5"),
    ] {
        assert_refused(&practice.send(&call), 400, "broken-body");
        assert_eq!(
            (practice.contents(), &practice.read(&record).json["version"]),
            (0, &json!(1))
        );
    }
    let notes = practice.path(NOTES);
    let note = practice
        .as_clinician(Call::post(&notes, &note("SECRET")).once("note"))
        .text("id");
    for method in [Method::GET, Method::PUT] {
        let call = Call::new(method, format!("{notes}/{note}/content"));
        assert_refused(&practice.as_clinician(call), 404, "no-such-route");
    }
    assert!(practice.world.log().is_empty());
}

#[test]
fn card_numbers_are_looked_for_in_text() {
    let practice = Practice::new();
    let begin = Call::post(practice.path(RECORDS), &document("text/plain")).once("begin");
    let record = practice.as_clinician(begin).text("id");
    let mut text = vec![b'a'; CHUNK - 8];
    text.extend_from_slice(b" 4111 1111 1111 1111 ");
    let call = practice
        .of_version(Method::PUT, &format!("/{record}/content"), 1)
        .header("content-type", "text/plain");
    assert_refused(
        &practice.send(&call.clone().body(text.clone())),
        422,
        "payment-card-data",
    );
    assert_eq!(practice.contents(), 0);
    text[CHUNK - 7] = b'1';
    assert_eq!(practice.send(&call.body(text)).status, 200);
    // Bytes of other formats are no text.
    let scan = practice.begin("scan");
    assert_eq!(
        practice
            .send(&practice.uploading(&scan, 1, b"4111111111111111".to_vec()))
            .status,
        200
    );
}

#[test]
fn what_was_returned_holds_what_the_supervisor_saw() {
    let practice = Practice::new();
    let supervisor = practice.supervisor();
    let record = practice.uploaded("begin", b"SECRET");
    let signed = practice.send(&practice.signing(&record, 2, &json!({"cosigner": supervisor.account})));
    assert_eq!(signed.status, 200, "{}", signed.json);
    let body = json!({"reason": "SECRET the wrong one"});
    let give_back =
        Call::post(format!("{}/{record}/return", practice.path(RECORDS)), &body).header("if-match", "\"v3\"");
    assert_eq!(practice.send(&give_back.bearer(&supervisor.token)).status, 204);
    assert_refused(
        &practice.send(&practice.uploading(&record, 4, plain(1))),
        409,
        "was-signed",
    );
    assert_eq!(practice.download(&record).bytes(), b"SECRET");
}

/// Whatever breaks off, the draft holds what it held before or what was uploaded; the next upload leaves one content, and none is lost.
#[test]
fn an_upload_that_breaks_off_anywhere_is_made_good_by_the_next() {
    for holds in [false, true] {
        let (practice, record, version) = {
            let practice = Practice::new();
            let (record, version) = match holds {
                true => (practice.uploaded("begin", b"SECRET before"), 2),
                false => (practice.begin("begin"), 1),
            };
            practice.begin_chains();
            (practice, record, version)
        };
        let (stored, start) = (practice.world.stores.dump(), practice.world.clock.now());
        let (content, next) = (plain(5 * CHUNK), plain(3));
        let call = practice.uploading(&record, version, content.clone());
        for fault in Fault::ALL {
            for nth in 0.. {
                let case = format!("{holds} {fault:?} {nth}");
                practice.world.stores.restore(&stored);
                // Back in time as well: a session ends where it is idle.
                practice
                    .world
                    .clock
                    .advance(start.duration_since(practice.world.clock.now()));
                practice.world.stores.arm(nth, fault);
                let first = survive(|| practice.send(&call));
                let reached = practice.world.stores.operations() > nth;
                practice.world.stores.disarm();
                practice.world.clock.advance(SignedDuration::from_secs(61));
                practice.assert_whole();
                let now = practice.read(&record).json["version"].as_u64().unwrap();
                let is_attached = now == version + 1;
                assert!(is_attached || now == version, "{case}");
                match &first {
                    Some(first) if first.status == 200 => assert!(is_attached, "{case}"),
                    Some(first) => assert_eq!(first.status, 503, "{case}: {}", first.json),
                    None => {}
                }
                let held = practice.download(&record);
                match (is_attached, holds) {
                    (true, _) => assert!(held.bytes() == content, "{case}"),
                    (false, true) => assert_eq!(held.bytes(), b"SECRET before", "{case}"),
                    (false, false) => assert_eq!(held.status, 404, "{case}"),
                }
                // The same again is told to look.
                let again = practice.send(&call);
                assert_eq!(
                    again.status,
                    if is_attached { 412 } else { 200 },
                    "{case}: {}",
                    again.json
                );
                let last = practice.send(&practice.uploading(&record, version + 1, next.clone()));
                assert_eq!(last.status, 200, "{case}: {}", last.json);
                assert_eq!(practice.download(&record).bytes(), next, "{case}");
                assert_eq!((practice.contents(), practice.chunks().len()), (1, 1), "{case}");
                assert_eq!(
                    practice
                        .send(&practice.signing(&record, version + 2, &json!({})))
                        .status,
                    200,
                    "{case}"
                );
                assert_eq!(practice.download(&record).bytes(), next, "{case}");
                if !reached {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_discarded_document_leaves_nothing_of_its_content_wherever_that_breaks_off() {
    at_every_crash_point(
        |practice| {
            let record = practice.uploaded("begin", &plain(2 * CHUNK));
            // An upload that died, and left its chunks.
            let dying = practice.uploading(&record, 2, plain(9 * CHUNK));
            practice.begin_chains();
            practice.world.stores.disarm();
            let stored = practice.world.stores.dump();
            assert_eq!(practice.send(&dying).status, 200);
            let trace = practice.world.stores.trace();
            let nth = trace
                .iter()
                .rposition(|operation| operation.starts_with("health set-many"));
            practice.world.stores.restore(&stored);
            practice.world.stores.arm(nth.unwrap(), Fault::KilledAfter);
            assert!(survive(|| practice.send(&dying)).is_none());
            practice.world.stores.disarm();
            assert_eq!(practice.contents(), 2);
            practice.discard_of(&record, 2)
        },
        |practice, answer| {
            assert_eq!(answer.status, 204);
            assert_eq!(practice.chunks(), [""; 0]);
        },
    );
}

/// However two uploads of one draft meet, one is what it holds, and it alone is kept.
#[test]
fn of_two_uploads_one_is_attached() {
    at_every_interleaving(
        |practice| {
            let record = practice.uploaded("begin", b"SECRET");
            (
                practice.uploading(&record, 2, plain(5 * CHUNK)),
                practice.uploading(&record, 2, plain(CHUNK)),
            )
        },
        |practice, call| practice.send(call),
        |practice, first, second| {
            let made: Vec<_> = [(first, 5 * CHUNK), (second, CHUNK)]
                .into_iter()
                .filter(|(answer, _)| answer.status == 200)
                .collect();
            let [(answer, length)] = made.as_slice() else {
                panic!("{} {}", first.json, second.json)
            };
            for other in [first, second] {
                assert!(matches!(other.status, 200 | 412 | 503), "{}", other.json);
            }
            let record = answer.text("id");
            assert!(practice.download(&record).bytes() == plain(*length));
            assert_eq!((practice.contents(), practice.chunks().len()), (1, length / CHUNK));
        },
    );
}

/// What is signed is what the author had before her, whatever is uploaded meanwhile.
#[test]
fn an_upload_that_meets_a_signature_or_a_discard() {
    for (upload_first, discards) in [(true, false), (false, false), (true, true), (false, true)] {
        at_every_interleaving(
            move |practice| {
                let record = practice.uploaded("begin", b"SECRET");
                let upload = practice.uploading(&record, 2, plain(5 * CHUNK));
                let other = match discards {
                    true => practice.discard_of(&record, 2),
                    false => practice.signing(&record, 2, &json!({})),
                };
                if upload_first { (upload, other) } else { (other, upload) }
            },
            |practice, call| practice.send(call),
            move |practice, first, second| {
                let (upload, other) = if upload_first { (first, second) } else { (second, first) };
                assert_ne!(
                    upload.status == 200,
                    matches!(other.status, 200 | 204),
                    "{} {}",
                    upload.json,
                    other.json
                );
                let contents = practice.contents();
                if upload.status == 200 {
                    assert!(practice.download(&upload.text("id")).bytes() == plain(5 * CHUNK));
                    assert_eq!(contents, 1);
                } else if discards {
                    assert_eq!(contents, 0);
                } else {
                    assert_eq!(practice.download(&other.text("id")).bytes(), b"SECRET");
                    assert_eq!(contents, 1);
                }
            },
        );
    }
}

/// A draft that is given another content while it is read is no violation of anything.
#[test]
fn a_content_that_is_replaced_while_it_is_read() {
    at_every_interleaving(
        |practice| {
            let record = practice.uploaded("begin", &plain(2 * CHUNK));
            let read = Call::get(format!("{}/{record}/content", practice.path(RECORDS)));
            (
                read.bearer(&practice.clinician.token),
                practice.uploading(&record, 2, plain(3 * CHUNK)),
            )
        },
        |practice, call| practice.send(call),
        |practice, read, upload| {
            assert_eq!(upload.status, 200, "{}", upload.json);
            match read.status {
                // The whole of one of them, or a part that is known to be one by its length.
                200 => {
                    let length: usize = read.header("content-length").unwrap().parse().unwrap();
                    assert!(plain(length).starts_with(read.bytes()));
                }
                _ => assert_refused(read, 503, "unavailable"),
            }
            assert!(practice.world.log().is_empty(), "{:?}", practice.world.log());
        },
    );
}

/// An upload that takes longer than others wait before they remove it is not attached.
#[test]
fn an_upload_that_takes_too_long_is_not_attached() {
    for (minutes, status) in [(59, 200), (60, 400)] {
        let practice = Rc::new(Practice::new());
        let record = practice.begin("begin");
        practice.begin_chains();
        let call = practice.uploading(&record, 1, plain(5 * CHUNK));
        let stored = practice.world.stores.dump();
        practice.world.stores.disarm();
        assert_eq!(practice.send(&call).status, 200);
        let trace = practice.world.stores.trace();
        practice.world.stores.restore(&stored);
        let is_chunks = |operation: &String| operation.starts_with("health set-many");
        let other = Rc::clone(&practice);
        practice
            .world
            .stores
            .meanwhile(trace.iter().rposition(is_chunks).unwrap(), move || {
                other.world.clock.advance(SignedDuration::from_mins(minutes));
            });
        let answer = practice.send(&call);
        practice.world.stores.disarm();
        assert_eq!(answer.status, status, "{}", answer.json);
        assert_eq!(practice.contents(), usize::from(status == 200));
    }
}

/// Uploads that die leave no more than so much, and once they are old the next one takes it away.
#[test]
fn what_dying_uploads_leave_is_bounded() {
    let practice = Practice::new();
    let record = practice.begin("begin");
    practice.begin_chains();
    let call = practice.uploading(&record, 1, plain(CHUNK));
    let mut refused = None;
    for _ in 0..10 {
        let stored = practice.world.stores.dump();
        practice.world.stores.disarm();
        let answer = practice.send(&call);
        let trace = practice.world.stores.trace();
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
        let nth = trace
            .iter()
            .position(|operation| operation.starts_with("health set-many"))
            .unwrap();
        practice.world.stores.restore(&stored);
        practice.world.stores.arm(nth, Fault::KilledAfter);
        // Another audit chain may come first by another id: where it dies is not where it matters.
        let _ = survive(|| practice.send(&call));
        practice.world.stores.disarm();
    }
    let refused = refused.expect("a bound");
    assert_refused(&refused, 429, "too-many-requests");
    assert!(refused.header("retry-after").is_some());
    assert!(practice.contents() <= 8);
    practice.world.clock.advance(SignedDuration::from_hours(2));
    let token = log_in(
        &practice.world,
        &[Role::Clinician],
        practice.clinic,
        practice.clinician.account,
        None,
    );
    let anew = Call::new(Method::PUT, format!("{}/{record}/content", practice.path(RECORDS)))
        .header("if-match", "\"v1\"")
        .header("content-type", "application/pdf")
        .body(plain(CHUNK))
        .bearer(&token);
    assert_eq!(practice.send(&anew).status, 200);
    assert_eq!(practice.contents(), 1);
}

#[test]
fn a_content_that_was_tampered_with_is_not_returned() {
    let practice = Practice::new();
    let record = practice.uploaded("one", &plain(3 * CHUNK));
    let other = practice.uploaded("two", &plain(3 * CHUNK));
    let whole = practice.world.stores.dump();
    let is_chunk = |(store, key, _): &(String, String, Vec<u8>)| store == "health" && key.starts_with("once/");
    let of = |number: usize| {
        let end = format!("/{number}");
        let found: Vec<usize> = (0..whole.len())
            .filter(|at| is_chunk(&whole[*at]) && whole[*at].1.ends_with(&end))
            .collect();
        let [one, two] = found.try_into().unwrap();
        (one, two)
    };
    let refused = |case: &str, broken_at: usize| {
        let mut broken = 0;
        for record in [&record, &other] {
            let read = practice.download(record);
            if read.status == 500 {
                assert_refused(&read, 500, "integrity-violation");
                assert!(read.header("audit-id").is_some());
                broken += 1;
            } else {
                assert_eq!(read.status, 200);
                assert!(plain(3 * CHUNK).starts_with(read.bytes()), "{case}");
                if read.bytes().len() < 3 * CHUNK {
                    assert_eq!(read.bytes().len(), broken_at * CHUNK, "{case}");
                    broken += 1;
                }
            }
        }
        assert!(broken > 0, "{case}");
        assert!(
            practice
                .world
                .log()
                .iter()
                .any(|line| line.contains("integrity violation"))
        );
        broken
    };
    for number in 0..3 {
        let (one, two) = of(number);
        let mut flipped = whole.clone();
        flipped[one].2[17] ^= 1;
        let mut cut = whole.clone();
        cut[one].2.pop();
        let mut gone = whole.clone();
        gone.remove(one);
        let mut exchanged = whole.clone();
        (exchanged[one].2, exchanged[two].2) = (whole[two].2.clone(), whole[one].2.clone());
        for (case, changed, wanted) in [
            ("flipped", flipped, 1),
            ("cut", cut, 1),
            ("gone", gone, 1),
            ("exchanged", exchanged, 2),
        ] {
            practice.world.stores.restore(&changed);
            assert_eq!(refused(case, number), wanted, "{case} {number}");
        }
    }
    let ((first, _), (second, _)) = (of(0), of(1));
    let mut swapped = whole.clone();
    (swapped[first].2, swapped[second].2) = (whole[second].2.clone(), whole[first].2.clone());
    practice.world.stores.restore(&swapped);
    refused("swapped", 0);
}

#[test]
fn the_stores_say_nothing_of_what_documents_hold() {
    let practice = Practice::new();
    let content = b"SECRET 2026-11-30 ".repeat(CHUNK / 6);
    let record = practice.uploaded("begin", &content);
    assert_eq!(practice.send(&practice.signing(&record, 2, &json!({}))).status, 200);
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    let id: RecordId = record.parse().unwrap();
    let account = practice.clinician.account;
    for (store, key, value) in practice.world.stores.dump() {
        for part in [
            b"SECRET".as_slice(),
            b"2026-11-30",
            b"application/pdf",
            b"referral",
            record.as_bytes(),
            id.as_bytes(),
            account.as_bytes(),
        ] {
            assert!(
                !contains(key.as_bytes(), part) && !contains(&value, part),
                "{store} {key}"
            );
        }
    }
    // What shows nothing of the key is whoever may read all the rest.
    let shown = practice.read(&record).json;
    let attachment: Vec<_> = shown["attachment"].as_object().unwrap().keys().collect();
    assert_eq!(attachment, ["attached_at", "size"]);
}
