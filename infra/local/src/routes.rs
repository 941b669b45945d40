//! Which component answers a path: Spin's rules, as its router implements them.
//!
//! Exact routes beat wildcards; among wildcards the longest prefix wins; slashes at either end of a path do not matter for
//! matching, but a trailing one shows up in `spin-path-info`.

use anyhow::{Context as _, Result, bail};
use http::HeaderValue;

/// Spin answers everything below this prefix itself, so a route there could never be reached.
pub(crate) const RESERVED_PREFIX: &str = "/.well-known/spin/";

/// One public route, with the header values that tell a component how it was reached.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// As written in the manifest; `spin-raw-component-route`, and what the access log shows instead of the path.
    pub(crate) pattern: String,
    /// Id of the component that answers.
    pub(crate) component: String,
    /// The pattern without outer slashes and without its wildcard: what paths are compared with.
    stem: String,
    wildcard: bool,
    pub(crate) headers: RouteHeaders,
}

/// The header values that depend on the route alone, made once.
#[derive(Clone, Debug)]
pub(crate) struct RouteHeaders {
    pub(crate) matched_route: HeaderValue,
    pub(crate) component_route: HeaderValue,
    pub(crate) raw_component_route: HeaderValue,
}

impl RouteHeaders {
    fn new(pattern: &str) -> Result<Self> {
        let absolute = if pattern.starts_with('/') {
            pattern.to_owned()
        } else {
            format!("/{pattern}")
        };
        let matched = absolute.strip_suffix('/').unwrap_or(&absolute);
        let prefix = pattern.strip_suffix("/...").unwrap_or(pattern);
        Ok(Self {
            matched_route: HeaderValue::from_str(matched)?,
            component_route: HeaderValue::from_str(prefix)?,
            raw_component_route: HeaderValue::from_str(pattern)?,
        })
    }

    /// What a chained call looks like to the callee: as if it had matched a wildcard at the root.
    #[must_use]
    pub(crate) fn chained() -> Self {
        Self {
            matched_route: HeaderValue::from_static("/..."),
            component_route: HeaderValue::from_static(""),
            raw_component_route: HeaderValue::from_static("/..."),
        }
    }
}

/// A route that matched, and the rest of the path below its prefix.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub(crate) route: &'a Route,
    /// `spin-path-info`: empty for an exact route.
    pub(crate) path_info: String,
}

/// All public routes, most specific first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Router {
    routes: Vec<Route>,
}

impl Router {
    /// Builds the table from `(pattern, component)` pairs.
    ///
    /// # Errors
    /// A pattern this host cannot serve exactly as Spin would, or two components on one route.
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut routes: Vec<Route> = Vec::new();
        for (pattern, component) in patterns {
            let route = Route::new(pattern, component)
                .with_context(|| format!("route {pattern:?} of component {component:?}"))?;
            if let Some(other) = routes
                .iter()
                .find(|r| r.stem == route.stem && r.wildcard == route.wildcard)
            {
                bail!(
                    "route {pattern:?} is given to both {:?} and {component:?}: give each route to one component",
                    other.component
                );
            }
            routes.push(route);
        }
        // Every wildcard that matches a path is a prefix of it, so comparing lengths compares how specific they are.
        routes.sort_by(|a, b| a.wildcard.cmp(&b.wildcard).then(b.stem.len().cmp(&a.stem.len())));
        Ok(Self { routes })
    }

    #[must_use]
    pub(crate) fn find(&self, path: &str) -> Option<Match<'_>> {
        let wanted = path.trim_matches('/');
        self.routes.iter().find_map(|route| {
            let rest = route.rest(wanted)?;
            let path_info = if !route.wildcard {
                String::new()
            } else {
                match (rest.is_empty(), path.ends_with('/')) {
                    (true, false) => String::new(),
                    (true, true) => "/".to_owned(),
                    (false, false) => format!("/{rest}"),
                    (false, true) => format!("/{rest}/"),
                }
            };
            Some(Match { route, path_info })
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter()
    }
}

impl Route {
    fn new(pattern: &str, component: &str) -> Result<Self> {
        let (stem, wildcard) = match pattern.strip_suffix("/...") {
            Some(stem) => (stem, true),
            None => (pattern, false),
        };
        if stem
            .split('/')
            .any(|s| s.starts_with(':') || s.contains('*') || s == "...")
        {
            bail!(
                "only exact routes and a trailing \"/...\" are served by this host; match named segments inside the function"
            );
        }
        if stem.contains(['?', '#']) || !stem.is_ascii() {
            bail!("a route is a plain path: write it without query, fragment and characters outside ASCII");
        }
        let stem = stem.trim_matches('/').to_owned();
        if format!("/{stem}/").starts_with(RESERVED_PREFIX) {
            bail!("{RESERVED_PREFIX} is answered by the host itself: choose another route");
        }
        Ok(Self {
            headers: RouteHeaders::new(pattern)?,
            pattern: pattern.to_owned(),
            component: component.to_owned(),
            stem,
            wildcard,
        })
    }

    /// What `path` (without outer slashes) has below this route, if the route matches it.
    fn rest<'p>(&self, path: &'p str) -> Option<&'p str> {
        let below = path.strip_prefix(self.stem.as_str())?;
        if below.is_empty() {
            return Some(below);
        }
        if !self.wildcard {
            return None;
        }
        if self.stem.is_empty() {
            return Some(below);
        }
        below.strip_prefix('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_beats_wildcard_and_longest_prefix_wins() {
        let router = Router::new([
            ("/...", "root"),
            ("/one/...", "one"),
            ("/one/two/...", "two"),
            ("/one/two", "exact"),
            ("/", "home"),
        ])
        .unwrap();
        for (path, component, info) in [
            ("/", "home", ""),
            ("/x", "root", "/x"),
            ("/one", "one", ""),
            ("/one/", "one", "/"),
            ("/onetwo", "root", "/onetwo"),
            ("/one/x/y", "one", "/x/y"),
            ("/one/x/", "one", "/x/"),
            ("/one/two", "exact", ""),
            ("/one/two/", "exact", ""),
            ("/one/two/three", "two", "/three"),
            ("//one/two/three", "two", "/three"),
        ] {
            let found = router.find(path).unwrap();
            assert_eq!(found.route.component, component, "{path}");
            assert_eq!(found.path_info, info, "{path}");
        }
    }

    #[test]
    fn no_route_is_no_match() {
        let router = Router::new([("/v1/auth/...", "auth")]).unwrap();
        for path in ["/", "/v1", "/v1/authx", "/v1/auth2/x", "/V1/auth"] {
            assert!(router.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn header_values_are_spins() {
        for (pattern, matched, route) in [
            ("/foo/...", "/foo/...", "/foo"),
            ("/foo", "/foo", "/foo"),
            ("/foo/", "/foo", "/foo/"),
            ("/...", "/...", ""),
            ("/", "", "/"),
        ] {
            let headers = RouteHeaders::new(pattern).unwrap();
            assert_eq!(headers.matched_route, matched, "{pattern}");
            assert_eq!(headers.component_route, route, "{pattern}");
            assert_eq!(headers.raw_component_route, pattern, "{pattern}");
        }
    }

    #[test]
    fn refused_patterns() {
        for pattern in [
            "/users/:id",
            "/users/*",
            "/a/.../b",
            "/.well-known/spin/...",
            "/.well-known/spin/health",
            "/a?b",
        ] {
            assert!(Router::new([(pattern, "c")]).is_err(), "{pattern}");
        }
        assert!(Router::new([("/a", "x"), ("/a/", "y")]).is_err());
    }
}
