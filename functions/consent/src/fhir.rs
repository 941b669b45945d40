//! A consent as the FHIR R4 resource `Consent` (<https://hl7.org/fhir/R4/consent.html>). Decisions on data alone.
//!
//! A base rule that permits, and no exception to it: what was agreed, and nothing beside it. Its elements narrow each other
//! (actor *and* action *and* label *and* purpose), and the values of one element widen it, so classes of data are told apart by one
//! element only, their security labels.

use access::Recipient;
use model::{ClientId, ClinicId, DataClass, Purpose, Timestamp, fhir_id};
use schemars::JsonSchema;
use serde::Serialize;

use crate::consent_state::ConsentState;
use crate::ledger::GivenBy;

/// The media type of the answer (FHIR R4, section 3.1.0.1.9).
pub(crate) const MEDIA_TYPE: &str = "application/fhir+json";

const LOINC: &str = "http://loinc.org";
const SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/consentcategorycodes";
const ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FhirCoding")]
struct Coding {
    system: &'static str,
    code: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FhirCodeableConcept")]
struct CodeableConcept {
    coding: [Coding; 1],
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FhirIdentifier")]
struct Identifier {
    value: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FhirReference")]
struct Reference {
    /// Absent for somebody who is known by name alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identifier: Option<Identifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "FhirConsentStatus")]
enum Status {
    Active,
    // The ledger holds no drafts and no errors.
    /// Withdrawn, superseded or expired.
    Inactive,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FhirPolicy")]
struct Policy {
    uri: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FhirPeriod")]
struct Period {
    start: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Timestamp>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FhirProvisionActor")]
struct Actor {
    role: CodeableConcept,
    reference: Reference,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FhirProvision")]
struct Provision {
    #[schemars(extend("const" = "permit"))]
    r#type: &'static str,
    period: Period,
    actor: [Actor; 1],
    action: Vec<CodeableConcept>,
    security_label: Vec<Coding>,
    purpose: Vec<Coding>,
}

/// The FHIR R4 resource `Consent`, as far as Confide fills it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FhirConsent")]
pub(crate) struct Consent {
    #[schemars(extend("const" = "Consent"))]
    resource_type: &'static str,
    /// As `consent_id`, with a hyphen for the underscore.
    id: String,
    identifier: [Identifier; 1],
    status: Status,
    scope: CodeableConcept,
    category: Vec<CodeableConcept>,
    patient: Reference,
    date_time: Timestamp,
    performer: [Reference; 1],
    organization: [Reference; 1],
    policy: [Policy; 1],
    policy_rule: CodeableConcept,
    provision: Provision,
}

/// The label of a class of data in v3-ActCode, which is a value of the resource's `security-labels`. Every class that a consent can
/// cover has one.
pub(crate) fn security_label(class: DataClass) -> Option<&'static str> {
    Some(match class {
        DataClass::Identity => "DEMO",
        // Not its children's parent: psychotherapy notes and substance use are labels beside it, and need a consent of their own.
        DataClass::Health => "MH",
        DataClass::Psychotherapy => "PSYTHPN",
        // A compartment, because v3-ActCode has no sensitivity of invoices.
        DataClass::Billing => "FMCOMPT",
        DataClass::SubstanceUse => "SUD",
        // What a care team coordinates itself by, for want of a label of appointments.
        DataClass::Schedule => "CTCOMPT",
        _ => return None,
    })
}

fn concept(system: &'static str, code: &'static str) -> CodeableConcept {
    CodeableConcept {
        coding: [Coding { system, code }],
    }
}

fn reference(to: &'static str, id: String) -> Reference {
    Reference {
        reference: Some(format!("{to}/{}", fhir_id(&id))),
        r#type: to,
        identifier: Some(Identifier { value: id }),
        display: None,
    }
}

fn patient(client: ClientId) -> Reference {
    reference("Patient", client.to_string())
}

fn organization(clinic: ClinicId) -> Reference {
    reference("Organization", clinic.to_string())
}

fn performer(state: &ConsentState<'_>) -> Reference {
    match (state.consent.given_by, state.consent.representative_id) {
        (GivenBy::Guardian, Some(representative)) => reference("RelatedPerson", representative.to_string()),
        (GivenBy::Guardian, None) | (GivenBy::Client, _) => patient(state.client),
    }
}

/// Whom it permits something: the clinic, or whom an authorization names alone.
fn actor(state: &ConsentState<'_>) -> Reference {
    match &state.consent.recipient {
        None => organization(state.clinic),
        Some(Recipient::Account(account)) => reference("Practitioner", account.to_string()),
        Some(Recipient::Name(name)) => Reference {
            reference: None,
            r#type: "Organization",
            identifier: None,
            display: Some(name.expose().clone()),
        },
    }
}

/// What it permits. To pass something on is agreed by naming to whom.
fn actions(recipient: Option<&Recipient>) -> Vec<CodeableConcept> {
    let actions: &[&'static str] = match recipient {
        None => &["collect", "access", "use"],
        Some(Recipient::Account(_)) => &["access", "use"],
        Some(Recipient::Name(_)) => &["disclose"],
    };
    actions.iter().map(|action| concept(ACTION, action)).collect()
}

fn categories(purposes: &[Purpose]) -> Vec<CodeableConcept> {
    // "Patient Consent".
    let consent = concept(LOINC, "59284-0");
    let research = purposes
        .contains(&Purpose::Research)
        .then(|| concept(CATEGORY, "research"));
    [consent].into_iter().chain(research).collect()
}

/// The resource of a consent, or nothing where it covers a class without a label: without a label it would permit more than was
/// agreed.
pub(crate) fn consent(state: &ConsentState<'_>) -> Option<Consent> {
    let consent = state.consent;
    let id = consent.consent_id.to_string();
    let security_label = consent
        .classes
        .iter()
        .map(|class| {
            let code = security_label(*class)?;
            Some(Coding { system: ACT_CODE, code })
        })
        .collect::<Option<Vec<_>>>()?;
    Some(Consent {
        resource_type: "Consent",
        id: fhir_id(&id),
        identifier: [Identifier { value: id }],
        status: match state.ended_at() {
            None => Status::Active,
            Some(_) => Status::Inactive,
        },
        scope: concept(SCOPE, "patient-privacy"),
        category: categories(&consent.purposes),
        patient: patient(state.client),
        date_time: consent.given_at,
        performer: [performer(state)],
        organization: [organization(state.clinic)],
        policy: [Policy {
            uri: state.notice_path(),
        }],
        // The notice says under which policy; the rule is that nothing is permitted but what was agreed.
        policy_rule: concept(ACT_CODE, "OPTIN"),
        provision: Provision {
            r#type: "permit",
            period: Period {
                start: consent.given_at,
                // Two hosts' clocks may differ by more than a withdrawal took, and a period never ends before it starts (per-1).
                end: state
                    .ended_at()
                    .or(consent.expires_at)
                    .map(|end| end.max(consent.given_at)),
            },
            // Without an actor anybody would be permitted; without an action, disclosure to others too.
            actor: [Actor {
                role: concept(PARTICIPATION, "IRCP"),
                reference: actor(state),
            }],
            action: actions(consent.recipient.as_ref()),
            security_label,
            purpose: consent
                .purposes
                .iter()
                .map(|purpose| Coding {
                    system: ACT_REASON,
                    code: purpose.code(),
                })
                .collect(),
        },
    })
}
