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
    /// How many slashes the path has. A parameter takes none, so a request's path has as many, or is another.
    slashes: usize,
    /// What of the path comes after its last parameter. A request's path ends in the same, or is another.
    tail: &'static str,
    /// Whether other functions alone call it, and nobody else is to learn of it by asking with another method.
    is_private: bool,
    /// Whether the handler reads the body itself, as it arrives.
    pub(crate) takes_stream: bool,
    /// Whether the handler reads the query. Where it does not, a parameter is refused like any other that is not known.
    takes_query: bool,
}

impl Route {
    /// A route.
    #[must_use]
    pub const fn new(method: Method, path: &'static str, handler: Handler) -> Self {
        Self {
            method,
            path,
            handler,
            slashes: slashes(path),
            tail: tail(path),
            is_private: false,
            takes_stream: false,
            takes_query: false,
        }
    }

    /// A route that takes a body of any length. Its handler reads it with [`Exchange::read_body`] and bounds it.
    #[must_use]
    pub const fn streaming(method: Method, path: &'static str, handler: Handler) -> Self {
        let mut route = Self::new(method, path, handler);
        route.takes_stream = true;
        route
    }

    /// A route for other functions. Its handler begins with [`Exchange::calling_function`].
    #[must_use]
    pub const fn private(method: Method, path: &'static str, handler: Handler) -> Self {
        let mut route = Self::new(method, path, handler);
        route.is_private = true;
        route
    }

    /// The same route, which takes parameters in its query. Its handler reads them with [`Exchange::query`].
    #[must_use]
    pub const fn with_query(mut self) -> Self {
        self.takes_query = true;
        self
    }

    /// Whether it takes parameters in its query.
    #[must_use]
    pub const fn takes_query(&self) -> bool {
        self.takes_query
    }

    /// Whether other functions alone call it.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.is_private
    }
}

const fn slashes(path: &str) -> usize {
    let (mut count, mut bytes) = (0, path.as_bytes());
    while let [byte, rest @ ..] = bytes {
        if *byte == b'/' {
            count += 1;
        }
        bytes = rest;
    }
    count
}

const fn tail(path: &'static str) -> &'static str {
    let mut bytes = path.as_bytes();
    while let [rest @ .., byte] = bytes {
        if *byte == b'}' {
            break;
        }
        bytes = rest;
    }
    path.split_at(bytes.len()).1
}

/// The parameters of a matched path, by name.
pub(crate) type Parameters<'p> = Vec<(&'static str, &'p str)>;

/// The parameters, where the path is one of the pattern's.
///
/// Every request runs in a fresh instance, so a routing tree would be built for one look-up: walking the few patterns of
/// a function costs a tenth of that.
fn parameters<'p>(mut pattern: &'static str, mut path: &'p str) -> Option<Parameters<'p>> {
    let mut parameters = Parameters::new();
    // What comes before a parameter is compared as a whole, and most patterns end there.
    while let Some((literal, rest)) = pattern.split_once('{') {
        let (name, after) = rest.split_once('}')?;
        let here = path.strip_prefix(literal)?;
        let end = here.find('/').unwrap_or(here.len());
        let (value, rest) = here.split_at_checked(end).filter(|(value, _)| !value.is_empty())?;
        parameters.push((name, value));
        (pattern, path) = (after, rest);
    }
    (pattern == path).then_some(parameters)
}

/// Finds the route: 404 for an unknown path, 405 with what is allowed for an unknown method. Where several patterns take
/// the path, the one with the fewest parameters is meant.
pub(crate) fn find<'r, 'p>(
    routes: &'r [Route],
    method: &Method,
    path: &'p str,
) -> Result<(&'r Route, Parameters<'p>), Problem> {
    let slashes = slashes(path);
    let mut here: Vec<(&Route, Parameters<'p>)> = routes
        .iter()
        .filter(|route| route.slashes == slashes && path.ends_with(route.tail))
        .filter_map(|route| Some((route, parameters(route.path, path)?)))
        .collect();
    let fewest = here
        .iter()
        .map(|(_, parameters)| parameters.len())
        .min()
        .ok_or_else(Problem::no_such_route)?;
    here.retain(|(_, parameters)| parameters.len() == fewest);
    if let Some(found) = here.iter().position(|(route, _)| route.method == *method) {
        return Ok(here.swap_remove(found));
    }
    here.retain(|(route, _)| !route.is_private);
    if here.is_empty() {
        return Err(Problem::no_such_route());
    }
    let methods: Vec<&str> = here.iter().map(|(route, _)| route.method.as_str()).collect();
    Err(Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "This path does not take this method; see the Allow header.",
    )
    .allow(&methods.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler(_: &Exchange<'_>) -> Result<Reply, Problem> {
        Ok(Reply::no_content())
    }

    #[test]
    fn the_most_literal_pattern_is_meant() {
        let routes = [
            Route::new(Method::GET, "/v1/things", handler),
            Route::new(Method::DELETE, "/v1/things/{thing}", handler),
            Route::new(Method::GET, "/v1/things/{thing}", handler),
            Route::new(Method::GET, "/v1/things/current", handler),
            Route::new(Method::GET, "/v1/things/{thing}/parts/{part}", handler),
            Route::private(Method::POST, "/v1/things", handler),
            Route::private(Method::POST, "/v1/private/things", handler),
        ];
        let ask = |method: Method, path: &str| match find(&routes, &method, path) {
            Ok((_, parameters)) => Ok(parameters
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect()),
            Err(problem) => Err(problem.status.as_u16()),
        };
        let found = |parameters: &[&str]| Ok(parameters.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        for (method, path, expected) in [
            (Method::GET, "/v1/things", found(&[])),
            (Method::GET, "/v1/things/7", found(&["thing=7"])),
            (Method::DELETE, "/v1/things/7", found(&["thing=7"])),
            (Method::GET, "/v1/things/current", found(&[])),
            (Method::GET, "/v1/things/7/parts/x", found(&["thing=7", "part=x"])),
            // Literal segments decide before the method does: there is no deleting `current` through the parameter.
            (Method::DELETE, "/v1/things/current", Err(405)),
            (Method::POST, "/v1/things/7", Err(405)),
            // A private route is found by its method, and by no other is it shown that there is one.
            (Method::POST, "/v1/things", found(&[])),
            (Method::PUT, "/v1/things", Err(405)),
            (Method::POST, "/v1/private/things", found(&[])),
            (Method::GET, "/v1/private/things", Err(404)),
            (Method::GET, "/v1/things/", Err(404)),
            (Method::GET, "/v1/things/7/", Err(404)),
            (Method::GET, "/v1/things/7/parts", Err(404)),
            (Method::GET, "/v1/other", Err(404)),
            (Method::GET, "", Err(404)),
        ] {
            assert_eq!(ask(method.clone(), path), expected, "{method} {path}");
        }
    }
}
