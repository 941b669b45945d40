//! Who stands by a record: its author, her supervisor, and those who add to it.

use std::cell::RefCell;

use super::*;

impl Practice {
    /// Somebody who supervises those who treat the client.
    pub(super) fn supervisor(&self) -> Staff {
        let supervisor = self.staff(Role::Clinician);
        let member = self.about(&format!("care-team/{}", supervisor.account));
        self.permits(&self.admin.token, Call::put(member, &json!({"role": "supervising"})));
        supervisor
    }

    pub(super) fn supervising(&self, supervisor: &Staff, record: &str, version: u64, what: &str, body: &Value) -> Call {
        Call::post(format!("{}/{record}/{what}", self.path(RECORDS)), body)
            .header("if-match", &format!("\"v{version}\""))
            .bearer(&supervisor.token)
    }

    /// A record at version 2 that awaits a supervisor.
    pub(super) fn awaiting(&self, supervisor: &Staff) -> String {
        let record = self.draft("draft", "SECRET one");
        let signed = self.send(&self.signing(&record, 1, &json!({"cosigner": supervisor.account})));
        assert_eq!(signed.status, 200, "{}", signed.json);
        record
    }

    /// What awaits somebody, as she lists it.
    pub(super) fn awaited(&self, token: &str) -> Vec<String> {
        let list = Call::get(format!("{}?status=awaiting_cosignature", self.path(RECORDS)));
        let list = self.send(&list.bearer(token));
        assert_eq!(list.status, 200, "{}", list.json);
        values(&list, "records", "id")
    }

    pub(super) fn adding(&self, staff: &Staff, record: &str, key: &str, text: &str) -> Call {
        Call::post(
            format!("{}/{record}/addenda", self.path(RECORDS)),
            &json!({"text": text}),
        )
        .once(key)
        .bearer(&staff.token)
    }
}

#[test]
fn a_supervisor_signs_beside_the_author() {
    let practice = Practice::new();
    let (supervisor, another) = (practice.supervisor(), practice.supervisor());
    let (author, cosigner) = (practice.clinician.account, supervisor.account);
    let record = practice.awaiting(&supervisor);
    let awaiting = practice.read(&record).json;
    assert_eq!(awaiting["status"], "awaiting_cosignature");
    assert_eq!(awaiting["cosigner"], json!(cosigner));
    let first = json!({"account": author, "version": 1, "signed_at": now_text(&practice)});
    assert_eq!(awaiting["signatures"], json!([first]));
    assert_eq!(practice.listed(), std::slice::from_ref(&record));
    let client = client_token(&practice);
    assert_eq!(practice.reads_as(&client, &record), awaiting);

    // She alone can, and from the version that she has seen.
    let cosign = practice.supervising(&supervisor, &record, 2, "cosign", &json!({}));
    let give_back = json!({"reason": "SECRET too brief"});
    for (who, version, status, problem) in [
        (&another, 2, 403, "not-cosigner"),
        (&practice.clinician, 2, 403, "access-denied"),
        (&practice.colleague, 2, 403, "access-denied"),
        (&supervisor, 1, 412, "stale-version"),
        (&supervisor, 3, 412, "stale-version"),
    ] {
        for (what, body) in [("cosign", &json!({})), ("return", &give_back)] {
            let refused = practice.send(&practice.supervising(who, &record, version, what, body));
            assert_refused(&refused, status, problem);
            let event = practice.event(&refused);
            assert_eq!(event.action, Action::Cosign);
            let denied = (status == 403).then_some(Decision::Denied);
            assert_eq!(event.decision, denied.unwrap_or(Decision::Allowed));
            if problem == "not-cosigner" {
                assert_eq!(event.rule, "deny.not-cosigner");
                assert_eq!(event.resource.as_deref(), Some(record.as_str()));
            }
        }
    }
    assert_eq!(practice.read(&record).json, awaiting);

    practice.world.clock.advance(SignedDuration::from_secs(5));
    let cosigned = practice.send(&cosign);
    assert_eq!(
        (cosigned.status, cosigned.header("etag")),
        (200, Some("\"v3\"")),
        "{}",
        cosigned.json
    );
    let event = practice.event(&cosigned);
    assert_eq!(
        (event.rule.as_str(), event.decision),
        ("supervision.cosign", Decision::Allowed)
    );
    assert_eq!(cosigned.json["status"], "cosigned");
    let second = json!({"account": cosigner, "version": 2, "signed_at": now_text(&practice)});
    assert_eq!(cosigned.json["signatures"], json!([first, second]));
    assert_eq!(practice.read(&record).json, cosigned.json);
    practice.world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(
        practice.send(&cosign).json,
        cosigned.json,
        "the same request again is the same"
    );
    for (what, body) in [("cosign", &json!({})), ("return", &give_back)] {
        let late = practice.send(&practice.supervising(&supervisor, &record, 3, what, body));
        assert_refused(&late, 409, "not-awaiting-cosignature");
    }

    // What she signed is not what it says after an amendment: she is asked again.
    let amended = practice.send(&practice.amending(&record, 3, "SECRET two"));
    assert_eq!(amended.json["status"], "awaiting_cosignature");
    let third = json!({"account": author, "version": 4, "signed_at": now_text(&practice)});
    assert_eq!(amended.json["signatures"], json!([third]));
    let again = practice.send(&practice.supervising(&supervisor, &record, 4, "cosign", &json!({})));
    assert_eq!(again.json["status"], "cosigned");
    assert_eq!(practice.versions(&record), [5, 4, 3, 2, 1]);
}

