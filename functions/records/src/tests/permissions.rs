//! What else than a care team and its client's consent opens records or closes them: whole requests to this function, after others to
//! the one that keeps permissions.

use super::*;

const SUBSTANCE_USE: &str = "substance-use-records";

impl Practice {
    pub(super) fn staff(&self, role: Role) -> Staff {
        let account = self.world.entropy.id();
        let token = log_in(&self.world, &[role], self.clinic, account, None);
        Staff { account, token }
    }

    /// A request about the client, to the function that keeps her permissions.
    #[track_caller]
    pub(super) fn permits(&self, token: &str, call: Call) -> Answer {
        let call = call.bearer(token);
        let answer = Answer::from(self.world.serve(Function::Consent, &consent::ROUTES, &call.request()));
        assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.json);
        answer
    }

    pub(super) fn about(&self, rest: &str) -> String {
        format!("/v1/consent/clients/{}/{rest}", self.client)
    }

    /// Gives a consent with these terms beside what every one has.
    pub(super) fn gives(&self, client: &str, key: &str, classes: &[&str], more: &Value) -> Answer {
        let notice = testkit::notice(&["TREAT"], &["health", "psychotherapy", "substance_use"]);
        let notice = self.permits(
            &self.admin.token,
            Call::post("/v1/consent/notices", &notice).once("all"),
        );
        let mut terms = json!({"notice_id": notice.text("notice_id"), "language": "en", "purposes": ["TREAT"],
            "classes": classes, "given_by": "client", "method": "written"});
        for (field, value) in more.as_object().unwrap() {
            terms[field] = value.clone();
        }
        let path = format!("/v1/consent/clients/{client}/consents");
        self.permits(&self.clinician.token, Call::post(path, &terms).once(key))
    }

    /// A record as somebody reads it.
    #[track_caller]
    pub(super) fn reads_as(&self, token: &str, record: &str) -> Value {
        let call = Call::get(format!("{}/{record}", self.path(RECORDS)));
        let answer = self.send(&call.bearer(token));
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json
    }

    /// The status of reading a record.
    fn reads(&self, token: &str, record: &str) -> u16 {
        let call = Call::get(format!("{}/{record}", self.path(RECORDS)));
        self.send(&call.bearer(token)).status
    }
}

#[test]
fn broken_glass_lets_read_for_an_hour_and_the_trail_says_so() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept");
    let stranger = practice.staff(Role::Clinician);
    let read = Call::get(format!("{}/{record}", practice.path(RECORDS)));
    let urgent = |call: &Call| call.clone().header("purpose-of-use", "BTG");
    let send = |call: Call, staff: &Staff| practice.send(&call.bearer(&staff.token));
    assert_refused(&send(urgent(&read), &stranger), 403, "access-denied");
    let breaking = Call::post(
        practice.about("emergency-access"),
        &json!({"reason": "She called from a bridge."}),
    );
    let id = practice
        .permits(&stranger.token, breaking.once("break"))
        .text("emergency_id");

    let answer = send(urgent(&read), &stranger);
    assert_eq!(answer.status, 200, "{}", answer.json);
    let event = practice.event(&answer);
    assert_eq!(
        (event.rule.as_str(), event.decision),
        ("emergency.records", Decision::Allowed)
    );
    assert_eq!(event.emergency.map(|emergency| emergency.to_string()), Some(id));
    assert_eq!((event.consent, event.ground), (None, None));
    assert_eq!(send(urgent(&Call::get(practice.path(RECORDS))), &stranger).status, 200);
    // What she does not say is an emergency is none, and nobody writes in one.
    assert_refused(&send(read.clone(), &stranger), 403, "access-denied");
    let writing = Call::post(practice.path(RECORDS), &progress("SECRET")).once("write");
    assert_refused(&send(urgent(&writing), &stranger), 403, "access-denied");
    assert_refused(
        &send(urgent(&Call::get(practice.path(NOTES))), &stranger),
        403,
        "access-denied",
    );

    let after = |seconds: i64| {
        practice.world.clock.advance(SignedDuration::from_secs(seconds));
        let token = log_in(
            &practice.world,
            &[Role::Clinician],
            practice.clinic,
            stranger.account,
            None,
        );
        practice.send(&urgent(&read).bearer(&token)).status
    };
    assert_eq!([after(3599), after(1)], [200, 403]);
}

