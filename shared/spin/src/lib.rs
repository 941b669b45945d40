//! The ports on Spin, and the export of a function as `wasi:http/incoming-handler`. The one crate that knows the platform.
#![warn(missing_docs)]

mod body;
mod bucket;
mod http;
mod outbound;
mod platform;

#[doc(hidden)]
pub use crate::http::handle;
#[doc(hidden)]
pub use crate::outbound::{Granted, Nowhere};
#[doc(hidden)]
pub use wasi;

/// Exports a function: its name and its routes, and `outbound` where it sends requests to others. The one line that a function's
/// `lib.rs` needs to be deployed.
///
/// A function without `outbound` has no way out, whatever its manifest grants: its component does not even import one. Nor does a
/// request to it pay for one, and each import costs a host some work for every fresh instance.
///
/// On any other target than WebAssembly it expands to nothing, so that functions are tested natively.
#[macro_export]
macro_rules! export {
    ($function:expr, $routes:expr) => {
        $crate::export!(@ $function, $routes, $crate::Nowhere);
    };
    ($function:expr, $routes:expr, outbound) => {
        $crate::export!(@ $function, $routes, $crate::Granted);
    };
    (@ $function:expr, $routes:expr, $outbound:expr) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs)]
        mod exported {
            use $crate::wasi::exports::http::incoming_handler::Guest;
            use $crate::wasi::http::types::{IncomingRequest, ResponseOutparam};

            struct Exported;

            impl Guest for Exported {
                fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
                    $crate::handle($function, $routes, &$outbound, request, outparam);
                }
            }

            $crate::wasi::http::proxy::export!(Exported);
        }
    };
}