/// Client, colleagues and whoever breaks the glass go on reading it; the author is told why it does not do.
#[test]
fn an_amendment_of_what_both_signed_is_given_back_and_stays() {
    let practice = Practice::new();
    let supervisor = practice.supervisor();
    let record = practice.awaiting(&supervisor);
    let cosign = |version| practice.supervising(&supervisor, &record, version, "cosign", &json!({}));
    assert_eq!(practice.send(&cosign(2)).status, 200);
    assert_eq!(practice.send(&practice.amending(&record, 3, "SECRET two")).status, 200);
    let give_back = practice.supervising(&supervisor, &record, 4, "return", &json!({"reason": "SECRET why"}));
    assert_eq!(practice.send(&give_back).status, 204);
    assert_eq!(
        practice.send(&give_back).status,
        204,
        "the same request again is the same"
    );
    let read = practice.read(&record);
    assert_eq!(
        (read.header("etag"), &read.json["status"], &read.json["reason"]),
        (Some("\"v5\""), &json!("awaiting_cosignature"), &json!("SECRET why"))
    );
    let client = client_token(&practice);
    for token in [&client, &practice.colleague.token, &supervisor.token] {
        assert_eq!(practice.reads_as(token, &record), read.json);
    }
    assert_eq!((practice.drafts(), practice.listed()), (vec![], vec![record.clone()]));
    assert_eq!(practice.awaited(&supervisor.token), std::slice::from_ref(&record));
    assert_eq!(
        practice.send(&practice.amending(&record, 5, "SECRET three")).status,
        200
    );
    assert_eq!(practice.send(&cosign(6)).json["status"], "cosigned");
}