#[test]
fn an_authorization_opens_an_authors_notes_to_whom_it_names() {
    let practice = Practice::new();
    let notes = practice.path(NOTES);
    let written = practice.as_clinician(Call::post(&notes, &note("SECRET dream")).once("note"));
    let author = practice.clinician.account;
    let hers = format!("{notes}/{}", written.text("id"));
    let reads = [
        Call::get(format!("{notes}?author={author}")),
        Call::get(format!("{hers}?author={author}")),
        Call::get(format!("{hers}/versions?author={author}")),
    ];
    let authorization = json!({"recipient": {"account": practice.colleague.account.to_string()}});
    let statuses = |staff: &Staff| {
        let status = |call: &Call| practice.send(&call.clone().bearer(&staff.token)).status;
        reads.each_ref().map(status)
    };
    assert_eq!(statuses(&practice.colleague), [403; 3]);
    let given = practice.gives(&practice.client, "authorize", &["psychotherapy"], &authorization);
    assert_eq!(statuses(&practice.colleague), [200; 3]);
    let consent = given.text("consent_id");
    for call in &reads {
        let event = practice.event(&practice.as_colleague(call.clone()));
        assert_eq!(event.rule, "authorized.psychotherapy-notes");
        assert_eq!(event.consent.map(|consent| consent.to_string()), Some(consent.clone()));
    }
    // Nobody else, the client least of all; and what is named is the author, not the note.
    assert_eq!(statuses(&practice.staff(Role::Clinician)), [403; 3]);
    let client = client_token(&practice);
    assert_refused(&practice.send(&reads[0].clone().bearer(&client)), 403, "access-denied");
    assert_refused(&practice.as_colleague(Call::get(&hers)), 404, "not-found");
    let amendment = json!({"reason": "SECRET", "content": note("SECRET mine")["content"]});
    let amending = Call::put(&hers, &amendment).header("if-match", "\"v1\"");
    assert_refused(&practice.as_colleague(amending), 404, "not-found");
    practice.permits(
        &practice.admin.token,
        Call::post(practice.about(&format!("consents/{consent}/withdraw")), &json!({})),
    );
    assert_eq!(statuses(&practice.colleague), [403; 3]);
    assert_eq!(statuses(&practice.clinician), [200; 3]);
}

#[test]
fn who_supervises_reads_and_does_not_write() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept");
    let supervisor = practice.staff(Role::Clinician);
    let member = practice.about(&format!("care-team/{}", supervisor.account));
    practice.permits(
        &practice.admin.token,
        Call::put(member, &json!({"role": "supervising"})),
    );
    assert_eq!(practice.reads(&supervisor.token, &record), 200);
    let writing = Call::post(practice.path(RECORDS), &progress("SECRET")).once("write");
    let body = json!({"reason": "SECRET", "record": progress("SECRET")});
    let amending = Call::put(format!("{}/{record}", practice.path(RECORDS)), &body).header("if-match", "\"v1\"");
    for call in [writing, amending, Call::get(practice.path(NOTES))] {
        assert_refused(&practice.send(&call.bearer(&supervisor.token)), 403, "access-denied");
    }
    assert_eq!(practice.versions(&record), [1]);
}

#[test]
fn what_the_client_hides_is_refused_with_its_reason() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept");
    let client = client_token(&practice);
    let hide = Call::post(practice.about("restrictions"), &json!({"class": "health"})).once("hide");
    let hidden = practice.permits(&client, hide).text("restriction_id");
    assert_refused(&practice.read(&record), 403, "restricted");
    assert_refused(&practice.send(&practice.writing("more", "SECRET")), 403, "restricted");
    assert_eq!(practice.reads(&client, &record), 200);
    // Who has nothing to do with her is not told that she hides something.
    let read = Call::get(format!("{}/{record}", practice.path(RECORDS)));
    let stranger = practice.staff(Role::Clinician);
    assert_refused(&practice.send(&read.bearer(&stranger.token)), 403, "access-denied");
    practice.permits(&client, Call::delete(practice.about(&format!("restrictions/{hidden}"))));
    assert_eq!(practice.read(&record).status, 200);
}

