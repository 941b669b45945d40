//! What its author has not signed yet is nobody else's.

use super::*;

impl Practice {
    /// The request by which the clinician writes a draft.
    pub(super) fn drafting(&self, key: &str, text: &str) -> Call {
        let mut body = progress(text);
        body["status"] = json!("draft");
        Call::post(self.path(RECORDS), &body)
            .once(key)
            .bearer(&self.clinician.token)
    }

    pub(super) fn draft(&self, key: &str, text: &str) -> String {
        let written = self.send(&self.drafting(key, text));
        assert_eq!(written.status, 201, "{}", written.json);
        assert_eq!(written.json["status"], "draft");
        written.text("id")
    }

    /// The request that changes a draft.
    fn redrafting(&self, record: &str, version: u64, text: &str) -> Call {
        self.of_version(Method::PUT, &format!("/{record}"), version)
            .json(&json!({"record": progress(text)}))
    }

    /// A request of the clinician's about the version of a record that she has seen.
    pub(super) fn of_version(&self, method: Method, rest: &str, version: u64) -> Call {
        Call::new(method, format!("{}{rest}", self.path(RECORDS)))
            .header("if-match", &format!("\"v{version}\""))
            .bearer(&self.clinician.token)
    }

    pub(super) fn signing(&self, record: &str, version: u64, body: &Value) -> Call {
        self.of_version(Method::POST, &format!("/{record}/sign"), version)
            .json(body)
    }

    /// The request that changes a draft to be of another time.
    pub(super) fn redating(&self, record: &str, version: u64, session_at: &str) -> Call {
        self.of_version(Method::PUT, &format!("/{record}"), version)
            .json(&json!({"record": progress_at(session_at)}))
    }

    pub(super) fn discarding(&self, record: &str, version: u64) -> Call {
        self.of_version(Method::DELETE, &format!("/{record}"), version)
    }

    /// The ids of her own drafts, as she is shown them.
    pub(super) fn drafts(&self) -> Vec<String> {
        let list = self.as_clinician(Call::get(format!("{}?status=draft", self.path(RECORDS))));
        assert_eq!(list.status, 200, "{}", list.json);
        values(&list, "records", "id")
    }
}