/// Whoever is to sign finds what awaits her, for as long as it does, and nobody else finds it by that.
#[test]
fn what_awaits_a_supervisor_is_listed_for_her() {
    let practice = Practice::new();
    let (supervisor, another) = (practice.supervisor(), practice.supervisor());
    assert!(practice.awaited(&supervisor.token).is_empty());
    practice.write("alone", "SECRET alone");
    let record = practice.awaiting(&supervisor);
    let only = std::slice::from_ref(&record);
    let others = [&another, &practice.clinician];
    let is_hers_alone = || {
        assert_eq!(practice.awaited(&supervisor.token), only);
        assert!(others.iter().all(|other| practice.awaited(&other.token).is_empty()));
    };
    is_hers_alone();
    let narrowed = |query: &str| {
        let list = format!("{}?status=awaiting_cosignature&{query}", practice.path(RECORDS));
        let list = practice.send(&Call::get(list).bearer(&supervisor.token));
        values(&list, "records", "id")
    };
    assert_eq!(narrowed("kind=progress_note"), only);
    assert_eq!(narrowed(&format!("author={}", practice.clinician.account)), only);
    assert!(narrowed("kind=assessment").is_empty());

    // Given back, it is its author's again; signed for another, that one's.
    let reason = json!({"reason": "SECRET too brief"});
    let returned = practice.send(&practice.supervising(&supervisor, &record, 2, "return", &reason));
    assert_eq!(returned.status, 204, "{}", returned.json);
    assert!(practice.awaited(&supervisor.token).is_empty());
    let signed = practice.send(&practice.signing(&record, 3, &json!({"cosigner": another.account})));
    assert_eq!(signed.status, 200, "{}", signed.json);
    assert_eq!(practice.awaited(&another.token), only);
    assert!(practice.awaited(&supervisor.token).is_empty());
    let cosigned = practice.send(&practice.supervising(&another, &record, 4, "cosign", &json!({})));
    assert_eq!(cosigned.status, 200, "{}", cosigned.json);
    assert!(practice.awaited(&another.token).is_empty());
    // An amendment asks her anew.
    assert_eq!(practice.send(&practice.amending(&record, 5, "SECRET two")).status, 200);
    assert_eq!(practice.awaited(&another.token), only);
    assert_eq!(practice.listed().len(), 2);
}

#[test]
fn a_supervisor_gives_back_what_is_not_good_yet() {
    let practice = Practice::new();
    let supervisor = practice.supervisor();
    let record = practice.awaiting(&supervisor);
    let own = format!("{}/{record}", practice.path(RECORDS));
    let blank = practice.supervising(&supervisor, &record, 2, "return", &json!({"reason": " "}));
    assert_violates(&practice.send(&blank), 422, "/reason", "length");
    let give_back = practice.supervising(
        &supervisor,
        &record,
        2,
        "return",
        &json!({"reason": "SECRET too brief"}),
    );
    let returned = practice.send(&give_back);
    assert_eq!((returned.status, returned.body()), (204, String::new()));
    assert_eq!(
        practice.send(&give_back).status,
        204,
        "the same request again is the same"
    );

    let draft = practice.read(&record);
    assert_eq!(
        (draft.header("etag"), &draft.json["status"]),
        (Some("\"v3\""), &json!("draft"))
    );
    assert_eq!(draft.json["reason"], "SECRET too brief");
    assert_eq!(draft.json["written_by"], json!(supervisor.account));
    assert_eq!(draft.json["signatures"], json!([]));
    assert_eq!((practice.drafts(), practice.listed()), (vec![record.clone()], vec![]));
    let read = Call::get(&own).bearer(&supervisor.token);
    assert_refused(&practice.send(&read), 404, "not-found");
    // Others have read it: it does not vanish.
    let discard = practice.of_version(Method::DELETE, &format!("/{record}"), 3);
    assert_refused(&practice.send(&discard), 409, "was-signed");
    // Signed again it awaits the same supervisor, whether the author names her or not.
    let signed = practice.send(&practice.signing(&record, 3, &json!({})));
    assert_eq!(signed.json["status"], "awaiting_cosignature");
    assert_eq!(signed.json["cosigner"], json!(supervisor.account));
    assert_eq!((practice.drafts(), practice.listed()), (vec![], vec![record.clone()]));
    let cosigned = practice.send(&practice.supervising(&supervisor, &record, 4, "cosign", &json!({})));
    assert_eq!(cosigned.status, 200, "{}", cosigned.json);
}