#[test]
fn a_guardian_reads_records_where_her_right_reaches_them() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept");
    let parent = practice.staff(Role::Guardian);
    let until = json!({"until": "2026-12-01T08:10:00Z"});
    practice.permits(&practice.clinician.token, Call::put(practice.about("minority"), &until));
    let path = practice.about(&format!("representatives/{}", parent.account));
    let mut body = json!({"authority": "parent", "verification": "details_given"});
    practice.permits(&practice.admin.token, Call::put(&path, &body));
    assert_eq!(practice.reads(&parent.token, &record), 403);
    body["reads_records"] = json!(true);
    practice.permits(&practice.admin.token, Call::put(&path, &body));
    assert_eq!(practice.reads(&parent.token, &record), 200);
    let notes = Call::get(practice.path(NOTES)).bearer(&parent.token);
    assert_refused(&practice.send(&notes), 403, "access-denied");
    practice.world.clock.advance(SignedDuration::from_secs(10 * 60 - 1));
    assert_eq!(practice.reads(&parent.token, &record), 200);
    practice.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(practice.reads(&parent.token, &record), 403);
}

#[test]
fn another_ground_than_consent_opens_records_and_stands_in_the_trail() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept");
    practice.withdraw();
    assert_refused(&practice.read(&record), 403, "no-consent");
    let body = json!({"basis": "vital_interests", "purposes": ["TREAT"], "classes": ["health"],
        "justification": "He is unconscious, and nobody else can be asked."});
    let establishing = Call::post(practice.about("grounds"), &body).once("ground");
    let id = practice
        .permits(&practice.clinician.token, establishing)
        .text("ground_id");
    let read = practice.read(&record);
    assert_eq!(read.status, 200);
    let event = practice.event(&read);
    assert_eq!(event.ground.map(|ground| ground.to_string()), Some(id.clone()));
    assert_eq!((event.consent, event.emergency), (None, None));
    assert_refused(
        &practice.as_clinician(Call::get(practice.path(SUBSTANCE_USE))),
        403,
        "no-consent",
    );
    let ending = Call::post(practice.about(&format!("grounds/{id}/end")), &json!({}));
    practice.permits(&practice.clinician.token, ending);
    assert_refused(&practice.read(&record), 403, "no-consent");
}

#[test]
fn a_shared_file_is_read_while_all_its_participants_agree() {
    let practice = Practice::new();
    let (one, other) = (practice.client.clone(), practice.open("other"));
    let opening = Call::post("/v1/consent/clients", &json!({"participants": [one, other]})).once("both");
    let both = practice.permits(&practice.clinician.token, opening).text("client_id");
    let records = path(&both, RECORDS);
    let write = |key: &str| practice.as_clinician(Call::post(&records, &progress("SECRET they met")).once(key));
    let gives = |key: &str, participant: &str| {
        let given = practice.gives(&both, key, &["health"], &json!({"participant_id": participant}));
        format!(
            "/v1/consent/clients/{both}/consents/{}/withdraw",
            given.text("consent_id")
        )
    };
    assert_refused(&write("none"), 403, "no-consent");
    let withdraw = gives("one", &one);
    assert_refused(&write("one"), 403, "no-consent");
    gives("other", &other);
    let record = write("both");
    assert_eq!(record.status, 201, "{}", record.json);
    let read = Call::get(format!("{records}/{}", record.text("id")));
    assert_eq!(practice.as_clinician(read.clone()).status, 200);
    // Neither of them reads by her own right what was said in the presence of the other.
    let client = client_token(&practice);
    assert_refused(&practice.send(&read.clone().bearer(&client)), 403, "access-denied");
    practice.permits(&client, Call::post(withdraw, &json!({})));
    assert_refused(&practice.as_clinician(read), 403, "no-consent");
}

