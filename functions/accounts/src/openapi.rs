//! What this function takes and answers, for `docs/openapi/accounts.json`.

use http::StatusCode;
use openapi::Operation;
use web::PageQuery;

use crate::access_review::{begin, decide, read, run};
use crate::recovery::RecoveryAnswer;
use crate::{
    administration, directory, email_change, enrolment, invitations, profile, recoveries, registration, service,
};

/// Answers an account that was just made, to whoever is its owner.
fn enrols(operation: Operation) -> Operation {
    operation
        .open()
        .answers::<enrolment::EnrolmentAnswer>(StatusCode::CREATED)
        .located()
        .rate_limited()
}

fn invitations() -> Vec<Operation> {
    vec![
        enrols(
            Operation::post(
                "/v1/auth/clinics",
                "Opens a clinic and its first administrator's account with the operator's code",
            )
            .body::<enrolment::OpenClinicBody>(),
        ),
        Operation::post("/v1/auth/invitations", "Invites somebody")
            .purpose()
            .idempotent()
            .body::<invitations::InvitationBody>()
            .answers::<invitations::InvitedAnswer>(StatusCode::CREATED),
        Operation::get("/v1/auth/invitations", "Invitations, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<invitations::ListAnswer>(StatusCode::OK),
        enrols(
            Operation::post("/v1/auth/invitations/accept", "Accepts an invitation").body::<enrolment::NewcomerBody>(),
        ),
        Operation::delete("/v1/auth/invitations/{invitation}", "Revokes an invitation")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT),
    ]
}

fn accounts() -> Vec<Operation> {
    vec![
        Operation::get("/v1/auth/accounts", "Accounts, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<administration::ListAnswer>(StatusCode::OK),
        Operation::get("/v1/auth/accounts/{account}", "An account")
            .purpose()
            .answers::<administration::AccountAnswer>(StatusCode::OK),
        Operation::post(
            "/v1/auth/accounts/{account}/disable",
            "Closes an account until it is enabled again",
        )
        .purpose()
        .body::<administration::ReasonBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/auth/accounts/{account}/enable",
            "Opens an account that was disabled",
        )
        .purpose()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post("/v1/auth/accounts/{account}/deactivate", "Closes an account for good")
            .purpose()
            .body::<administration::ReasonBody>()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::put(
            "/v1/auth/accounts/{account}/roles",
            "Gives one of staff other roles; all her sessions end",
        )
        .purpose()
        .body::<administration::RolesBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::put(
            "/v1/auth/accounts/{account}/client-file",
            "Links a client's account to her file, once",
        )
        .purpose()
        .body::<administration::ClientFileBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post("/v1/auth/service-identities", "Makes a service identity")
            .purpose()
            .idempotent()
            .body::<service::IdentityBody>()
            .answers::<service::MadeAnswer>(StatusCode::CREATED),
        Operation::get("/v1/auth/service-identities", "Service identities, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<service::ListAnswer>(StatusCode::OK),
        Operation::delete(
            "/v1/auth/service-identities/{account}",
            "Closes a service identity for good",
        )
        .purpose()
        .answers_nothing(StatusCode::NO_CONTENT),
    ]
}

fn clinic() -> Vec<Operation> {
    vec![
        Operation::get(
            "/v1/auth/staff",
            "What staff are called: those whose `ids` are named, or who works here now, newest first",
        )
        .purpose()
        .query::<directory::StaffQuery>()
        .answers::<directory::DirectoryAnswer>(StatusCode::OK),
        Operation::get("/v1/auth/clinic/settings", "The clinic's settings")
            .purpose()
            .answers::<registration::Settings>(StatusCode::OK),
        Operation::put("/v1/auth/clinic/settings", "Changes the clinic's settings")
            .purpose()
            .body::<registration::SettingsBody>()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/auth/registrations",
            "Has a link mailed to a client who wants an account",
        )
        .open()
        .body::<registration::RegistrationBody>()
        .answers::<registration::AskedAnswer>(StatusCode::ACCEPTED)
        .rate_limited(),
        enrols(
            Operation::post(
                "/v1/auth/registrations/confirm",
                "Opens a client's account with the link",
            )
            .body::<enrolment::NewcomerBody>(),
        ),
    ]
}