#[test]
fn only_who_supervises_is_asked_to_cosign() {
    let practice = Practice::new();
    let record = practice.draft("draft", "SECRET");
    let before = practice.state();
    for account in [
        practice.colleague.account,
        practice.clinician.account,
        practice.world.entropy.id(),
    ] {
        let refused = practice.send(&practice.signing(&record, 1, &json!({"cosigner": account})));
        assert_violates(&refused, 422, "/cosigner", "supervisor");
    }
    assert!(practice.state() == before);
    // One who has left signs nothing any more, and is not asked again.
    let supervisor = practice.supervisor();
    let signed = practice.send(&practice.signing(&record, 1, &json!({"cosigner": supervisor.account})));
    assert_eq!(signed.status, 200, "{}", signed.json);
    let member = practice.about(&format!("care-team/{}", supervisor.account));
    practice.permits(&practice.admin.token, Call::delete(member));
    let cosign = practice.supervising(&supervisor, &record, 2, "cosign", &json!({}));
    assert_refused(&practice.send(&cosign), 403, "access-denied");
    let unnamed = practice.send(&practice.signing(&record, 2, &json!({})));
    assert_violates(&unnamed, 422, "/cosigner", "supervisor");
    let same = practice.send(&practice.signing(&record, 2, &json!({"cosigner": supervisor.account})));
    assert_violates(&same, 422, "/cosigner", "supervisor");
}

impl Practice {
    fn leaves(&self, supervisor: &Staff) {
        let member = self.about(&format!("care-team/{}", supervisor.account));
        self.permits(&self.admin.token, Call::delete(member));
    }

    /// Holds that a record at this version waits for nobody who can sign, until its author asks another, who then does.
    #[track_caller]
    fn assert_asked_of_another(&self, record: &str, version: u64, supervisor: &Staff, another: &Staff) {
        let sign = self.signing(record, version, &json!({"cosigner": another.account}));
        let signed = self.send(&sign);
        assert_eq!(
            (signed.status, &signed.json["status"]),
            (200, &json!("awaiting_cosignature")),
            "{}",
            signed.json
        );
        assert_eq!(signed.json["cosigner"], json!(another.account));
        let first = json!({"account": self.clinician.account, "version": version, "signed_at": now_text(self)});
        assert_eq!(signed.json["signatures"], json!([first]));
        assert_eq!(self.send(&sign).json, signed.json, "the same request again is the same");
        assert_eq!(self.awaited(&another.token), [record]);
        let left = Call::get(format!("{}?status=awaiting_cosignature", self.path(RECORDS)));
        let left = self.send(&left.bearer(&supervisor.token));
        assert!(
            left.status == 403 || left.json == json!({"records": []}),
            "{}",
            left.json
        );
        let cosigned = self.send(&self.supervising(another, record, version + 1, "cosign", &json!({})));
        assert_eq!(cosigned.json["status"], "cosigned", "{}", cosigned.json);
        assert_eq!((self.drafts(), self.listed()), (vec![], vec![record.to_owned()]));
    }
}

/// Who was named and has left is not waited for: its author asks another, and only then.
#[test]
fn what_awaits_a_supervisor_who_has_left_is_signed_for_another() {
    let practice = Practice::new();
    let (supervisor, another) = (practice.supervisor(), practice.supervisor());
    let record = practice.awaiting(&supervisor);
    let to_another = practice.signing(&record, 2, &json!({"cosigner": another.account}));
    assert_refused(&practice.send(&to_another), 409, "already-signed");
    practice.leaves(&supervisor);
    let theirs = Call::post(
        format!("{}/{record}/sign", practice.path(RECORDS)),
        &json!({"cosigner": another.account}),
    );
    let theirs = practice.as_colleague(theirs.header("if-match", "\"v2\""));
    assert_refused(&theirs, 403, "not-author");
    practice.assert_asked_of_another(&record, 2, &supervisor, &another);
}

#[test]
fn an_amendment_that_awaits_a_supervisor_who_has_left_is_signed_for_another() {
    let practice = Practice::new();
    let (supervisor, another) = (practice.supervisor(), practice.supervisor());
    let record = practice.awaiting(&supervisor);
    let cosigned = practice.send(&practice.supervising(&supervisor, &record, 2, "cosign", &json!({})));
    assert_eq!(cosigned.status, 200, "{}", cosigned.json);
    practice.leaves(&supervisor);
    let cosigned = practice.signing(&record, 3, &json!({"cosigner": another.account}));
    assert_refused(&practice.send(&cosigned), 409, "already-signed");
    let amended = practice.send(&practice.amending(&record, 3, "SECRET two"));
    assert_eq!(amended.json["status"], "awaiting_cosignature");
    practice.assert_asked_of_another(&record, 4, &supervisor, &another);
}

