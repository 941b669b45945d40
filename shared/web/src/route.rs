use http::{Method, StatusCode};

use crate::{Exchange, Problem, Reply};

/// What answers a route.
pub type Handler = for<'a> fn(&Exchange<'a>) -> Result<Reply, Problem>;

/// A method, a path with `{parameters}`, and what answers it.
#[derive(Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// What answers.
    pub handler: Handler,
}

impl Route {
    /// A route.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, handler: Handler) -> Self {
        Self { method, path, handler }
    }
}

/// The parameters of a matched path.
pub(crate) type Parameters = Vec<(String, String)>;

/// Finds the handler: 404 for an unknown path, 405 with what is allowed for an unknown method.
pub(crate) fn find(routes: &[Route], method: &Method, path: &str) -> Result<(Handler, Parameters), Problem> {
    let mut paths = matchit::Router::new();
    for route in routes {
        // A path that stands in several routes is inserted once: the methods are told apart below.
        let _ = paths.insert(route.path, route.path);
    }
    let found = paths
        .at(path)
        .map_err(|_| Problem::new(StatusCode::NOT_FOUND, "no-such-route", "The API has no such path."))?;
    let parameters = found
        .params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let here = || routes.iter().filter(|route| route.path == *found.value);
    match here().find(|route| route.method == *method) {
        Some(route) => Ok((route.handler, parameters)),
        None => {
            let methods: Vec<&str> = here().map(|route| route.method.as_str()).collect();
            Err(Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This path does not take this method; see the Allow header.",
            )
            .allow(&methods.join(", ")))
        }
    }
}
