//! Breaking the glass, as whole requests.

use http::Method;
use notification::{Accepted, Content, MESSAGES, Message, Recipient, State};
use web::{Exchange, Problem, Reply, Route};

use super::*;

const LIST: &str = "/v1/consent/emergency-access";
const JOB: &str = "/v1/consent/jobs/emergencies";
const REASON: &str = "She called from a bridge.";

thread_local! {
    /// What `notify` has taken, each message once.
    static TAKEN: RefCell<Vec<Message>> = const { RefCell::new(Vec::new()) };
    /// For whom it takes none.
    static UNTAKEN: RefCell<Option<ClientId>> = const { RefCell::new(None) };
}

/// `notify`, as far as it is known here: a message is durable with its answer, and the same key is the same message.
fn take_message(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    assert_eq!(exchange.calling_function()?.function(), Function::Consent);
    let message: Message = exchange.json()?;
    if let Recipient::Client { client_id, .. } = message.recipient
        && UNTAKEN.with_borrow(|untaken| *untaken == Some(client_id))
    {
        return Err(Problem::defect("on purpose"));
    }
    TAKEN.with_borrow_mut(|taken| match taken.iter().find(|before| before.key == message.key) {
        Some(before) => assert_eq!(*before, message, "a key names one message"),
        None => taken.push(message),
    });
    Reply::ok(&Accepted {
        message_id: model::MessageId::from_bytes([1; 16]),
        state: State::Pending,
    })
}

fn deploy_notify(practice: &Practice) {
    TAKEN.take();
    UNTAKEN.take();
    let route = Route::new(Method::POST, MESSAGES, take_message);
    practice.world.deploy(Function::Notify, &[route]);
}

fn path(client: &str) -> String {
    format!("/v1/consent/clients/{client}/emergency-access")
}

fn breaking(client: &str, key: &str) -> Call {
    Call::post(path(client), &json!({"reason": REASON})).once(key)
}

fn reviewing(emergency: &str, finding: &str) -> Call {
    Call::put(
        format!("{LIST}/{emergency}/review"),
        &json!({"finding": finding, "note": "Looked into."}),
    )
}

/// The rule for a clinician who reads health records, in an emergency and otherwise.
fn reading(practice: &Practice, client: &str, staff: &Staff) -> [String; 2] {
    ["&purpose=BTG", ""].map(|purpose| {
        let question = format!("role=clinician&action=read&class=health{purpose}");
        practice.rule(client, staff.account, &question)
    })
}

#[track_caller]
fn run_job(practice: &Practice, handed_over: usize, not_handed_over: usize) {
    let job = practice.somebody(Role::Job).token;
    let done = practice.accepted(&job, Call::post(JOB, &json!({})));
    assert_eq!(
        done.json,
        json!({"handed_over": handed_over, "not_handed_over": not_handed_over})
    );
}

fn listed(practice: &Practice) -> Vec<Value> {
    let list = practice.accepted(&practice.officer.token, Call::get(LIST));
    list.json["emergencies"].as_array().unwrap().clone()
}

