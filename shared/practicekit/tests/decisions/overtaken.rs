//! What lets somebody read ends while reads and other changes are under way, at each of their operations in turn: once the end is
//! acknowledged no read that starts succeeds, and nothing that was overtaken brings back what ended.

use std::cell::RefCell;
use std::rc::Rc;

use jiff::SignedDuration;
use model::DataClass;
use serde_json::{Value, json};
use testkit::{Answer, Call, MemoryStores};

use crate::clinic::{AUTHOR, CLASSES, Clinic, DOORS, Door, File, Person};

const FILE: File = File::Of(0);

/// Somebody reads, and something ends that.
struct Ending {
    name: &'static str,
    reader: Person,
    purpose: Option<&'static str>,
    /// The request that let her, whose repetition must not let her again; none where a repetition is a wish of its own.
    begins: Option<(Person, Call)>,
    ends: End,
}

#[derive(Clone)]
enum End {
    /// A request.
    By(Person, Call),
    /// The clock, after this many minutes.
    After(i64),
}

/// A clinic in which somebody reads by the one thing that is about to end.
fn endings() -> Vec<(Rc<Clinic>, Ending)> {
    let set_ups: [fn(&Clinic) -> Ending; 8] = [
        |clinic| {
            let (begins, path) = agree(clinic, &json!({}));
            Ending {
                name: "withdrawal",
                reader: AUTHOR,
                purpose: None,
                begins: Some(begins),
                ends: End::By(Person::Client(0), Call::post(format!("{path}/withdraw"), &json!({}))),
            }
        },
        |clinic| {
            let (begins, _) = agree(
                clinic,
                &json!({"expires_at": clinic.now() + SignedDuration::from_mins(10)}),
            );
            Ending {
                name: "expiry",
                reader: AUTHOR,
                purpose: None,
                begins: Some(begins),
                ends: End::After(10),
            }
        },
        |clinic| {
            let (begins, path) = agree(clinic, &json!({}));
            let consent = path.rsplit('/').next().unwrap();
            let (_, narrower) = terms(clinic, &json!({"supersedes": consent, "purposes": ["PATADMIN"]}));
            Ending {
                name: "a narrower consent in its place",
                reader: AUTHOR,
                purpose: None,
                begins: Some(begins),
                ends: End::By(Person::Admin, narrower.once("narrower")),
            }
        },
        |clinic| {
            agree(clinic, &json!({}));
            let call = Call::post(clinic.at(FILE, "/restrictions"), &json!({})).once("hide");
            Ending {
                name: "restriction",
                reader: AUTHOR,
                purpose: None,
                begins: None,
                ends: End::By(Person::Client(0), call),
            }
        },
        |clinic| {
            agree(clinic, &json!({}));
            let member = clinic.at(FILE, &format!("/care-team/{}", clinic.account(AUTHOR)));
            Ending {
                name: "leaving the care team",
                reader: AUTHOR,
                purpose: None,
                // Opening the file made her a member, and opening it again must not.
                begins: Some((FILE.opener(), clinic.opening(FILE))),
                ends: End::By(Person::Admin, Call::delete(member)),
            }
        },
        |clinic| {
            agree(clinic, &json!({}));
            let [from, to] = [AUTHOR, Person::Clinician(1)].map(|who| clinic.account(who));
            let path = clinic.at(FILE, "/care-team/transfers");
            Ending {
                name: "handing over",
                reader: AUTHOR,
                purpose: None,
                begins: Some((FILE.opener(), clinic.opening(FILE))),
                ends: End::By(Person::Admin, Call::post(path, &json!({"from": from, "to": to}))),
            }
        },
        |clinic| {
            let (begins, id) = break_glass(clinic);
            let body = json!({"finding": "unjustified", "note": "As found."});
            let call = Call::put(format!("/v1/consent/emergency-access/{id}/review"), &body);
            Ending {
                name: "a review that finds no emergency",
                reader: Person::Clinician(1),
                purpose: Some("BTG"),
                begins: Some(begins),
                ends: End::By(Person::Officer, call),
            }
        },
        |clinic| {
            let (begins, _) = break_glass(clinic);
            Ending {
                name: "the end of an emergency's hour",
                reader: Person::Clinician(1),
                purpose: Some("BTG"),
                begins: Some(begins),
                ends: End::After(60),
            }
        },
    ];
    let prepare = |set_up: fn(&Clinic) -> Ending| {
        let clinic = Clinic::new(31);
        assert_eq!(clinic.consent(FILE.opener(), clinic.opening(FILE)).status, 201);
        clinic.fill(FILE);
        // Nobody logs in between two cases: what is restored has everybody's session.
        clinic.advance(21);
        for person in Person::ALL {
            clinic.token(person);
        }
        let ending = set_up(&clinic);
        // Begins the chains of the trail that a request may meet, so that none waits for another that begins one.
        for _ in 0..40 {
            reads(&clinic, &ending);
        }
        (Rc::new(clinic), ending)
    };
    set_ups.map(prepare).into()
}

