//! The story: a clinic opens, a client consents, her note is written, read, refused, withdrawn and accounted for.

use std::path::PathBuf;

use access::{InNameOf, PrivateCall};
use anyhow::{Result, bail};
use crypto::Keyring;
use model::Function;
use ports::EntropyExt as _;
use serde_json::{Value, json};

use crate::command::verify;
use crate::home::{Home, SystemEntropy};
use crate::tour::choices::{self, Setting};
use crate::tour::papers::{consent, incomplete_notice, note, notice};
use crate::tour::patient::Patient;
use crate::tour::people::{Clinic, PASSWORD, Person, log_in, now};
use crate::tour::stage::{Answer, Ask, Stage};
use crate::tour::tamper::Copy;

/// What is at hand where the deployment's folder is on this machine.
pub(crate) struct Local {
    pub(crate) manifest: PathBuf,
    pub(crate) home: Home,
    /// To send a message as `auth` would.
    pub(crate) auth: Keyring,
}

/// Plays the whole story. Answers that are not as promised are counted by the stage; only a silent server ends it.
pub(crate) fn play(stage: &mut Stage, patient: &Patient, code: &str, local: Option<&Local>) -> Result<()> {
    let mut denials = Vec::new();

    stage.say("\nA clinic opens\n");
    stage.expect(
        401,
        "A wrong code opens nothing",
        &Ask::post("/v1/auth/clinics", founding("cfb_AAAA")),
    )?;
    let founded = stage.expect(
        201,
        "The one-time code opens a clinic and makes its first administrator",
        &Ask::post("/v1/auth/clinics", founding(code)),
    )?;
    let clinic = founded.text("/clinic_id");
    let admin = log_in(stage, &clinic, "admin@tour.example", &founded)?;
    let mut people = Clinic {
        stage,
        clinic: &clinic,
        admin: &admin,
    };
    let clinician = people.staff("dr.rivera@tour.example", "clinician")?;
    let outsider = people.staff("dr.okafor@tour.example", "clinician")?;
    let officer = people.staff("privacy@tour.example", "privacy_officer")?;

    stage.say("\nBefore consent, nothing is collected\n");
    let opened = stage.expect(
        201,
        "A clinician opens a file for a new client: an opaque id, nothing else",
        &Ask::post("/v1/consent/clients", json!({})).by(&clinician.token),
    )?;
    let client = opened.text("/client_id");
    let records = format!("/v1/records/clients/{client}/records");
    let progress_note = note(&patient.note);
    deny(
        &mut denials,
        &stage.expect(
            403,
            "Who she is can't be registered before she consents",
            &Ask::post("/v1/identity/clients", patient.registration(&client)).by(&clinician.token),
        )?,
    );
    deny(
        &mut denials,
        &stage.expect(
            403,
            "Nor can a note be written",
            &Ask::post(&records, progress_note.clone()).by(&clinician.token),
        )?,
    );

    stage.say("\nShe is asked, and agrees\n");
    stage.expect(
        409,
        "Before it says which laws it is under, the clinic can publish nothing",
        &Ask::post("/v1/consent/notices", notice()).by(&admin.token),
    )?;
    stage.expect(
        201,
        "It says so, and whom to ask about privacy",
        &Ask::put("/v1/consent/jurisdiction", jurisdiction()).by(&admin.token),
    )?;
    stage.expect(
        422,
        "A notice that does not tell what these laws want told is refused",
        &Ask::post("/v1/consent/notices", incomplete_notice()).by(&admin.token),
    )?;
    let published = stage.expect(
        201,
        "The clinic publishes what it tells its clients",
        &Ask::post("/v1/consent/notices", notice()).by(&admin.token),
    )?;
    let notice_id = published.text("/notice_id");
    stage.expect(
        200,
        "Anybody can read it, without an account",
        &Ask::get(format!("/v1/consent/notices/{clinic}/{notice_id}")),
    )?;
    let consents = format!("/v1/consent/clients/{client}/consents");
    let consented = stage.expect(
        201,
        "Her consent is recorded, bound to exactly that text",
        &Ask::post(&consents, consent(&notice_id)).by(&clinician.token),
    )?;
    stage.check(
        consented.text("/notice_sha256") == published.text("/sha256"),
        "the consent's notice_sha256 is the notice's sha256",
        "The consent names the text by its hash",
    );

    stage.say("\nThe note is written, and read by those who treat her\n");
    stage.expect(
        201,
        "She is registered: name, contact, birth date, preferences, sealed apart from her notes",
        &Ask::post("/v1/identity/clients", patient.registration(&client)).by(&clinician.token),
    )?;
    let written = stage.expect(
        201,
        "Her clinician writes the note",
        &Ask::post(&records, progress_note).by(&clinician.token),
    )?;
    let record = format!("{records}/{}", written.text("/id"));
    let read = stage.expect(200, "and reads it", &Ask::get(&record).by(&clinician.token))?;
    stage.check(
        read.text("/content/text") == patient.note,
        "the text read is the text written",
        "It says what was written",
    );
    let amended = stage.expect(
        200,
        "An amendment makes a new version and keeps the old one",
        &Ask::put(
            &record,
            json!({"reason": "spelling", "record": note(&format!("{} She smiled at the end.", patient.note))}),
        )
        .by(&clinician.token)
        .if_match(read.etag.as_deref()),
    )?;
    stage.expect(
        412,
        "Amending what has changed meanwhile is refused",
        &Ask::put(&record, json!({"reason": "late", "record": note("late")}))
            .by(&clinician.token)
            .if_match(read.etag.as_deref()),
    )?;
    let versions = stage.expect(
        200,
        "Both versions can be read",
        &Ask::get(format!("{record}/versions")).by(&clinician.token),
    )?;
    stage.check(
        versions
            .json
            .pointer("/versions/1/content/text")
            .and_then(Value::as_str)
            == Some(patient.note.as_str())
            && amended.etag != read.etag,
        "the first version still says what it said",
        "Nothing is overwritten",
    );
    let found = stage.expect(
        200,
        "She is found by her exact e-mail address, through an index that holds no address",
        &Ask::post(
            "/v1/identity/clients/search",
            json!({"email": patient.email.to_uppercase()}),
        )
        .by(&clinician.token),
    )?;
    stage.check(
        found.text("/clients/0/client_id") == client,
        "the search finds her client id",
        "Spelling in capitals makes no difference",
    );

    stage.say("\nEverybody else is refused\n");
    stage.expect(401, "Nobody without a session", &Ask::get(&record))?;
    deny(
        &mut denials,
        &stage.expect(
            403,
            "Not the administrator: who runs the clinic never sees notes",
            &Ask::get(&record).by(&admin.token),
        )?,
    );
    deny(
        &mut denials,
        &stage.expect(
            403,
            "Not a clinician of the same clinic who does not treat her",
            &Ask::get(&record).by(&outsider.token),
        )?,
    );
    deny(
        &mut denials,
        &stage.expect(
            403,
            "Not the privacy officer, who sees evidence and not content",
            &Ask::get(&record).by(&officer.token),
        )?,
    );
    stage.expect(
        404,
        "Not her clinician under another id: what is not there and what is somebody else's look the same",
        &Ask::get(format!("{records}/rec_00000000000000000000000000")).by(&clinician.token),
    )?;

    stage.say("\nThe client herself\n");
    let herself = Clinic {
        stage,
        clinic: &clinic,
        admin: &admin,
    }
    .client(&patient.email, &client)?;
    stage.expect(200, "She reads her own note", &Ask::get(&record).by(&herself.token))?;
    deny(
        &mut denials,
        &stage.expect(
            403,
            "Psychotherapy notes are her clinician's own",
            &Ask::get(format!("/v1/records/clients/{client}/psychotherapy-notes")).by(&herself.token),
        )?,
    );

    choices::play(
        stage,
        &Setting {
            clinic: &clinic,
            admin: &admin,
            clinician: &clinician,
            outsider: &outsider,
            officer: &officer,
            herself: &herself,
            client: &client,
            record: &record,
            notice: &notice_id,
        },
        &mut denials,
    )?;

    stage.say("\nShe changes her mind\n");
    let withdraw = format!("{consents}/{}/withdraw", consented.text("/consent_id"));
    stage.expect(
        200,
        "She withdraws, in as many steps as it took to agree",
        &Ask::post(&withdraw, json!({})).by(&herself.token),
    )?;
    deny(
        &mut denials,
        &stage.expect(
            403,
            "The very next request is refused, to her clinician too",
            &Ask::get(&record).by(&clinician.token),
        )?,
    );
    deny(
        &mut denials,
        &stage.expect(
            403,
            "and nothing new is written",
            &Ask::post(&records, note("after")).by(&clinician.token),
        )?,
    );
    stage.expect(
        200,
        "Her own right to read does not hang on her consent",
        &Ask::get(&record).by(&herself.token),
    )?;

    stage.say("\nIt is all accounted for\n");
    account_for(stage, &officer, &denials)?;

    if let Some(Local { manifest, home, auth }) = local {
        stage.say("\nOne function asks another to tell somebody something\n");
        let has_messages = tell(stage, auth, &clinic, &admin, patient)?;
        stage.say(
            "\nSomebody with the store files changes one bit in every value (of a copy, which is served for it)\n",
        );
        tamper(
            stage,
            &Copy::serve(manifest, home)?,
            &Cast {
                clinic: &clinic,
                client: &client,
                record: &record,
                consents: &consents,
                herself: &herself,
                officer: &officer,
                admin: has_messages.then_some(&admin),
            },
        )?;
    } else {
        stage.say("\nThe stores are not on this machine: tampering with them is left out\n");
    }

    stage.say("\nThe day ends\n");
    stage.expect(
        204,
        "Her clinician logs out",
        &Ask::new(http::Method::DELETE, "/v1/auth/sessions/current").by(&clinician.token),
    )?;
    stage.expect(
        401,
        "and the token opens nothing on the next request, in any function",
        &Ask::get(&record).by(&clinician.token),
    )?;
    Ok(())
}