#[test]
fn the_glass_is_broken_for_an_hour_and_not_a_second_longer() {
    let mut practice = Practice::new();
    deploy_notify(&practice);
    let client = practice.open("open");
    let her = practice.own(&client);
    assert_eq!(reading(&practice, &client, &practice.colleague), ["deny.no-rule"; 2]);
    let taken = practice.accepted(&practice.colleague.token, breaking(&client, "break"));
    let id = taken.text("emergency_id");
    assert_eq!(
        (taken.status, &taken.json),
        (
            201,
            &json!({"emergency_id": id, "client_id": client, "purpose": "BTG", "until": "2026-12-01T09:00:00Z"})
        )
    );
    assert_eq!(taken.header("location"), None);
    // For that purpose alone, and for her alone; to read, and not to write; and no psychotherapy note.
    assert_eq!(
        reading(&practice, &client, &practice.colleague),
        ["emergency.records", "deny.no-rule"]
    );
    assert_eq!(
        reading(&practice, &client, &practice.somebody(Role::Clinician)),
        ["deny.no-rule"; 2]
    );
    for (question, rule) in [
        ("action=list&class=health", "emergency.records"),
        ("action=read&class=substance_use", "emergency.records"),
        ("action=read&class=identity", "emergency.identity"),
        ("action=create&class=health", "deny.no-rule"),
        ("action=amend&class=health", "deny.no-rule"),
        ("action=amend&class=identity", "deny.no-rule"),
        ("action=read&class=psychotherapy", "deny.no-rule"),
        ("action=read&class=billing", "deny.no-rule"),
        ("action=read&class=consent", "deny.no-rule"),
    ] {
        let question = format!("role=clinician&{question}&purpose=BTG");
        assert_eq!(
            practice.rule(&client, practice.colleague.account, &question),
            rule,
            "{question}"
        );
    }
    // Everybody is told, once.
    let messages = TAKEN.take();
    let recipients: Vec<_> = messages
        .iter()
        .map(|message| (&message.content, &message.recipient))
        .collect();
    assert!(matches!(
        recipients[..],
        [
            (Content::UrgentAccess, Recipient::Client { client_id, .. }),
            (Content::UrgentAccessReview, Recipient::Email(officer)),
        ] if client_id.to_string() == client && officer.expose() == "privacy@practice.example"
    ));
    assert_eq!(
        practice
            .accepted(&practice.colleague.token, breaking(&client, "break"))
            .json,
        taken.json
    );
    assert!(TAKEN.take().is_empty());

    let entry = json!({"emergency_id": id, "client_id": client, "account_id": practice.colleague.account.to_string(),
        "reason": REASON, "taken_at": "2026-12-01T08:00:00Z", "until": "2026-12-01T09:00:00Z",
        "client_message_accepted_at": "2026-12-01T08:00:00Z"});
    assert_eq!(listed(&practice), std::slice::from_ref(&entry));
    let hers = practice.accepted(&her.token, Call::get(path(&client)));
    assert_eq!(hers.json, json!({"emergencies": [entry]}));
    assert_eq!(practice.events(&client), ["joined_care_team", "broke_glass"]);
    // Who has no row of the table to see it by does not read it in the ledger.
    let ledger = Call::get(format!("/v1/consent/clients/{client}/consents"));
    for (token, is_told) in [
        (&practice.admin.token, false),
        (&practice.officer.token, true),
        (&her.token, true),
    ] {
        let list = practice.accepted(token, ledger.clone()).json;
        assert_eq!(list["entries"][0]["reason"] == REASON, is_told, "{list}");
    }

    practice.later(SignedDuration::from_secs(3599));
    assert_eq!(reading(&practice, &client, &practice.colleague)[0], "emergency.records");
    practice.later(SignedDuration::from_secs(1));
    assert_eq!(reading(&practice, &client, &practice.colleague)[0], "deny.no-rule");
    // The same request again tells what it did, and is no other hour.
    assert_eq!(
        practice
            .accepted(&practice.colleague.token, breaking(&client, "break"))
            .json,
        taken.json
    );
    assert_eq!(reading(&practice, &client, &practice.colleague)[0], "deny.no-rule");
    practice.accepted(&practice.colleague.token, breaking(&client, "another"));
    assert_eq!(reading(&practice, &client, &practice.colleague)[0], "emergency.records");
    assert_eq!(listed(&practice).len(), 2);
}

#[test]
fn the_glass_is_broken_by_clinicians_with_a_reason() {
    let practice = Practice::new();
    deploy_notify(&practice);
    let client = practice.open("open");
    let token = &practice.colleague.token;
    let with = |body: Value| Call::post(path(&client), &body).once("break");
    for reason in ["too short", &"n".repeat(1001)] {
        practice.violated(token, with(json!({"reason": reason})), "/reason", "length");
    }
    for body in [json!({}), json!({"reason": REASON, "until": "SECRET"})] {
        practice.refused(token, with(body), 400, "malformed-request");
    }
    practice.refused(
        token,
        Call::post(path(&client), &json!({"reason": REASON})),
        400,
        "malformed-request",
    );
    let treating = breaking(&client, "break").header("purpose-of-use", "TREAT");
    practice.refused(token, treating, 403, "access-denied");
    let missing = practice.world.entropy.id::<model::kind::Client>().to_string();
    practice.refused(token, breaking(&missing, "break"), 403, "access-denied");
    for role in [
        Role::ClinicAdmin,
        Role::PrivacyOfficer,
        Role::Security,
        Role::Billing,
        Role::Auditor,
        Role::Guardian,
    ] {
        let token = practice.somebody(role).token;
        practice.refused(&token, breaking(&client, "break"), 403, "access-denied");
    }
    practice.refused(
        &practice.own(&client).token,
        breaking(&client, "break"),
        403,
        "access-denied",
    );
    practice.accepted(token, breaking(&client, "break"));
    let other = Call::post(path(&client), &json!({"reason": "Another reason altogether."})).once("break");
    practice.refused(token, other, 422, "idempotency-key-reused");
    assert_eq!(TAKEN.take().len(), 2);

    // As many as hold at once are bounded, and those of one account further, who keeps nobody else out; what was begun is finished all the same.
    practice.accepted(token, breaking(&client, "another"));
    practice.refused(token, breaking(&client, "one-more"), 409, "too-many-emergencies");
    for _ in 0..7 {
        let another = practice.somebody(Role::Clinician).token;
        for key in ["break", "another"] {
            practice.accepted(&another, breaking(&client, key));
        }
    }
    let one_more = practice.somebody(Role::Clinician).token;
    practice.refused(&one_more, breaking(&client, "break"), 409, "too-many-emergencies");
    practice.accepted(token, breaking(&client, "break"));
}