fn terms(clinic: &Clinic, more: &Value) -> (String, Call) {
    let classes = CLASSES.map(DataClass::name);
    let notice = clinic
        .publish("notice", &["TREAT", "PATADMIN"], &classes)
        .text("notice_id");
    let mut terms = json!({"notice_id": notice, "language": "en", "purposes": ["TREAT"], "classes": classes,
        "given_by": "client", "method": "written"});
    for (field, value) in more.as_object().unwrap() {
        terms[field] = value.clone();
    }
    let path = clinic.at(FILE, "/consents");
    (path.clone(), Call::post(path, &terms))
}

fn agree(clinic: &Clinic, more: &Value) -> ((Person, Call), String) {
    let (path, call) = terms(clinic, more);
    let call = call.once("agree");
    let given = clinic.consent(Person::Admin, call.clone());
    assert_eq!(given.status, 201, "{}", given.json);
    ((Person::Admin, call), format!("{path}/{}", given.text("consent_id")))
}

fn break_glass(clinic: &Clinic) -> ((Person, Call), String) {
    let body = json!({"reason": "Unconscious on arrival."});
    let call = Call::post(clinic.at(FILE, "/emergency-access"), &body).once("break");
    let taken = clinic.consent(Person::Clinician(1), call.clone());
    assert_eq!(taken.status, 201, "{}", taken.json);
    ((Person::Clinician(1), call), taken.text("emergency_id"))
}

/// The doors that were open to the reader.
fn doors(ending: &Ending) -> impl Iterator<Item = Door> {
    let is_emergency = ending.purpose.is_some();
    DOORS.into_iter().filter(move |door| {
        // An emergency opens no psychotherapy notes, and a search finds in it whoever there is.
        !is_emergency || (door.method == "GET" && door.class != DataClass::Psychotherapy)
    })
}

/// Whether the reader is shown the file at a door.
fn is_shown(clinic: &Clinic, ending: &Ending, door: Door) -> bool {
    let answer = clinic.send(door.function, &clinic.knock(door, ending.reader, ending.purpose, FILE));
    matches!(clinic.shown(door, FILE, &answer), Some(Ok(())))
}

fn reads(clinic: &Clinic, ending: &Ending) -> Vec<bool> {
    doors(ending).map(|door| is_shown(clinic, ending, door)).collect()
}

/// Ends it, and gives whether that was acknowledged.
fn end(clinic: &Clinic, ends: &End) -> bool {
    match ends {
        End::By(person, call) => succeeded(&clinic.consent(*person, call.clone())),
        End::After(minutes) => {
            clinic.advance(*minutes);
            true
        }
    }
}

fn succeeded(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

/// Runs `one`, and `other` right before each of its operations in turn, each time from what there is now. `check` gets what both
/// came to; then all is as it was.
fn interleave<T: 'static>(
    clinic: &Rc<Clinic>,
    case: &str,
    one: impl Fn(&Clinic) -> bool,
    other: impl Fn(&Clinic) -> T + Clone + 'static,
    check: impl Fn(bool, T, &str),
) {
    let moment = clinic.moment();
    for nth in 0.. {
        let heard = Rc::new(RefCell::new(None));
        let (rival, says, happens) = (Rc::clone(clinic), Rc::clone(&heard), other.clone());
        let stores = &clinic.world.stores;
        stores.meanwhile(nth, move || *says.borrow_mut() = Some(happens(&rival)));
        let first = one(clinic);
        stores.disarm();
        let met = heard.borrow_mut().take();
        let is_over = met.is_none();
        if let Some(second) = met {
            check(first, second, &format!("{case}, operation {nth}"));
        }
        clinic.go_back(&moment);
        if is_over {
            assert!(nth > 3, "{case}: there were operations to come between");
            return;
        }
    }
}

fn assert_shut(clinic: &Clinic, ending: &Ending, case: &str) {
    for door in doors(ending) {
        assert!(!is_shown(clinic, ending, door), "{case}: read by {}", door.path);
    }
}