/// She could read nothing of what she is to sign.
#[test]
fn nobody_is_asked_to_cosign_from_whom_the_client_hides_it() {
    let practice = Practice::new();
    let (supervisor, another) = (practice.supervisor(), practice.supervisor());
    let record = practice.awaiting(&supervisor);
    let hidden = json!({"class": "health", "account_id": supervisor.account});
    practice.permits(
        &client_token(&practice),
        Call::post(practice.about("restrictions"), &hidden).once("hide"),
    );
    let draft = practice.draft("another", "SECRET");
    let named = practice.send(&practice.signing(&draft, 1, &json!({"cosigner": supervisor.account})));
    assert_violates(&named, 422, "/cosigner", "supervisor");
    assert_eq!(practice.send(&practice.discarding(&draft, 1)).status, 204);
    practice.assert_asked_of_another(&record, 2, &supervisor, &another);
}

#[test]
fn what_somebody_else_wrote_is_added_to_and_not_changed() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET slept");
    let own = format!("{}/{record}", practice.path(RECORDS));
    let before = practice.read(&record);
    let amendment = json!({"reason": "SECRET", "record": progress("SECRET theirs")});
    let refused = practice.as_colleague(Call::put(&own, &amendment).header("if-match", "\"v1\""));
    assert_refused(&refused, 403, "not-author");
    let event = practice.event(&refused);
    assert_eq!(
        (event.action, event.decision, event.rule.as_str()),
        (Action::Amend, Decision::Denied, "deny.not-author")
    );
    assert_eq!(event.resource.as_deref(), Some(record.as_str()));
    let refused = practice.as_colleague(Call::delete(&own).header("if-match", "\"v1\""));
    assert_refused(&refused, 403, "not-author");
    assert_eq!(practice.event(&refused).decision, Decision::Denied);

    let add = practice.adding(&practice.colleague, &record, "add", "SECRET her sister called");
    let added = practice.send(&add);
    assert_eq!(added.status, 201, "{}", added.json);
    assert_eq!(added.header("location"), Some(own.as_str()));
    let addendum = json!({"id": added.text("id"), "author": practice.colleague.account,
        "added_at": now_text(&practice), "text": "SECRET her sister called"});
    assert_eq!(added.json, addendum);
    practice.world.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(practice.send(&add).json, addendum, "the same request again is the same");
    let reused = practice.adding(&practice.colleague, &record, "add", "SECRET other");
    assert_refused(&practice.send(&reused), 422, "idempotency-key-reused");
    let hers = practice.send(&practice.adding(&practice.clinician, &record, "add", "SECRET she did"));
    assert_eq!(hers.status, 201);

    // The record itself is as it was.
    let read = practice.read(&record);
    assert_eq!(read.json["addenda"], json!([addendum, hers.json]));
    assert_eq!(read.header("etag"), Some("\"v1\""));
    let mut without = read.json.clone();
    without.as_object_mut().unwrap().remove("addenda");
    assert_eq!(without, before.json);
    // They stay with it, whatever becomes of it.
    assert_eq!(practice.send(&practice.amending(&record, 1, "SECRET two")).status, 200);
    assert_eq!(practice.read(&record).json["addenda"], read.json["addenda"]);
    let client = client_token(&practice);
    assert_eq!(practice.reads_as(&client, &record)["addenda"], read.json["addenda"]);

    let supervisor = practice.supervisor();
    for (call, status, problem) in [
        (
            practice.adding(&supervisor, &record, "add", "SECRET"),
            403,
            "access-denied",
        ),
        (
            practice.adding(&practice.admin, &record, "add", "SECRET"),
            403,
            "access-denied",
        ),
        (
            practice.adding(&practice.clinician, &record, "blank", " "),
            422,
            "invalid-content",
        ),
    ] {
        assert_refused(&practice.send(&call), status, problem);
    }
    let missing = practice.world.entropy.id::<model::kind::Record>().to_string();
    let lost = practice.adding(&practice.clinician, &missing, "add", "SECRET");
    assert_refused(&practice.send(&lost), 404, "not-found");
}