#[test]
fn an_emergency_passes_what_is_hidden_from_all_and_not_what_is_hidden_by_name() {
    let practice = Practice::new();
    deploy_notify(&practice);
    let colleague = &practice.colleague;
    let account = colleague.account.to_string();
    for (number, (restriction, breaks, reads)) in [
        (json!({"class": "health"}), true, true),
        (json!({}), true, true),
        (json!({"class": "health", "account_id": account}), true, false),
        (json!({"account_id": account}), false, false),
    ]
    .into_iter()
    .enumerate()
    {
        let client = practice.open(&format!("open-{number}"));
        let hide = Call::post(format!("/v1/consent/clients/{client}/restrictions"), &restriction).once("hide");
        practice.accepted(&practice.own(&client).token, hide);
        if breaks {
            practice.accepted(&colleague.token, breaking(&client, "break"));
        } else {
            practice.refused(&colleague.token, breaking(&client, "break"), 403, "restricted");
        }
        let rule = &reading(&practice, &client, colleague)[0];
        assert_eq!(rule == "emergency.records", reads, "{restriction} {rule}");
    }
}

#[test]
fn the_privacy_officer_reviews_once_and_what_was_unjustified_ends() {
    let practice = Practice::new();
    deploy_notify(&practice);
    let client = practice.open("open");
    let take = |key: &str| {
        practice
            .accepted(&practice.colleague.token, breaking(&client, key))
            .text("emergency_id")
    };
    let (kept, ended) = (take("kept"), take("ended"));
    let officer = &practice.officer.token;
    for token in [
        &practice.admin.token,
        &practice.colleague.token,
        &practice.somebody(Role::Auditor).token,
    ] {
        practice.refused(token, reviewing(&kept, "justified"), 403, "access-denied");
    }
    let both = log_in(
        &practice.world,
        &[Role::Clinician, Role::PrivacyOfficer],
        practice.clinic,
        practice.colleague.account,
        None,
    );
    practice.refused(&both, reviewing(&kept, "justified"), 409, "own-access");
    let with = |body: Value| Call::put(format!("{LIST}/{kept}/review"), &body);
    practice.violated(
        officer,
        with(json!({"finding": "justified", "note": ""})),
        "/note",
        "length",
    );
    for body in [
        json!({"finding": "SECRET", "note": "n"}),
        json!({"finding": "justified"}),
        json!({}),
    ] {
        practice.refused(officer, with(body), 400, "malformed-request");
    }
    let missing = practice.world.entropy.id::<model::kind::Emergency>().to_string();
    practice.refused(officer, reviewing(&missing, "justified"), 404, "not-found");

    let found = practice.accepted(officer, reviewing(&kept, "justified"));
    assert_eq!(
        found.json["review"],
        json!({"finding": "justified", "note": "Looked into.", "reviewed_by": practice.officer.account.to_string(),
            "reviewed_at": "2026-12-01T08:00:00Z"})
    );
    assert_eq!(
        practice.accepted(officer, reviewing(&kept, "justified")).json,
        found.json
    );
    practice.refused(officer, reviewing(&kept, "unjustified"), 409, "already-reviewed");
    practice.accepted(officer, reviewing(&ended, "unjustified"));
    // The other one still holds.
    assert_eq!(reading(&practice, &client, &practice.colleague)[0], "emergency.records");
    let third = practice.open("third");
    let id = practice
        .accepted(&practice.colleague.token, breaking(&third, "break"))
        .text("emergency_id");
    practice.accepted(officer, reviewing(&id, "unjustified"));
    assert_eq!(reading(&practice, &third, &practice.colleague)[0], "deny.no-rule");
    // Breaking it again under the same key brings nothing back.
    practice.accepted(&practice.colleague.token, breaking(&third, "break"));
    assert_eq!(reading(&practice, &third, &practice.colleague)[0], "deny.no-rule");
}

