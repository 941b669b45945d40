//! What a client decides, and who decides for her: her language, what she hides, an emergency, and a child who comes of age.

use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use receipt::JwkSet;
use serde_json::{Value, json};

use crate::tour::papers::{note, notice};
use crate::tour::people::{Clinic, Person, account, now};
use crate::tour::stage::{Answer, Ask, Stage};

/// How long the child of the tour stays one, in seconds. Long enough for what happens before, on a slow machine too.
const CHILDHOOD: i64 = 8;

/// Who and what there is already.
pub(crate) struct Setting<'a> {
    pub(crate) clinic: &'a str,
    pub(crate) admin: &'a Person,
    pub(crate) clinician: &'a Person,
    pub(crate) outsider: &'a Person,
    pub(crate) officer: &'a Person,
    pub(crate) herself: &'a Person,
    pub(crate) client: &'a str,
    pub(crate) record: &'a str,
    pub(crate) notice: &'a str,
}

/// Plays these chapters.
pub(crate) fn play(stage: &mut Stage, setting: &Setting<'_>, denials: &mut Vec<String>) -> Result<()> {
    in_her_own_language(stage, setting)?;
    what_she_hides(stage, setting, denials)?;
    an_emergency(stage, setting, denials)?;
    a_child(stage, setting, denials)
}

fn keep(denials: &mut Vec<String>, answer: &Answer) {
    denials.extend(answer.audit_id.clone());
}

fn open_file(stage: &mut Stage, clinician: &Person, meaning: &str) -> Result<String> {
    let opened = stage.expect(
        201,
        meaning,
        &Ask::post("/v1/consent/clients", json!({})).by(&clinician.token),
    )?;
    Ok(opened.text("/client_id"))
}

fn terms(notice: &str, language: &str) -> Value {
    json!({"notice_id": notice, "language": language, "purposes": ["TREAT"], "classes": ["identity", "health"],
        "given_by": "client", "method": "electronic"})
}

/// The same notice, as those read it who read Hindi.
fn in_hindi(original: &str) -> Value {
    let mut notice = notice();
    if let Some(fields) = notice.as_object_mut() {
        for (field, text) in [
            ("language", "hi"),
            ("translates", original),
            ("title", "आप जो बताते हैं, उसकी हम कैसे रक्षा करते हैं"),
            (
                "text",
                "हम आपका नाम, संपर्क और टिप्पणियाँ आपके उपचार के लिए सीलबंद रखते हैं, और केवल आपका उपचार करने वाले ही उन्हें पढ़ते हैं।",
            ),
            (
                "withdrawal",
                "अपने चिकित्सक से कहें, या ऐप में 'वापस लें' दबाएँ: यह तुरंत लागू होता है।",
            ),
        ] {
            fields.insert(field.to_owned(), text.into());
        }
    }
    notice
}

fn in_her_own_language(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    stage.say("\nIn her own language\n");
    let hindi = stage.expect(
        201,
        "The notice is published in Hindi too: the same version, items and purposes",
        &Ask::post("/v1/consent/notices", in_hindi(setting.notice)).by(&setting.admin.token),
    )?;
    let found = stage.expect(
        200,
        "Whoever asks for it in Hindi is shown that one, without an account",
        &Ask::get(format!(
            "/v1/consent/notices/{}?language=hi-IN&current=true",
            setting.clinic
        )),
    )?;
    stage.check(
        found.text("/notices/0/notice_id") == hindi.text("/notice_id"),
        "hi for hi-IN (RFC 4647)",
        "It is the nearest there is",
    );
    let client = open_file(stage, setting.clinician, "Another client's file is opened")?;
    let consents = format!("/v1/consent/clients/{client}/consents");
    stage.expect(
        422,
        "That she agreed in English on the Hindi text can't be recorded",
        &Ask::post(&consents, terms(&hindi.text("/notice_id"), "en")).by(&setting.clinician.token),
    )?;
    let given = stage.expect(
        201,
        "That she agreed in Hindi can",
        &Ask::post(&consents, terms(&hindi.text("/notice_id"), "hi")).by(&setting.clinician.token),
    )?;
    let keys = stage.expect(
        200,
        "The keys that receipts are checked with are everybody's",
        &Ask::get("/v1/consent/receipt-keys"),
    )?;
    let keys: Option<JwkSet> = serde_json::from_value(keys.json).ok();
    let is_good = |receipt: &str| keys.as_ref().is_some_and(|keys| keys.verify(receipt).is_ok());
    let receipt = given.text("/receipt");
    stage.check(
        is_good(&receipt),
        "an Ed25519 signature over an ISO/IEC TS 27560 record",
        "She keeps a receipt, which `confide verify` checks without asking anybody",
    );
    stage.check(
        !is_good(&changed(&receipt)),
        "the same with one byte changed",
        "and of which one changed byte is found",
    );
    let consent = given.text("/consent_id");
    let resource = stage.expect(
        200,
        "Another system gets the same as a FHIR R4 resource",
        &Ask::get(format!("{consents}/{consent}/fhir")).by(&setting.clinician.token),
    )?;
    stage.check(
        resource.text("/resourceType") == "Consent" && resource.text("/status") == "active",
        "Consent, active",
        "It says what she agreed to",
    );
    stage.expect(
        200,
        "She takes it back, in one step as she gave it",
        &Ask::post(format!("{consents}/{consent}/withdraw"), json!({})).by(&setting.clinician.token),
    )?;
    let resource = stage.expect(
        200,
        "and the resource says so",
        &Ask::get(format!("{consents}/{consent}/fhir")).by(&setting.clinician.token),
    )?;
    stage.check(resource.text("/status") == "inactive", "Consent, inactive", "at once");
    Ok(())
}