/// A read that is under way may come out either way. The next is refused.
#[test]
fn what_ends_while_it_is_read_is_shut_to_the_next_read() {
    for (clinic, ending) in endings() {
        assert!(
            reads(&clinic, &ending).into_iter().all(|is_read| is_read),
            "{}",
            ending.name
        );
        for door in doors(&ending) {
            let case = format!("{} while it is read by {}", ending.name, door.path);
            let ends = ending.ends.clone();
            // Where the clock ends it, the session may have gone idle with it.
            let read = |clinic: &Clinic| {
                let call = clinic.knock(door, ending.reader, ending.purpose, FILE);
                let answer = clinic.send(door.function, &call);
                assert!(matches!(answer.status, 200 | 401 | 403), "{}", answer.json);
                answer.status == 200
            };
            interleave(
                &clinic,
                &case,
                read,
                move |clinic| end(clinic, &ends),
                |_, is_ended, case| {
                    assert!(is_ended, "{case}");
                    assert_shut(&clinic, &ending, case);
                },
            );
        }
    }
}

/// While something ends, it is read or not; once not, not again.
#[test]
fn what_was_shut_once_while_it_ends_stays_shut() {
    for (clinic, ending) in endings() {
        if matches!(ending.ends, End::After(_)) {
            continue;
        }
        let ending = Rc::new(ending);
        let moment = clinic.moment();
        for door in doors(&ending) {
            let case = format!("{}, read by {}", ending.name, door.path);
            let seen = Rc::new(RefCell::new(Vec::new()));
            let (reader, read, sees) = (Rc::clone(&clinic), Rc::clone(&ending), Rc::clone(&seen));
            let look = move || sees.borrow_mut().push(is_shown(&reader, &read, door));
            before_every_operation(&clinic.world.stores, Rc::new(look));
            assert!(end(&clinic, &ending.ends), "{case}");
            clinic.world.stores.disarm();
            let seen = seen.take();
            assert!(
                seen.is_sorted_by_key(|is_read| !is_read),
                "{case}: open again: {seen:?}"
            );
            assert_eq!(seen.first(), Some(&true), "{case}: begun while it may be read");
            assert_shut(&clinic, &ending, &case);
            clinic.go_back(&moment);
        }
    }
}

/// Looks right before each operation from now on.
fn before_every_operation(stores: &MemoryStores, look: Rc<dyn Fn()>) {
    let again = stores.clone();
    stores.meanwhile(0, move || {
        look();
        before_every_operation(&again, look);
    });
}

/// What overtakes the end, or is overtaken by it: what began it, sent again; the same end, sent again; other changes of the same file.
#[test]
fn what_ends_does_not_come_back() {
    for (clinic, ending) in endings() {
        if matches!(ending.ends, End::After(_)) {
            continue;
        }
        let End::By(person, call) = ending.ends.clone() else {
            continue;
        };
        let colleague = clinic.at(FILE, &format!("/care-team/{}", clinic.account(Person::Clinician(2))));
        let rivals = [
            ending.begins.clone(),
            Some((person, call)),
            Some((Person::Admin, Call::put(colleague, &json!({"role": "supervising"})))),
            Some((
                Person::Admin,
                Call::post(clinic.at(FILE, "/restrictions"), &json!({"class": "billing"})).once("another"),
            )),
            Some((
                Person::Admin,
                terms(&clinic, &json!({"purposes": ["PATADMIN"]}))
                    .1
                    .once("other-purpose"),
            )),
        ];
        for (rival, call) in rivals.into_iter().flatten() {
            let case = format!("{}, and {call:?} of {rival:?}", ending.name);
            let (ends, again) = (ending.ends.clone(), call.clone());
            let check = |clinic: &Clinic, is_ended: bool, case: &str| {
                // While an equal request creates the same thing, the other is told to come again.
                assert!(is_ended || end(clinic, &ending.ends), "{case}");
                assert_shut(clinic, &ending, case);
                // However often what began it is repeated afterwards.
                if let Some((who, begins)) = &ending.begins {
                    clinic.consent(*who, begins.clone());
                    assert_shut(clinic, &ending, case);
                }
            };
            interleave(
                &clinic,
                &format!("{case} in between"),
                |clinic| end(clinic, &ending.ends),
                move |clinic| drop(clinic.consent(rival, again.clone())),
                |is_ended, (), case| check(&clinic, is_ended, case),
            );
            interleave(
                &clinic,
                &format!("{case} around it"),
                |clinic| succeeded(&clinic.consent(rival, call.clone())),
                move |clinic| end(clinic, &ends),
                |_, is_ended, case| check(&clinic, is_ended, case),
            );
        }
    }
}