#[test]
fn who_watches_sees_what_was_taken_and_others_do_not() {
    let practice = Practice::new();
    deploy_notify(&practice);
    let client = practice.open("open");
    for _ in 0..3 {
        let clinician = practice.somebody(Role::Clinician).token;
        practice.accepted(&clinician, breaking(&client, "break"));
        practice.world.clock.advance(SignedDuration::from_secs(1));
    }
    for role in [Role::PrivacyOfficer, Role::Auditor, Role::Security] {
        let token = practice.somebody(role).token;
        let page = practice.accepted(&token, Call::get(format!("{LIST}?limit=2")));
        let rest = practice.accepted(
            &token,
            Call::get(format!("{LIST}?limit=2&cursor={}", page.text("next"))),
        );
        let taken = |answer: &Answer| -> Vec<Value> {
            let entries = answer.json["emergencies"].as_array().unwrap();
            entries.iter().map(|entry| entry["taken_at"].clone()).collect()
        };
        let times = [taken(&page), taken(&rest)].concat();
        assert_eq!(
            times,
            ["2026-12-01T08:00:02Z", "2026-12-01T08:00:01Z", "2026-12-01T08:00:00Z"]
        );
        assert_eq!(rest.json["next"], Value::Null);
    }
    // What is shown of a client is in the trail of whom it is about, whoever looks at all of them: beside the list there is an entry for each.
    let officer = practice.somebody(Role::PrivacyOfficer).token;
    practice.world.stores.disarm();
    practice.accepted(&officer, Call::get(LIST));
    let trace = practice.world.stores.trace();
    let written = trace
        .iter()
        .filter(|line| line.starts_with("audit swap") || line.starts_with("audit set"));
    assert!(written.count() >= 4, "the list and each access: {trace:?}");
    for role in [Role::Clinician, Role::ClinicAdmin, Role::Billing, Role::Guardian] {
        let token = practice.somebody(role).token;
        practice.refused(&token, Call::get(LIST), 403, "access-denied");
        practice.refused(&token, Call::get(path(&client)), 403, "access-denied");
    }
    let other = practice.open("other");
    practice.refused(
        &practice.own(&other).token,
        Call::get(path(&client)),
        403,
        "access-denied",
    );
    // Nor does another clinic's officer.
    let elsewhere: ClinicId = practice.world.entropy.id();
    let officer = log_in(
        &practice.world,
        &[Role::PrivacyOfficer],
        elsewhere,
        practice.world.entropy.id(),
        None,
    );
    assert_eq!(
        practice.accepted(&officer, Call::get(LIST)).json,
        json!({"emergencies": []})
    );
}

#[test]
fn what_nobody_could_be_told_of_the_job_tells_later() {
    let practice = Practice::new();
    let client = practice.open("open");
    let run = |handed_over, not_handed_over| run_job(&practice, handed_over, not_handed_over);
    // Nobody waits for a mail system in an emergency.
    practice.accepted(&practice.colleague.token, breaking(&client, "break"));
    assert_eq!(reading(&practice, &client, &practice.colleague)[0], "emergency.records");
    assert_eq!(listed(&practice)[0]["client_message_accepted_at"], Value::Null);
    assert!(
        practice
            .world
            .log()
            .iter()
            .any(|line| line.contains("consent-emergencies"))
    );
    run(0, 1);
    practice.world.clock.advance(SignedDuration::from_mins(1));
    deploy_notify(&practice);
    run(1, 0);
    assert_eq!(
        listed(&practice)[0]["client_message_accepted_at"],
        json!("2026-12-01T08:01:00Z")
    );
    assert_eq!(TAKEN.take().len(), 2);
    run(0, 0);
    assert!(TAKEN.take().is_empty());
    for token in [
        &practice.admin.token,
        &practice.officer.token,
        &practice.colleague.token,
    ] {
        practice.refused(token, Call::post(JOB, &json!({})), 403, "access-denied");
    }
}