/// Keeps the id under which a denial is in the trail.
fn deny(denials: &mut Vec<String>, answer: &Answer) {
    denials.extend(answer.audit_id.clone());
}

fn founding(code: &str) -> Value {
    json!({
        "code": code,
        "clinic": {"name": "Harbour Counselling (tour)"},
        "administrator": {"email": "admin@tour.example", "display_name": "Tour administrator", "password": PASSWORD},
    })
}

fn jurisdiction() -> Value {
    json!({
        "regimes": ["gdpr", "hipaa"],
        "privacy_contact": {"name": "Paula Privacy", "email": "privacy@tour.example"},
        "languages": ["en", "hi"],
    })
}

/// Every denial is in the trail under the id that its answer carried; the chains are whole; the export can be checked offline.
fn account_for(stage: &mut Stage, officer: &Person, denials: &[String]) -> Result<()> {
    let listed = stage.expect(
        200,
        "The privacy officer asks for every denial",
        &Ask::get("/v1/audit/events?decision=denied&limit=200").by(&officer.token),
    )?;
    let ids: Vec<&str> = listed
        .json
        .pointer("/events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|event| event.get("id")?.as_str())
        .collect();
    stage.check(
        !denials.is_empty() && denials.iter().all(|denial| ids.contains(&denial.as_str())),
        &format!("{} denials of this tour, each found by its Audit-Id", denials.len()),
        "None is missing",
    );
    let verified = stage.expect(
        200,
        "Every chain of the trail is recomputed",
        &Ask::get("/v1/audit/verify").by(&officer.token),
    )?;
    stage.check(
        verified.json.pointer("/intact") == Some(&Value::Bool(true)),
        &format!("{} events", verified.json.pointer("/events").unwrap_or(&Value::Null)),
        "All are as they were recorded",
    );
    let keys = stage.ask(&Ask::get("/v1/audit/keys"))?;
    let exported = stage.expect(
        200,
        "She takes a signed copy",
        &Ask::get("/v1/audit/export").by(&officer.token),
    )?;
    let key = keys.text("/public_key");
    let check = |json: &Value| -> Result<()> {
        let export = serde_json::from_value(json.clone())?;
        verify::check(&export, Some(&key))
    };
    stage.check(
        check(&exported.json).is_ok(),
        "confide verify",
        "which is checked without any key but the public one",
    );
    let forged = exported.json.to_string().replacen("denied", "allowed", 1);
    let forged = serde_json::from_str(&forged).unwrap_or(Value::Null);
    stage.check(
        check(&forged).is_err(),
        "the same with one word changed",
        "and in which one changed word is found",
    );
    Ok(())
}

struct Cast<'a> {
    clinic: &'a str,
    client: &'a str,
    record: &'a str,
    consents: &'a str,
    herself: &'a Person,
    officer: &'a Person,
    /// Who sees messages, where the deployment has any.
    admin: Option<&'a Person>,
}

