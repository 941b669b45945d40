//! Where a person is reached without a letter (FHIR `ContactPoint`).

use datatype::person::TELECOMS;
use model::ContactChannel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use crate::codes::codes;
use crate::form;
use crate::several::Element;

codes! {
    /// FHIR `ContactPointSystem`, without what nobody is reached by any more.
    #[schemars(rename = "TelecomSystem")]
    System {
        Email = "email",
        Phone = "phone",
        /// A number that takes text messages and no calls.
        Sms = "sms",
    }
}

codes! {
    /// FHIR `ContactPointUse`, without what is not in use.
    TelecomUse {
        Home = "home",
        Work = "work",
        Mobile = "mobile",
    }
}

/// A way to reach somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telecom {
    pub(crate) system: System,
    /// An address, or a number with its country code, such as `+493012345678`.
    pub(crate) value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r#use: Option<TelecomUse>,
    /// Which she prefers: 1 to 99, the lower the better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99))]
    rank: Option<u8>,
}

impl Telecom {
    /// The same, behind those that have a rank.
    pub(crate) fn unranked(self) -> Self {
        Self { rank: None, ..self }
    }

    fn takes(&self, channel: ContactChannel) -> bool {
        match channel {
            ContactChannel::Email => self.system == System::Email,
            ContactChannel::Phone => self.system == System::Phone,
            // A landline takes no text messages, and a telephone at work may be somebody else's to read.
            ContactChannel::Sms => {
                self.system == System::Sms
                    || (self.system == System::Phone && matches!(self.r#use, None | Some(TelecomUse::Mobile)))
            }
            ContactChannel::Post => false,
        }
    }
}

/// Where she is reached by a channel: the lowest rank; without ranks the one that stands first.
pub(crate) fn preferred(telecoms: &[Telecom], channel: ContactChannel) -> Option<&Telecom> {
    telecoms
        .iter()
        .filter(|telecom| telecom.takes(channel))
        .min_by_key(|telecom| telecom.rank.unwrap_or(u8::MAX))
}

impl Element for Telecom {
    const MOST: usize = TELECOMS;

    fn normalised(self, check: &mut Check, at: &str) -> Self {
        let (form, rule, detail) = match self.system {
            System::Email => (form::email(&self.value), "email", "must be an e-mail address"),
            System::Phone | System::Sms => (
                form::phone(&self.value),
                "e164",
                "must be a telephone number with its country code, such as +493012345678",
            ),
        };
        check.that(form.is_some(), format!("{at}/value"), rule, detail);
        check.that(
            self.rank.is_none_or(|rank| (1..=99).contains(&rank)),
            format!("{at}/rank"),
            "range",
            "must be 1 to 99",
        );
        Self {
            value: form.unwrap_or(self.value),
            ..self
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        self.system == other.system && self.value == other.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_preferred_is_the_lowest_rank_of_those_that_take_the_channel() {
        let telecom = |system: &str, value: &str, more: Value| {
            let mut json = json!({"system": system, "value": value});
            json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<Telecom>(json).unwrap()
        };
        let all = [
            telecom("phone", "+1", json!({"use": "home", "rank": 1})),
            telecom("email", "a", json!({})),
            telecom("phone", "+2", json!({})),
            telecom("email", "b", json!({"rank": 9})),
            telecom("email", "c", json!({"rank": 9})),
            telecom("sms", "+3", json!({"rank": 99})),
            telecom("phone", "+4", json!({"use": "mobile", "rank": 2})),
            telecom("phone", "+5", json!({"use": "work", "rank": 1})),
        ];
        for (channel, telecoms, value) in [
            (ContactChannel::Email, &all[..], Some("b")),
            (ContactChannel::Email, &all[..3], Some("a")),
            (ContactChannel::Phone, &all[..], Some("+1")),
            (ContactChannel::Sms, &all[..], Some("+4")),
            (ContactChannel::Sms, &all[..6], Some("+3")),
            (ContactChannel::Sms, &all[..3], Some("+2")),
            (ContactChannel::Sms, &all[..2], None),
            (ContactChannel::Email, &all[..1], None),
            (ContactChannel::Post, &all[..], None),
        ] {
            let preferred = preferred(telecoms, channel).map(|telecom| telecom.value.as_str());
            assert_eq!(preferred, value, "{channel:?}");
        }
    }
}