/// A shared file has no entry in `identity`: a message to it would reach nobody.
#[test]
fn of_a_shared_file_each_participant_is_written_to() {
    let practice = Practice::new();
    deploy_notify(&practice);
    let mut participants = [practice.open("one"), practice.open("other")];
    participants.sort_by_key(|client| client.parse::<ClientId>().unwrap());
    let couple = Call::post("/v1/consent/clients", &json!({"participants": participants})).once("both");
    let both = practice.accepted(&practice.clinician.token, couple).text("client_id");
    let recipients = || -> Vec<String> {
        let taken = TAKEN.take();
        let clients = taken.iter().filter_map(|message| match &message.recipient {
            Recipient::Client { client_id, .. } => Some(client_id.to_string()),
            _ => None,
        });
        clients.collect()
    };
    practice.accepted(&practice.colleague.token, breaking(&both, "break"));
    assert_eq!(recipients(), participants);
    assert!(listed(&practice)[0]["client_message_accepted_at"].is_string());

    // That one could not be told keeps nothing from the other, and nobody says that both were.
    practice.world.clock.advance(SignedDuration::from_secs(1));
    UNTAKEN.set(participants[0].parse().ok());
    practice.accepted(&practice.colleague.token, breaking(&both, "again"));
    assert_eq!(recipients(), participants[1..]);
    assert_eq!(listed(&practice)[0]["client_message_accepted_at"], Value::Null);
    run_job(&practice, 0, 1);
    UNTAKEN.take();
    run_job(&practice, 1, 0);
    assert_eq!(
        listed(&practice)[0]["client_message_accepted_at"],
        "2026-12-01T08:00:01Z"
    );
    run_job(&practice, 0, 0);
}

/// A clinic that has not said whom to ask about privacy: the client is told, and its list has it for whoever looks.
#[test]
fn where_nobody_is_named_the_client_is_told_and_the_job_is_done() {
    let practice = Practice::unsaid();
    let client = practice.open("open");
    practice.accepted(&practice.colleague.token, breaking(&client, "break"));
    deploy_notify(&practice);
    for handed_over in [1, 0] {
        run_job(&practice, handed_over, 0);
        assert_eq!(TAKEN.take().len(), handed_over);
    }
    // As soon as somebody is named, she is told what waits for her.
    let said = practice.as_admin(Call::put("/v1/consent/jurisdiction", &testkit::jurisdiction()));
    assert_eq!(said.status, 201);
    run_job(&practice, 1, 0);
    let messages = TAKEN.take();
    assert!(matches!(
        &messages[..],
        [Message {
            content: Content::UrgentAccessReview,
            ..
        }]
    ));
}

#[test]
fn breaking_the_glass_and_reviewing_are_finished_by_a_repeated_request() {
    at_every_crash(
        |practice| {
            deploy_notify(practice);
            breaking(&practice.open("open"), "break").bearer(&practice.colleague.token)
        },
        |practice, is_acknowledged| {
            let client = practice.open("open");
            let is_open = reading(practice, &client, &practice.colleague)[0] == "emergency.records";
            // Nothing is ever open that the privacy officer does not find.
            assert!(!is_open || listed(practice).len() == 1);
            assert!(!is_acknowledged || is_open);
        },
        |practice, answer| {
            let client = practice.open("open");
            assert_eq!(practice.events(&client), ["joined_care_team", "broke_glass"]);
            assert_eq!(listed(practice).len(), 1);
            assert!(answer.text("until").as_str() <= "2026-12-01T09:01:01Z");
            assert_eq!(reading(practice, &client, &practice.colleague)[0], "emergency.records");
            assert_eq!(TAKEN.take().len(), 2, "each was told once");
        },
    );
    at_every_crash(
        |practice| {
            deploy_notify(practice);
            let taken = practice.accepted(&practice.colleague.token, breaking(&practice.open("open"), "break"));
            reviewing(&taken.text("emergency_id"), "unjustified").bearer(&practice.officer.token)
        },
        |practice, is_acknowledged| {
            let rule = &reading(practice, &practice.open("open"), &practice.colleague)[0];
            assert!(!is_acknowledged || rule == "deny.no-rule");
        },
        |practice, _| {
            assert_eq!(
                reading(practice, &practice.open("open"), &practice.colleague)[0],
                "deny.no-rule"
            );
        },
    );
}

/// What was found unjustified is closed, however the review meets a request that is still about to open it.
#[test]
fn a_review_holds_however_it_meets_the_breaking() {
    let prepare = |practice: &Practice| {
        deploy_notify(practice);
        let client = practice.open("open");
        let breaks = breaking(&client, "break").bearer(&practice.colleague.token);
        practice.die_entered(&client, &breaks);
        assert_eq!(reading(practice, &client, &practice.colleague)[0], "deny.no-rule");
        let id = listed(practice)[0]["emergency_id"].as_str().unwrap().to_owned();
        (breaks, reviewing(&id, "unjustified").bearer(&practice.officer.token))
    };
    let verify = |practice: &Practice, nth: usize| {
        let rule = &reading(practice, &practice.open("open"), &practice.colleague)[0];
        assert_eq!(rule, "deny.no-rule", "{nth}");
    };
    at_every_interleaving(prepare, verify);
    at_every_interleaving(
        |practice| {
            let (breaks, review) = prepare(practice);
            (review, breaks)
        },
        verify,
    );
}