/// Sends a message as `auth` would, and without its key. `false` where the deployment sends no messages.
fn tell(stage: &mut Stage, auth: &Keyring, clinic: &str, admin: &Person, patient: &Patient) -> Result<bool> {
    const MESSAGES: &str = "/v1/notify/messages";
    let message = json!({
        "key": format!("tour-{}", SystemEntropy.id::<model::kind::Message>()), "clinic_id": clinic,
        "recipient": {"email": patient.email}, "content": {"template": "password_changed"},
        "language": patient.language, "urgency": "queued",
    });
    stage.expect(
        404,
        "A message that no function of Confide sends finds nobody who takes it",
        &Ask::post(MESSAGES, message.clone()).by(&admin.token),
    )?;
    let body = serde_json::to_vec(&message)?;
    let call = PrivateCall {
        caller: Function::Auth,
        callee: Function::Notify,
        method: "POST",
        target: MESSAGES,
        in_name_of: InNameOf::default(),
        body: &body,
    };
    let proof = call.prove(auth.calls(Function::Notify)?, now());
    let taken = stage.ask(&Ask::post(MESSAGES, message).private_call(proof))?;
    if taken.problem() == Some("provider-not-configured") {
        stage.say("This deployment has nobody to send messages by: the rest is left out");
        return Ok(false);
    }
    stage.check(
        taken.status == 200 && taken.text("/state") == "pending",
        "the same with the key that only the two functions hold",
        "One that a function sends is durable before it leaves",
    );
    let listed = stage.expect(
        200,
        "The administrator sees that there is one, not what it says nor to whom",
        &Ask::get(MESSAGES).by(&admin.token),
    )?;
    stage.check(
        listed.text("/messages/0/message_id") == taken.text("/message_id")
            && !listed.json.to_string().contains(&patient.email),
        "message_id, template, state, times",
        "and nothing else is in the list",
    );
    Ok(true)
}

