//! Bodies that are not in memory as a whole: taken as they arrive, sent as they are made, and broken off where something fails.
// Test code: a failed expectation is a failed test.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use http::Method;
use model::Function;
use testkit::{Answer, Call, World};
use web::{BODY_LIMIT, Exchange, Problem, Reply, Route};

const PIECE: usize = 64 * 1024;

/// Counts what arrives.
fn upload(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    assert!(exchange.body().is_empty());
    let mut length = 0;
    loop {
        let mut piece = Vec::new();
        let read = exchange.incoming().read(PIECE, &mut piece);
        read.map_err(|_| Problem::broken_body())?;
        length += piece.len();
        if piece.len() < PIECE {
            return Reply::ok(&length);
        }
    }
}

/// Sends 40 bytes in four pieces, or as many of them as the path says before it fails.
fn download(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    let pieces: usize = exchange.parameter("pieces")?;
    exchange.stream(Reply::attachment("application/pdf"), 40, |send| {
        for piece in 0..pieces.min(4) {
            let piece = u8::try_from(piece).unwrap();
            send(&[piece; 10]).map_err(|_| Problem::broken_body())?;
        }
        match pieces {
            4.. => Ok(()),
            _ => Err(Problem::defect("the store is gone")),
        }
    })
}

fn whole(exchange: &Exchange<'_>) -> Result<Reply, Problem> {
    Reply::ok(&exchange.body().len())
}

const ROUTES: [Route; 3] = [
    Route::streaming(Method::PUT, "/v1/records/stream", upload),
    Route::new(Method::PUT, "/v1/records/whole", whole),
    Route::new(Method::GET, "/v1/records/stream/{pieces}", download),
];

fn send(world: &World, call: &Call) -> Answer {
    Answer::from(world.serve(Function::Records, &ROUTES, &call.request()))
}

#[test]
fn only_a_route_that_takes_a_stream_takes_a_large_body() {
    let world = World::new(1);
    let put = |path: &str, length: usize| send(&world, &Call::new(Method::PUT, path).body(vec![7; length]));
    for length in [0, 1, PIECE, BODY_LIMIT, 3 * BODY_LIMIT + 1] {
        assert_eq!(put("/v1/records/stream", length).json, length);
    }
    assert_eq!(put("/v1/records/whole", BODY_LIMIT).json, BODY_LIMIT);
    let refused = put("/v1/records/whole", BODY_LIMIT + 1);
    assert_eq!((refused.status, refused.problem()), (413, Some("body-too-large")));
}

#[test]
fn an_answer_leaves_while_it_is_made() {
    let world = World::new(1);
    let get = |pieces: usize| send(&world, &Call::get(format!("/v1/records/stream/{pieces}")));
    let answer = get(4);
    assert_eq!((answer.status, answer.bytes().len()), (200, 40));
    for (name, value) in [
        ("content-length", "40"),
        ("content-type", "application/pdf"),
        ("content-disposition", "attachment"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(answer.header("x-request-id").is_some());
    assert!(world.log().is_empty());

    // What fails before the first piece is told; what fails later is broken off, and told to the operator.
    let failed = get(0);
    assert_eq!((failed.status, failed.problem()), (500, Some("internal")));
    let broken = get(2);
    assert_eq!((broken.status, broken.bytes().len()), (200, 20));
    assert_eq!(world.log().len(), 2);
}
