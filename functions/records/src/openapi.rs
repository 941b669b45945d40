//! What this function takes and answers, for `docs/openapi/records.json`.

use std::borrow::Cow;
use std::marker::PhantomData;

use http::StatusCode;
use model::RecordId;
use openapi::Operation;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};
use web::{PageQuery, RewrapAnswer};

use crate::answer::{AddendumAnswer, RecordAnswer};
use crate::content::{KindAndContent, Note};
use crate::handlers::signing::{Empty, ReturnBody, SignBody};
use crate::handlers::{AddendumBody, ListAnswer, ListQuery, VersionsAnswer, notes, records};

/// A record as it is to be from now on.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "it is the form of what is read as a new record, whose status it must not have"
)]
pub(crate) struct AmendedRecord {
    #[schemars(flatten)]
    said: KindAndContent,
    /// The record of the meeting that it came of.
    encounter: Option<RecordId>,
}

/// A book whose records are narrower than the type that records of any are answered with.
trait Book {
    const RECORD: &'static str;
    const VERSIONS: &'static str;

    /// Makes the form of any record that of one in this book.
    fn narrow(record: &mut Value, generator: &mut SchemaGenerator);
}

struct Clinical;
struct SubstanceUse;
struct Psychotherapy;

impl Book for Clinical {
    const RECORD: &'static str = "Record";
    const VERSIONS: &'static str = "RecordVersions";

    fn narrow(record: &mut Value, _: &mut SchemaGenerator) {
        without(record, &["notice"]);
    }
}

impl Book for SubstanceUse {
    const RECORD: &'static str = "SubstanceUseRecord";
    const VERSIONS: &'static str = "SubstanceUseRecordVersions";

    fn narrow(record: &mut Value, _: &mut SchemaGenerator) {
        record["description"] = "A version of a record of treatment for substance use.".into();
        // No import brings one.
        without(record, &["source"]);
        record["properties"]["notice"]["type"] = "string".into();
        record["properties"]["notice"]["description"] = "What goes with every disclosure (42 CFR 2.32(a)(2)).".into();
        require(record, &["notice"]);
    }
}

impl Book for Psychotherapy {
    const RECORD: &'static str = "PsychotherapyNote";
    const VERSIONS: &'static str = "PsychotherapyNoteVersions";

    fn narrow(record: &mut Value, generator: &mut SchemaGenerator) {
        record["description"] = "A version of a psychotherapy note.".into();
        without(record, &["attachment", "cosigner", "notice", "result", "source"]);
        record.as_object_mut().unwrap().remove("allOf").unwrap();
        record["properties"]["kind"] = json!({ "type": "string", "const": "psychotherapy_note" });
        record["properties"]["content"] = generator.subschema_for::<Note>().to_value();
        require(record, &["kind", "content"]);
    }
}

fn without(record: &mut Value, fields: &[&str]) {
    let properties = record["properties"].as_object_mut().unwrap();
    for field in fields {
        properties.remove(*field).unwrap();
    }
}

fn require(record: &mut Value, fields: &[&str]) {
    let required = record["required"].as_array_mut().unwrap();
    required.extend(fields.iter().map(|field| Value::from(*field)));
}

/// A record of a book.
struct RecordOf<B>(PhantomData<B>);

/// Its versions.
struct VersionsOf<B>(PhantomData<B>);

impl<B: Book> JsonSchema for RecordOf<B> {
    fn schema_name() -> Cow<'static, str> {
        B::RECORD.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut record = RecordAnswer::json_schema(generator).to_value();
        B::narrow(&mut record, generator);
        record.try_into().unwrap()
    }
}

impl<B: Book> JsonSchema for VersionsOf<B> {
    fn schema_name() -> Cow<'static, str> {
        B::VERSIONS.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // Those of the type itself are named nowhere: one book calls its own as they are called.
        let mut unnamed = generator.settings().clone().into_generator();
        let mut versions = VersionsAnswer::json_schema(&mut unnamed).to_value();
        versions["properties"]["versions"]["items"] = generator.subschema_for::<RecordOf<B>>().to_value();
        versions.try_into().unwrap()
    }
}

/// The path of something in a book.
fn path(book: &str, rest: &str) -> &'static str {
    format!("/v1/records/clients/{{client}}/{book}{rest}").leak()
}