#[test]
fn records_of_substance_use_are_a_book_of_their_own() {
    const NOTICE: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";
    let practice = Practice::new();
    let book = practice.path(SUBSTANCE_USE);
    let writing = Call::post(&book, &progress("SECRET relapse")).once("write");
    // That she agreed to be treated is not that she agreed to this.
    assert_refused(&practice.as_clinician(writing.clone()), 403, "no-consent");
    practice.gives(&practice.client, "substance-use", &["substance_use"], &json!({}));
    let written = practice.as_clinician(writing.clone());
    assert_eq!(written.status, 201, "{}", written.json);
    let record = format!("{book}/{}", written.text("id"));
    assert_eq!(written.header("location"), Some(record.as_str()));
    let body = json!({"reason": "SECRET a slip", "record": progress("SECRET none")});
    let amended = practice.as_clinician(Call::put(&record, &body).header("if-match", "\"v1\""));
    for answer in [
        practice.as_clinician(writing),
        practice.as_clinician(Call::get(&record)),
        practice.send(&Call::get(&record).bearer(&client_token(&practice))),
        written,
        amended,
    ] {
        assert_eq!(answer.json["notice"], json!(NOTICE), "{}", answer.json);
        assert_eq!(practice.event(&answer).class, DataClass::SubstanceUse);
    }
    // Whose notes they are is asked of psychotherapy notes alone.
    let author = practice.clinician.account;
    let asked = practice.as_clinician(Call::get(format!("{record}/versions?author={author}")));
    assert_refused(&asked, 400, "malformed-request");
    let versions = practice.as_clinician(Call::get(format!("{record}/versions")));
    assert_eq!(values(&versions, "versions", "notice"), [NOTICE; 2]);
    let listed = practice.as_clinician(Call::get(&book));
    assert_eq!(values(&listed, "records", "id").len(), 1);

    // What a document holds goes with the notice too.
    let document = json!({"kind": "document", "status": "draft",
        "content": {"title": "SECRET", "media_type": "text/plain"}});
    let document = practice.as_clinician(Call::post(&book, &document).once("document"));
    let document = format!("{book}/{}", document.text("id"));
    let content = Call::new(Method::PUT, format!("{document}/content")).body("SECRET");
    let content = content
        .header("content-type", "text/plain")
        .header("if-match", "\"v1\"");
    assert_eq!(practice.as_clinician(content).json["notice"], json!(NOTICE));
    let read = practice.as_clinician(Call::get(format!("{document}/content")));
    assert_eq!((read.status, read.body().as_str()), (200, "SECRET"));
    assert_eq!(read.header("part-2-notice"), Some(NOTICE));
    assert_eq!(practice.event(&read).class, DataClass::SubstanceUse);

    // The books do not meet.
    let clinical = practice.write("write", "SECRET slept");
    assert_eq!(practice.listed(), std::slice::from_ref(&clinical));
    assert_eq!(practice.read(&clinical).json.get("notice"), None);
    assert_refused(
        &practice.as_clinician(Call::get(format!("{book}/{clinical}"))),
        404,
        "not-found",
    );
    let id = record.rsplit('/').next().unwrap();
    assert_refused(&practice.read(id), 404, "not-found");
    let misplaced = json!({"kind": "psychotherapy_note", "content": note("SECRET")["content"]});
    let refused = practice.as_clinician(Call::post(&book, &misplaced).once("misplaced"));
    assert_violates(&refused, 400, "/kind", "kind");
}

#[test]
fn a_list_is_narrowed_to_an_author() {
    let practice = Practice::new();
    let hers = practice.write("hers", "SECRET slept");
    let call = Call::post(practice.path(RECORDS), &progress("SECRET ate")).once("his");
    let his = practice.as_colleague(call).text("id");
    let by = |author: AccountId| {
        let list = practice.as_clinician(Call::get(format!("{}?author={author}", practice.path(RECORDS))));
        values(&list, "records", "id")
    };
    assert_eq!(practice.listed().len(), 2);
    assert_eq!(by(practice.clinician.account), [hers]);
    assert_eq!(by(practice.colleague.account), [his]);
    assert_eq!(by(practice.admin.account), [""; 0]);
    let unreadable = Call::get(format!("{}?author=SECRET", practice.path(RECORDS)));
    assert_refused(&practice.as_clinician(unreadable), 400, "malformed-request");
}
