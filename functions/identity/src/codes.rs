//! Codes that others have defined, each a word or a few letters.

/// An enumeration that is written as its codes and knows no other. As a derive it would be several times the size for each of them.
macro_rules! codes {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $variant:ident = $code:literal,)+ }) => {
        #[derive(Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        $(#[$about])*
        pub(crate) enum $name {
            $($(#[$meaning])* #[schemars(rename = $code)] $variant,)+
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self {
                    $(Self::$variant => $code,)+
                })
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match String::deserialize(deserializer)?.as_str() {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(serde::de::Error::custom(concat!("must be one of", $(" ", $code),+))),
                }
            }
        }
    };
}

pub(crate) use codes;