/// One character in the middle is another one.
fn changed(receipt: &str) -> String {
    let middle = receipt.len() / 2;
    receipt
        .char_indices()
        .map(|(index, character)| match (index == middle, character) {
            (false, character) => character,
            (true, 'A') => 'B',
            (true, _) => 'A',
        })
        .collect()
}

fn what_she_hides(stage: &mut Stage, setting: &Setting<'_>, denials: &mut Vec<String>) -> Result<()> {
    stage.say("\nWhat she hides\n");
    let restrictions = format!("/v1/consent/clients/{}/restrictions", setting.client);
    let hidden = stage.expect(
        201,
        "The client locks her clinical records, without taking back her consent",
        &Ask::post(&restrictions, json!({"class": "health"})).by(&setting.herself.token),
    )?;
    keep(
        denials,
        &stage.expect(
            403,
            "Her own clinician is refused, and told that what he has may be incomplete",
            &Ask::get(setting.record).by(&setting.clinician.token),
        )?,
    );
    let clinician = account(stage, setting.clinician)?;
    let explained = stage.expect(
        200,
        "She asks why somebody would be refused, and is told rule by rule",
        &Ask::get(format!(
            "/v1/consent/clients/{}/access/explain?account_id={clinician}&role=clinician&action=read&class=health",
            setting.client
        ))
        .by(&setting.herself.token),
    )?;
    stage.check(
        explained.text("/rule") == "deny.restricted",
        "deny.restricted",
        "because she hides it",
    );
    stage.expect(
        204,
        "She unlocks them",
        &Ask::new(
            http::Method::DELETE,
            format!("{restrictions}/{}", hidden.text("/restriction_id")),
        )
        .by(&setting.herself.token),
    )?;
    stage.expect(
        200,
        "and her clinician reads again",
        &Ask::get(setting.record).by(&setting.clinician.token),
    )?;
    Ok(())
}