#[test]
fn a_record_has_so_many_addenda_and_no_more() {
    let practice = Practice::new();
    let record = practice.write("write", "SECRET");
    let add = |number: usize| practice.adding(&practice.clinician, &record, &format!("add-{number}"), "SECRET");
    for number in 0..50 {
        assert_eq!(practice.send(&add(number)).status, 201);
    }
    let before = practice.state();
    assert_refused(&practice.send(&add(50)), 409, "too-many-addenda");
    assert_eq!(practice.send(&add(0)).status, 201, "the first one again adds none");
    assert!(practice.state() == before);
    assert_eq!(practice.read(&record).json["addenda"].as_array().unwrap().len(), 50);
}

#[test]
fn cosigning_returning_and_adding_are_finished_by_a_repeated_request() {
    let token = RefCell::new(String::new());
    at_every_crash_point(
        |practice| {
            let supervisor = practice.supervisor();
            let record = practice.draft("draft", "SECRET");
            token.replace(supervisor.token);
            practice.signing(&record, 1, &json!({"cosigner": supervisor.account}))
        },
        |practice, answer| {
            assert_eq!(answer.json["status"], "awaiting_cosignature");
            assert_eq!(practice.awaited(&token.borrow()), [answer.text("id")]);
            assert_eq!(
                (practice.drafts(), practice.listed()),
                (vec![], vec![answer.text("id")])
            );
        },
    );
    at_every_crash_point(
        |practice| {
            let supervisor = practice.supervisor();
            let record = practice.awaiting(&supervisor);
            assert_eq!(practice.awaited(&supervisor.token), std::slice::from_ref(&record));
            let cosign = practice.supervising(&supervisor, &record, 2, "cosign", &json!({}));
            token.replace(supervisor.token);
            cosign
        },
        |practice, answer| {
            assert!(practice.awaited(&token.borrow()).is_empty());
            assert_eq!(practice.read(&answer.text("id")).json, answer.json);
            assert_eq!(practice.versions(&answer.text("id")), [3, 2, 1]);
        },
    );
    // Given back it is not listed any more, to nobody.
    at_every_crash_point_of(
        false,
        |practice| {
            let supervisor = practice.supervisor();
            let record = practice.awaiting(&supervisor);
            let give_back = practice.supervising(&supervisor, &record, 2, "return", &json!({"reason": "SECRET"}));
            token.replace(supervisor.token);
            give_back
        },
        |practice, answer| {
            assert_eq!(answer.status, 204);
            assert!(practice.awaited(&token.borrow()).is_empty());
            assert_eq!((practice.drafts().len(), practice.listed().len()), (1, 0));
        },
    );
    at_every_crash_point(
        |practice| {
            let record = practice.write("write", "SECRET");
            practice.adding(&practice.colleague, &record, "add", "SECRET more")
        },
        |practice, answer| {
            let record = practice.listed().remove(0);
            assert_eq!(practice.read(&record).json["addenda"], json!([answer.json]));
        },
    );
}

#[test]
fn two_equal_addenda_at_once_are_one() {
    at_every_interleaving(
        |practice| {
            let record = practice.write("write", "SECRET");
            let add = practice.adding(&practice.colleague, &record, "add", "SECRET more");
            (add.clone(), add)
        },
        |practice, call| practice.send(call),
        |practice, first, second| {
            assert_eq!(first.status, 201, "{}", first.json);
            assert!(matches!(second.status, 201 | 503), "{}", second.json);
            let record = practice.listed().remove(0);
            assert_eq!(practice.read(&record).json["addenda"].as_array().unwrap().len(), 1);
        },
    );
}