/// What is done in either book of clinical records.
fn of_records<R: JsonSchema, V: JsonSchema>(book: &str) -> Vec<Operation> {
    vec![
        Operation::post(path(book, ""), "A new record, signed at once or as a draft")
            .purpose()
            .idempotent()
            .body::<records::Body>()
            .answers::<R>(StatusCode::CREATED)
            .etag()
            .located(),
        Operation::put(path(book, "/{record}"), "Amends a record, or changes a draft")
            .purpose()
            .if_match()
            .body::<records::Amendment>()
            .answers::<R>(StatusCode::OK)
            .etag(),
        Operation::get(path(book, "/{record}"), "A record, with its addenda")
            .purpose()
            .answers::<R>(StatusCode::OK)
            .etag(),
        Operation::get(
            path(book, "/{record}/versions"),
            "The versions of a record, newest first",
        )
        .purpose()
        .query::<PageQuery>()
        .answers::<V>(StatusCode::OK),
        Operation::post(
            path(book, "/{record}/sign"),
            "The author signs, and may name who is to sign beside her",
        )
        .purpose()
        .if_match()
        .optional_body::<SignBody>()
        .answers::<R>(StatusCode::OK)
        .etag(),
        Operation::post(path(book, "/{record}/cosign"), "The cosigner signs too")
            .purpose()
            .if_match()
            .optional_body::<Empty>()
            .answers::<R>(StatusCode::OK)
            .etag(),
        Operation::post(path(book, "/{record}/return"), "The cosigner gives it back")
            .purpose()
            .if_match()
            .body::<ReturnBody>()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::put(
            path(book, "/{record}/content"),
            "Uploads what the draft of a document holds, up to 25 MiB, with `Content-Type` the `media_type` of its content",
        )
        .purpose()
        .if_match()
        .header("Content-Length", false, "Where it is known, in bytes: at most 26214400")
        .opaque_body("*/*")
        .answers::<R>(StatusCode::OK)
        .etag(),
    ]
}

/// What a document holds.
fn download(book: &str) -> Operation {
    Operation::get(
        path(book, "/{record}/content"),
        "What a document holds, as its `media_type`",
    )
    .purpose()
    .answers_opaque("*/*")
    .etag()
    .download()
}

/// What is done in the book of psychotherapy notes, which nobody signs beside their author.
fn of_notes(book: &str) -> Vec<Operation> {
    vec![
        Operation::post(path(book, ""), "A new psychotherapy note, signed at once or as a draft")
            .purpose()
            .idempotent()
            .body::<notes::NoteBody>()
            .answers::<RecordOf<Psychotherapy>>(StatusCode::CREATED)
            .etag()
            .located(),
        Operation::put(
            path(book, "/{record}"),
            "Amends a psychotherapy note, or changes a draft",
        )
        .purpose()
        .if_match()
        .body::<notes::Amendment>()
        .answers::<RecordOf<Psychotherapy>>(StatusCode::OK)
        .etag(),
        Operation::get(path(book, "/{record}"), "A psychotherapy note, with its addenda")
            .purpose()
            .query::<notes::NoteQuery>()
            .answers::<RecordOf<Psychotherapy>>(StatusCode::OK)
            .etag(),
        Operation::get(
            path(book, "/{record}/versions"),
            "The versions of a psychotherapy note, newest first",
        )
        .purpose()
        .query::<notes::VersionsQuery>()
        .answers::<VersionsOf<Psychotherapy>>(StatusCode::OK),
        Operation::post(path(book, "/{record}/sign"), "The author signs")
            .purpose()
            .if_match()
            .optional_body::<Empty>()
            .answers::<RecordOf<Psychotherapy>>(StatusCode::OK)
            .etag(),
    ]
}

/// What is done in every book alike.
fn of_all(book: &str) -> Vec<Operation> {
    vec![
        Operation::get(path(book, ""), "What there is, newest first, without content")
            .purpose()
            .query::<ListQuery>()
            .answers::<ListAnswer>(StatusCode::OK),
        Operation::delete(path(book, "/{record}"), "The author discards a draft")
            .purpose()
            .if_match()
            .answers_nothing(StatusCode::NO_CONTENT),
        Operation::post(path(book, "/{record}/addenda"), "Adds to a record that is signed")
            .purpose()
            .idempotent()
            .body::<AddendumBody>()
            .answers::<AddendumAnswer<'_>>(StatusCode::CREATED)
            .with_header("Location", "The path of the record"),
    ]
}

#[test]
fn the_document_is_current() {
    let [clinical, substance_use, notes] = ["records", "substance-use-records", "psychotherapy-notes"];
    let mut operations: Vec<Operation> = [clinical, substance_use, notes].into_iter().flat_map(of_all).collect();
    operations.extend(of_records::<RecordOf<Clinical>, VersionsOf<Clinical>>(clinical));
    operations.extend(of_records::<RecordOf<SubstanceUse>, VersionsOf<SubstanceUse>>(
        substance_use,
    ));
    operations.extend(of_notes(notes));
    operations.push(download(clinical));
    operations
        .push(download(substance_use).with_header("Part-2-Notice", "What goes with every disclosure (42 CFR 2.32)"));
    operations.push(
        Operation::post("/v1/records/jobs/rewrap", "Job: bring data keys under the current key")
            .purpose()
            .answers::<RewrapAnswer>(StatusCode::OK),
    );
    openapi::assert_current("records", &crate::ROUTES, &operations);
}