fn recoveries() -> Vec<Operation> {
    vec![
        Operation::post(
            "/v1/auth/recoveries",
            "Asks for the recovery of an account, which another administrator approves",
        )
        .purpose()
        .idempotent()
        .body::<recoveries::RecoveryBody>()
        .answers::<RecoveryAnswer>(StatusCode::CREATED),
        Operation::get("/v1/auth/recoveries", "Requests of recovery, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<recoveries::ListAnswer>(StatusCode::OK),
        Operation::delete("/v1/auth/recoveries/{recovery}", "Withdraws a request of recovery")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/auth/recoveries/{recovery}/approve",
            "Approves a recovery; a link is mailed to the account's owner",
        )
        .purpose()
        .answers_nothing(StatusCode::NO_CONTENT),
    ]
}

fn own_account() -> Vec<Operation> {
    vec![
        Operation::get("/v1/auth/profile", "What the own account says")
            .purpose()
            .answers::<profile::ProfileAnswer>(StatusCode::OK)
            .etag(),
        Operation::put("/v1/auth/profile", "Changes the own name and language")
            .purpose()
            .if_match()
            .body::<profile::ProfileBody>()
            .answers_nothing(StatusCode::NO_CONTENT)
            .etag(),
        Operation::post(
            "/v1/auth/email-change",
            "Asks for another address; a link is mailed to the one so far and to the new one",
        )
        .purpose()
        .body::<email_change::EmailBody>()
        .answers::<email_change::EmailChangeAnswer>(StatusCode::ACCEPTED)
        .rate_limited(),
        Operation::get("/v1/auth/email-change", "The open change of the address")
            .purpose()
            .answers::<email_change::EmailChangeAnswer>(StatusCode::OK),
        Operation::delete("/v1/auth/email-change", "Withdraws the change of the address")
            .purpose()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/auth/email-change/confirm",
            "Confirms the change of the address with either link",
        )
        .open()
        .body::<email_change::ConfirmBody>()
        .answers::<email_change::ConfirmedAnswer>(StatusCode::OK)
        .rate_limited(),
    ]
}

fn access_reviews() -> Vec<Operation> {
    vec![
        Operation::post(
            "/v1/auth/access-reviews",
            "Begins a review of who still needs an account",
        )
        .purpose()
        .idempotent()
        .body::<begin::BeginBody>()
        .answers::<read::ReviewAnswer>(StatusCode::CREATED)
        .located(),
        Operation::get("/v1/auth/access-reviews", "Access reviews, newest first")
            .purpose()
            .query::<PageQuery>()
            .answers::<read::ListAnswer>(StatusCode::OK),
        Operation::get(
            "/v1/auth/access-reviews/{review}",
            "An access review, its accounts and what was decided about each",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<read::ReadAnswer>(StatusCode::OK),
        Operation::get(
            "/v1/auth/access-reviews/{review}/evidence",
            "What happened in an access review, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<read::EvidenceAnswer>(StatusCode::OK),
        Operation::put(
            "/v1/auth/access-reviews/{review}/accounts/{account}",
            "Decides about an account",
        )
        .purpose()
        .body::<decide::DecisionBody>()
        .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(
            "/v1/auth/access-reviews/jobs/run",
            "Begins a review where one is due, and carries out what lapses",
        )
        .purpose()
        .answers::<run::RunAnswer>(StatusCode::OK),
    ]
}

#[test]
fn the_document_is_current() {
    let operations = [
        invitations(),
        accounts(),
        clinic(),
        recoveries(),
        own_account(),
        access_reviews(),
    ];
    openapi::assert_current("accounts", &crate::ROUTES, &operations.concat());
}