fn an_emergency(stage: &mut Stage, setting: &Setting<'_>, denials: &mut Vec<String>) -> Result<()> {
    stage.say("\nAn emergency\n");
    let read = || Ask::get(setting.record).by(&setting.outsider.token).purpose("BTG");
    keep(
        denials,
        &stage.expect(403, "To say that it is an emergency opens nothing", &read())?,
    );
    let path = format!("/v1/consent/clients/{}/emergency-access", setting.client);
    stage.expect(
        422,
        "To break the glass a clinician has to say why",
        &Ask::post(&path, json!({"reason": "need it"})).by(&setting.outsider.token),
    )?;
    let taken = stage.expect(
        201,
        "One who does not treat her says why, and is let in for an hour",
        &Ask::post(
            &path,
            json!({"reason": "Brought in unconscious; which medication does she take?"}),
        )
        .by(&setting.outsider.token),
    )?;
    stage.expect(200, "She reads the note", &read())?;
    keep(
        denials,
        &stage.expect(
            403,
            "and writes nothing",
            &Ask::post(
                format!("/v1/records/clients/{}/records", setting.client),
                note("from the emergency room"),
            )
            .by(&setting.outsider.token)
            .purpose("BTG"),
        )?,
    );
    let emergency = taken.text("/emergency_id");
    let events = stage.expect(
        200,
        "The trail flags what was read by it",
        &Ask::get(format!("/v1/audit/events?emergency={emergency}")).by(&setting.officer.token),
    )?;
    stage.check(
        events.text("/events/0/rule") == "emergency.records",
        "emergency.records",
        "with the emergency that it was read in",
    );
    let told = stage.expect(
        200,
        "The client is told who, when and why",
        &Ask::get(&path).by(&setting.herself.token),
    )?;
    stage.check(
        told.text("/emergencies/0/emergency_id") == emergency,
        "account_id, reason, taken_at, until",
        "and sees it in her own list",
    );
    stage.expect(
        200,
        "The privacy officer finds it waiting for review",
        &Ask::get("/v1/consent/emergency-access").by(&setting.officer.token),
    )?;
    stage.expect(
        200,
        "and finds that it was not justified",
        &Ask::put(
            format!("/v1/consent/emergency-access/{emergency}/review"),
            json!({"finding": "unjustified", "note": "No emergency at that time; spoken to."}),
        )
        .by(&setting.officer.token),
    )?;
    keep(
        denials,
        &stage.expect(403, "so it ends at once, before its hour is over", &read())?,
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a child comes of age in real time")]
fn wait_until(moment: Timestamp) -> Result<()> {
    let left = moment.duration_since(now()).as_millis().max(0);
    // The deployment's clock is that of this machine, or nearly so.
    std::thread::sleep(Duration::from_millis(u64::try_from(left)?) + Duration::from_millis(50));
    Ok(())
}

fn a_child(stage: &mut Stage, setting: &Setting<'_>, denials: &mut Vec<String>) -> Result<()> {
    stage.say("\nA child comes of age\n");
    let client = open_file(stage, setting.clinician, "A file is opened for a girl of seventeen")?;
    let mut people = Clinic {
        stage,
        clinic: setting.clinic,
        admin: setting.admin,
    };
    let (mother, mother_account) = people.guardian("mother@tour.example")?;
    let daughter = people.client("daughter@tour.example", &client)?;
    let of_age = now() + SignedDuration::from_secs(CHILDHOOD);
    let file = format!("/v1/consent/clients/{client}");
    stage.expect(
        204,
        &format!("Until when she is a child is all that is kept of her age; here it is {CHILDHOOD} seconds"),
        &Ask::put(format!("{file}/minority"), json!({"until": of_age.to_string()})).by(&setting.clinician.token),
    )?;
    stage.expect(
        204,
        "Her mother has shown who she is, and may act for her",
        &Ask::put(
            format!("{file}/representatives/{mother_account}"),
            json!({"authority": "parent", "verification": "details_given"}),
        )
        .by(&setting.admin.token),
    )?;
    let consents = format!("{file}/consents");
    keep(
        denials,
        &stage.expect(
            403,
            "She can't agree herself yet",
            &Ask::post(&consents, terms(setting.notice, "en")).by(&daughter.token),
        )?,
    );
    let mut by_mother = terms(setting.notice, "en");
    if let Some(fields) = by_mother.as_object_mut() {
        fields.insert("given_by".to_owned(), "guardian".into());
    }
    stage.expect(
        201,
        "Her mother agrees for her",
        &Ask::post(&consents, by_mother).by(&mother.token),
    )?;
    let records = format!("/v1/records/clients/{client}/records");
    let written = stage.expect(
        201,
        "Her clinician writes a note",
        &Ask::post(&records, note("School is hard.")).by(&setting.clinician.token),
    )?;
    let record = format!("{records}/{}", written.text("/id"));
    keep(
        denials,
        &stage.expect(
            403,
            "which her mother does not read: to be a parent is not to be let into a child's notes",
            &Ask::get(&record).by(&mother.token),
        )?,
    );
    stage.say("       … she turns eighteen");
    wait_until(of_age)?;
    keep(
        denials,
        &stage.expect(
            403,
            "In that moment her mother's consent ends: her clinician is refused",
            &Ask::get(&record).by(&setting.clinician.token),
        )?,
    );
    keep(
        denials,
        &stage.expect(
            403,
            "and so does her mother's right to act for her",
            &Ask::get(&consents).by(&mother.token),
        )?,
    );
    stage.expect(
        201,
        "She agrees herself",
        &Ask::post(&consents, terms(setting.notice, "en")).by(&daughter.token),
    )?;
    stage.expect(
        200,
        "and her treatment goes on",
        &Ask::get(&record).by(&setting.clinician.token),
    )?;
    Ok(())
}