/// A form that was sent twice, with more written in between.
#[test]
fn of_two_addenda_under_one_key_at_once_one_is_kept_and_said_to_be() {
    at_every_interleaving(
        |practice| {
            let record = practice.write("write", "SECRET");
            let add = |text| practice.adding(&practice.colleague, &record, "add", text);
            (add("SECRET more"), add("SECRET still more"))
        },
        |practice, call| practice.send(call),
        |practice, first, second| {
            let record = practice.listed().remove(0);
            let kept = practice.read(&record).json["addenda"].clone();
            assert_eq!(kept.as_array().unwrap().len(), 1);
            for answer in [&first, &second] {
                match answer.status {
                    201 => assert_eq!(kept, json!([answer.json])),
                    422 => assert_refused(answer, 422, "idempotency-key-reused"),
                    status => assert_eq!(status, 503),
                }
            }
            assert_eq!(
                [&first, &second].iter().filter(|answer| answer.status == 201).count(),
                1
            );
        },
    );
}

#[test]
fn an_addendum_and_an_amendment_at_once_both_last() {
    at_every_interleaving(
        |practice| {
            let record = practice.write("write", "SECRET");
            (
                practice.adding(&practice.colleague, &record, "add", "SECRET more"),
                practice.amending(&record, 1, "SECRET two"),
            )
        },
        |practice, call| practice.send(call),
        |practice, added, amended| {
            assert!(matches!(added.status, 201 | 503), "{}", added.json);
            assert_eq!(
                amended.status, 200,
                "an addendum makes no version stale: {}",
                amended.json
            );
            let record = practice.read(&practice.listed().remove(0)).json;
            assert_eq!(record["content"]["text"], "SECRET two");
            if added.status == 201 {
                assert_eq!(record["addenda"], json!([added.json]));
            }
        },
    );
}

/// Nobody's amendment goes under a signature that was not given for it.
#[test]
fn of_an_amendment_and_a_cosignature_of_one_version_one_is_made() {
    at_every_interleaving(
        |practice| {
            let supervisor = practice.supervisor();
            let record = practice.awaiting(&supervisor);
            let cosign = practice.supervising(&supervisor, &record, 2, "cosign", &json!({}));
            (practice.amending(&record, 2, "SECRET two"), cosign)
        },
        |practice, call| practice.send(call),
        |practice, amended, cosigned| {
            assert_ne!(amended.status == 200, cosigned.status == 200);
            let record = practice.listed().remove(0);
            let read = practice.read(&record).json;
            let status = if amended.status == 200 {
                "awaiting_cosignature"
            } else {
                "cosigned"
            };
            assert_eq!(read["status"], status);
        },
    );
}

/// Whoever signs alone has nothing to say.
#[test]
fn a_signature_needs_no_body() {
    let practice = Practice::new();
    let supervisor = practice.supervisor();
    let record = practice.draft("draft", "SECRET");
    let sign = practice.of_version(Method::POST, &format!("/{record}/sign"), 1);
    let signed = practice.send(&sign);
    assert_eq!(
        (signed.status, &signed.json["status"]),
        (200, &json!("signed")),
        "{}",
        signed.json
    );

    let awaiting = practice.draft("awaiting", "SECRET");
    let named = practice.signing(&awaiting, 1, &json!({"cosigner": supervisor.account}));
    assert_eq!(practice.send(&named).status, 200);
    let cosign = |call: Call| {
        let call = call.header("if-match", "\"v2\"").bearer(&supervisor.token);
        practice.send(&call)
    };
    let own = format!("{}/{awaiting}/cosign", practice.path(RECORDS));
    let text = Call::new(Method::POST, &own).header("content-type", "text/plain");
    assert_refused(&cosign(text.body("SECRET")), 415, "unsupported-media-type");
    let cosigned = cosign(Call::new(Method::POST, &own));
    assert_eq!(
        (cosigned.status, &cosigned.json["status"]),
        (200, &json!("cosigned")),
        "{}",
        cosigned.json
    );

    let mut body = note("SECRET");
    body["status"] = json!("draft");
    let notes = practice.path(NOTES);
    let written = practice.as_clinician(Call::post(&notes, &body).once("note"));
    let sign = Call::new(Method::POST, format!("{notes}/{}/sign", written.text("id"))).header("if-match", "\"v1\"");
    let signed = practice.as_clinician(sign);
    assert_eq!(
        (signed.status, &signed.json["status"]),
        (200, &json!("signed")),
        "{}",
        signed.json
    );
}