#[test]
fn a_draft_is_there_for_its_author_alone() {
    let practice = Practice::new();
    let record = practice.draft("draft", "SECRET first thoughts");
    let own = format!("{}/{record}", practice.path(RECORDS));
    let supervisor = practice.supervisor();
    let client = client_token(&practice);
    for version in 1..5 {
        let redrafted = practice.send(&practice.redrafting(&record, version, "SECRET second thoughts"));
        assert_eq!(
            (redrafted.status, &redrafted.json["status"]),
            (200, &json!("draft")),
            "{}",
            redrafted.json
        );
        assert_eq!(redrafted.json["signatures"], json!([]));
    }
    assert_eq!(practice.versions(&record), [5, 4, 3, 2, 1]);
    assert_eq!(practice.drafts(), std::slice::from_ref(&record));
    assert_eq!(practice.listed(), [""; 0]);

    let of_seen = |call: Call| call.header("if-match", "\"v5\"");
    let amendment = json!({"reason": "SECRET", "record": progress("SECRET")});
    for (token, writes) in [
        (&practice.colleague.token, true),
        (&supervisor.token, false),
        (&client, false),
    ] {
        for list in ["", "?kind=progress_note", "?status=draft"] {
            let listed = practice.send(&Call::get(format!("{}{list}", practice.path(RECORDS))).bearer(token));
            assert_eq!(listed.json, json!({"records": []}), "{list}");
        }
        let mut calls = vec![Call::get(&own), Call::get(format!("{own}/versions"))];
        if writes {
            calls.extend([
                of_seen(Call::put(&own, &amendment)),
                of_seen(Call::delete(&own)),
                of_seen(Call::post(format!("{own}/sign"), &json!({}))),
                Call::post(format!("{own}/addenda"), &json!({"text": "SECRET"})).once("add"),
            ]);
        }
        let missing = practice.world.entropy.id::<model::kind::Record>().to_string();
        for call in calls {
            let answer = practice.send(&call.clone().bearer(token));
            assert_refused(&answer, 404, "not-found");
            // As if there were none.
            let request = call.request();
            let target = request.uri().to_string().replace(&record, &missing);
            let elsewhere = Call::new(request.method().clone(), target).body(request.body().clone());
            let elsewhere = request.headers().iter().fold(elsewhere, |call, (name, value)| {
                call.header(name.as_str(), value.to_str().unwrap())
            });
            assert_eq!(practice.send(&elsewhere.bearer(token)).json, answer.json);
        }
    }
    let cosigning = of_seen(Call::post(format!("{own}/cosign"), &json!({}))).bearer(&supervisor.token);
    assert_refused(&practice.send(&cosigning), 404, "not-found");

    // Signed, it is everybody's who may read, from that version on.
    let signed = practice.send(&practice.signing(&record, 5, &json!({})));
    let account = practice.clinician.account;
    assert_eq!(
        (signed.status, signed.header("etag")),
        (200, Some("\"v6\"")),
        "{}",
        signed.json
    );
    assert_eq!(signed.json["status"], "signed");
    assert_eq!(
        signed.json["signatures"],
        json!([{"account": account, "version": 5, "signed_at": now_text(&practice)}])
    );
    assert_eq!((practice.drafts(), practice.listed()), (vec![], vec![record.clone()]));
    for token in [&practice.colleague.token, &supervisor.token, &client] {
        assert_eq!(practice.send(&Call::get(&own).bearer(token)).json, signed.json);
        let versions = practice.send(&Call::get(format!("{own}/versions")).bearer(token));
        assert_eq!(versions.json, json!({"versions": [signed.json]}));
    }
    assert_eq!(practice.versions(&record), [6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_draft_is_changed_from_the_version_that_was_seen_and_signed_once() {
    let practice = Practice::new();
    let record = practice.draft("draft", "SECRET one");
    let stale = "stale-version";
    let sign = practice.signing(&record, 1, &json!({}));
    assert_refused(&practice.send(&practice.redrafting(&record, 2, "SECRET")), 412, stale);
    assert_refused(&practice.send(&practice.discarding(&record, 2)), 412, stale);
    assert_refused(&practice.send(&practice.signing(&record, 2, &json!({}))), 412, stale);
    let unconditional = Call::post(format!("{}/{record}/sign", practice.path(RECORDS)), &json!({}));
    assert_refused(&practice.as_clinician(unconditional), 428, "precondition-required");
    let kind = practice.of_version(Method::PUT, &format!("/{record}"), 1);
    assert_refused(
        &practice.send(&kind.json(&json!({"record": plan()}))),
        409,
        "kind-differs",
    );
    let addendum = Call::post(
        format!("{}/{record}/addenda", practice.path(RECORDS)),
        &json!({"text": "SECRET"}),
    );
    assert_refused(&practice.as_clinician(addendum.once("add")), 409, "is-draft");

    let signed = practice.send(&sign);
    assert_eq!(signed.status, 200, "{}", signed.json);
    practice.world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(
        practice.send(&sign).json,
        signed.json,
        "the same request again is the same"
    );
    assert_refused(
        &practice.send(&practice.signing(&record, 2, &json!({}))),
        409,
        "already-signed",
    );
    assert_refused(&practice.send(&practice.discarding(&record, 2)), 409, "already-signed");
    let unreasoned = practice.send(&practice.redrafting(&record, 2, "SECRET two"));
    assert_violates(&unreasoned, 422, "/reason", "required");
    // What was signed does not become a draft by being written.
    let mut body = json!({"reason": "SECRET", "record": progress("SECRET")});
    body["record"]["status"] = json!("draft");
    let refused = practice.send(&practice.of_version(Method::PUT, &format!("/{record}"), 2).json(&body));
    assert_violates(&refused, 400, "/record/status", "unknown-field");
    assert_eq!(practice.read(&record).json, signed.json);
}

#[test]
fn a_discarded_draft_is_gone() {
    let practice = Practice::new();
    let write = practice.drafting("draft", "SECRET one");
    let record = practice.draft("draft", "SECRET one");
    assert_eq!(
        practice.send(&practice.redrafting(&record, 1, "SECRET two")).status,
        200
    );
    let discarded = practice.send(&practice.discarding(&record, 2));
    assert_eq!((discarded.status, discarded.body()), (204, String::new()));
    assert_eq!(practice.event(&discarded).action, Action::Amend);
    assert_eq!((practice.drafts(), practice.listed()), (vec![], vec![]));
    let own = format!("{}/{record}", practice.path(RECORDS));
    for call in [
        Call::get(&own),
        Call::get(format!("{own}/versions")),
        Call::delete(&own).header("if-match", "\"v1\""),
        Call::delete(&own).header("if-match", "\"v3\""),
    ] {
        assert_refused(&practice.as_clinician(call), 404, "not-found");
    }
    assert_refused(
        &practice.send(&practice.redrafting(&record, 2, "SECRET")),
        404,
        "not-found",
    );
    assert_refused(
        &practice.send(&practice.signing(&record, 3, &json!({}))),
        404,
        "not-found",
    );
    let before = practice.state();
    assert_eq!(practice.send(&practice.discarding(&record, 2)).status, 204);
    assert_refused(&practice.send(&write), 409, "discarded");
    let other = practice.drafting("draft", "SECRET other");
    assert_refused(&practice.send(&other), 422, "idempotency-key-reused");
    assert!(practice.state() == before);
}

#[test]
fn notes_are_drafted_and_signed_by_their_author_alone() {
    let practice = Practice::new();
    let notes = practice.path(NOTES);
    let mut body = note("SECRET dream");
    body["status"] = json!("draft");
    let written = practice.as_clinician(Call::post(&notes, &body).once("note"));
    assert_eq!(
        (written.status, &written.json["status"]),
        (201, &json!("draft")),
        "{}",
        written.json
    );
    let own = format!("{notes}/{}", written.text("id"));
    let listed = |query: &str| {
        let list = practice.as_clinician(Call::get(format!("{notes}{query}")));
        values(&list, "records", "id")
    };
    assert_eq!(
        (listed(""), listed("?status=draft")),
        (vec![], vec![written.text("id")])
    );
    // Whoever the client lets read her notes reads no draft either.
    let authorization = json!({"recipient": {"account": practice.colleague.account.to_string()}});
    let terms = testkit::notice(&["TREAT"], &["psychotherapy"]);
    let notice = practice.permits(
        &practice.admin.token,
        Call::post("/v1/consent/notices", &terms).once("named"),
    );
    let mut terms = json!({"notice_id": notice.text("notice_id"), "language": "en", "purposes": ["TREAT"],
        "classes": ["psychotherapy"], "given_by": "client", "method": "written"});
    terms["recipient"] = authorization["recipient"].clone();
    practice.permits(
        &practice.clinician.token,
        Call::post(practice.about("consents"), &terms).once("named"),
    );
    let author = practice.clinician.account;
    let theirs = |target: String| practice.as_colleague(Call::get(format!("{target}author={author}")));
    assert_refused(&theirs(format!("{own}?")), 404, "not-found");
    assert_eq!(theirs(format!("{notes}?")).json, json!({"records": []}));
    assert_eq!(theirs(format!("{notes}?status=draft&")).json, json!({"records": []}));

    let sign = |body: &Value| {
        let call = Call::post(format!("{own}/sign"), body).header("if-match", "\"v1\"");
        practice.as_clinician(call)
    };
    let supervisor = practice.supervisor();
    let named = sign(&json!({"cosigner": supervisor.account}));
    assert_violates(&named, 400, "/cosigner", "unknown-field");
    let signed = sign(&json!({}));
    assert_eq!(
        (signed.status, &signed.json["status"]),
        (200, &json!("signed")),
        "{}",
        signed.json
    );
    assert_eq!(theirs(format!("{own}?")).json, signed.json);
    for rest in ["cosign", "return"] {
        let call = Call::post(format!("{own}/{rest}"), &json!({})).header("if-match", "\"v2\"");
        assert_refused(&practice.as_clinician(call), 404, "no-such-route");
    }
    let addendum = Call::post(format!("{own}/addenda"), &json!({"text": "SECRET and more"})).once("add");
    assert_eq!(practice.as_clinician(addendum).status, 201);
    let read = practice.as_clinician(Call::get(&own));
    assert_eq!(read.json["addenda"][0]["text"], "SECRET and more");
}

#[test]
fn drafting_signing_and_discarding_are_finished_by_a_repeated_request() {
    at_every_crash_point(
        |practice| practice.drafting("draft", "SECRET"),
        |practice, answer| {
            assert_eq!(practice.drafts(), [answer.text("id")]);
            assert_eq!(practice.listed(), [""; 0]);
        },
    );
    at_every_crash_point(
        |practice| {
            let record = practice.draft("draft", "SECRET one");
            practice.redrafting(&record, 1, "SECRET two")
        },
        |practice, answer| {
            assert_eq!(practice.drafts(), [answer.text("id")]);
            assert_eq!(practice.versions(&answer.text("id")), [2, 1]);
        },
    );
    at_every_crash_point(
        |practice| {
            let record = practice.draft("draft", "SECRET");
            practice.signing(&record, 1, &json!({}))
        },
        |practice, answer| {
            assert_eq!(
                (practice.drafts(), practice.listed()),
                (vec![], vec![answer.text("id")])
            );
            assert_eq!(practice.read(&answer.text("id")).json, answer.json);
        },
    );
    at_every_crash_point(
        |practice| {
            let record = practice.draft("draft", "SECRET");
            practice.discarding(&record, 1)
        },
        |practice, answer| {
            assert_eq!(answer.status, 204);
            assert_eq!((practice.drafts(), practice.listed()), (vec![], vec![]));
        },
    );
}

/// Of a signature and a change that meet, one is made, and what is then listed as what is what it says.
#[test]
fn a_draft_is_signed_as_it_was_seen() {
    for discards in [false, true] {
        at_every_interleaving(
            move |practice| {
                let record = practice.draft("draft", "SECRET one");
                let other = match discards {
                    true => practice.discarding(&record, 1),
                    false => practice.redrafting(&record, 1, "SECRET two"),
                };
                (practice.signing(&record, 1, &json!({})), other)
            },
            |practice, call| practice.send(call),
            |practice, signed, other| {
                let changed = matches!(other.status, 200 | 204);
                assert_ne!(signed.status == 200, changed, "{} {}", signed.json, other.json);
                let (drafts, listed) = (practice.drafts(), practice.listed());
                assert_eq!(listed.len(), usize::from(signed.status == 200));
                assert_eq!(drafts.len(), usize::from(other.status == 200), "{drafts:?}");
            },
        );
    }
}

/// What is prepared for a session is signed once that has begun, by the clock of whoever writes.
#[test]
fn a_draft_may_tell_of_what_is_yet_to_come_and_is_not_signed_before() {
    let practice = Practice::new();
    let ahead = "2026-12-01T08:10:00Z";
    let mut body = progress_at(ahead);
    body["status"] = json!("draft");
    let written = practice.as_clinician(Call::post(practice.path(RECORDS), &body).once("draft"));
    assert_eq!(written.status, 201, "{}", written.json);
    let record = written.text("id");
    let redated = practice.send(&practice.redating(&record, 1, "2026-12-01T09:00:00Z"));
    assert_eq!(redated.status, 200, "{}", redated.json);
    let redated = practice.send(&practice.redating(&record, 2, ahead));
    assert_eq!(redated.status, 200, "{}", redated.json);
    let signing = practice.signing(&record, 3, &json!({}));
    let refused = practice.send(&signing);
    assert_violates(&refused, 422, "/content/session_at", "past");
    assert_eq!(practice.event(&refused).action, Action::Amend);
    let stale = practice.send(&practice.signing(&record, 2, &json!({})));
    assert_refused(&stale, 412, "stale-version");

    assert_eq!(practice.drafts(), [record.as_str()]);

    // What is signed is not amended so either.
    let signed = practice.write("signed", "SECRET");
    let mut amendment = json!({"reason": "SECRET", "record": progress_at(ahead)});
    let amend = |version, body: &Value| {
        let call = practice.of_version(Method::PUT, &format!("/{signed}"), version);
        practice.send(&call.json(body))
    };
    let refused = amend(1, &amendment);
    assert_violates(&refused, 422, "/record/content/session_at", "past");
    assert_eq!(practice.event(&refused).action, Action::Amend);
    assert_refused(&amend(2, &amendment), 412, "stale-version");
    assert_eq!(practice.versions(&signed), [1]);

    practice.world.clock.advance(SignedDuration::from_mins(5));
    let answer = practice.send(&signing);
    assert_eq!(
        (answer.status, &answer.json["status"]),
        (200, &json!("signed")),
        "{}",
        answer.json
    );
    assert_eq!(practice.send(&signing).json, answer.json);
    amendment["reason"] = json!("the clock is ahead");
    assert_eq!(amend(1, &amendment).status, 200);
}