/// For each store a request that reads from it. It must be refused, and must not say anything of what it read.
fn tamper(stage: &mut Stage, copy: &Copy, cast: &Cast<'_>) -> Result<()> {
    let own = |path: String| Ask::get(path).by(&cast.herself.token);
    let untouched = stage.ask_of(copy.client(), &own(cast.record.to_owned()))?;
    if untouched.status != 200 {
        bail!(
            "the copy answers {} where the deployment answers 200: take the tour with the environment that the deployment has ({})",
            untouched.status,
            untouched.problem().unwrap_or_default()
        );
    }
    for label in copy.labels() {
        let probe = match label {
            "accounts" => Ask::post(
                "/v1/auth/sessions",
                json!({"clinic_id": cast.clinic, "email": "admin@tour.example", "password": PASSWORD, "totp": "000000"}),
            ),
            "sessions" => own("/v1/auth/sessions/current".to_owned()),
            "permissions" | "health" | "health-keys" => own(cast.record.to_owned()),
            "identity" | "identity-keys" => own(format!("/v1/identity/clients/{}", cast.client)),
            "consent" => own(cast.consents.to_owned()),
            "audit" => Ask::get("/v1/audit/verify").by(&cast.officer.token),
            "notify" => match cast.admin {
                Some(admin) => Ask::get("/v1/notify/messages").by(&admin.token),
                None => continue,
            },
            // The tour writes no invoice, so nothing lies there.
            "billing" | "billing-keys" => continue,
            unknown => {
                stage.check(false, unknown, "A store that the tour knows no check for");
                continue;
            }
        };
        let tampered = copy.tamper(label)?;
        let answer = stage.ask_of(copy.client(), &probe)?;
        let detected = answer.problem() == Some("integrity-violation")
            || answer.json.pointer("/intact") == Some(&Value::Bool(false));
        stage.check(
            detected && tampered.count() > 0,
            &format!(
                "{label}: {} values changed, answer {} {}",
                tampered.count(),
                answer.status,
                answer.problem().unwrap_or("intact: false")
            ),
            &format!("A changed byte in store `{label}` is detected"),
        );
    }
    let restored = stage.ask_of(copy.client(), &own(cast.record.to_owned()))?;
    stage.check(
        restored.status == 200,
        &format!("GET    {}: {}", cast.record, restored.status),
        "With the bytes back as they were, all is well again",
    );
    Ok(())
}
