//! What the operator sets: the front end's origin, providers and their credentials. Nothing has a default that sends
//! anything anywhere; what is missing is a 503 that names the variable to the operator and nobody else.

use http::{StatusCode, Uri};
use notification::Channel;
use web::{Exchange, Problem};
use zeroize::Zeroizing;

use crate::app_origin::{AppOrigin, origin};
use crate::provider::{By, Provider, ProviderName, Resend, Twilio, Webhook, resend, twilio};
use crate::standard_webhooks::SigningKey;

/// Who carries the messages of a channel.
pub(crate) enum Carrier {
    /// A provider, over HTTP.
    Provider(Box<dyn Provider>),
    /// Nobody: what would be sent is kept, for development.
    Capture,
}

impl Carrier {
    pub(crate) fn by(&self) -> By {
        match self {
            Self::Provider(provider) => By {
                provider: provider.name(),
                is_idempotent: provider.is_idempotent(),
            },
            Self::Capture => By {
                provider: ProviderName::Capture,
                is_idempotent: true,
            },
        }
    }
}

/// The function's variables.
pub(crate) struct Settings<'e, 'a>(pub(crate) &'e Exchange<'a>);

const NO_ORIGIN: &str = "is not an origin such as https://example.org, without a path";

/// 503, with a line that says which variable to set.
fn unset(variable: &str, why: &str) -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "provider-not-configured",
        "Messages of this kind are not set up in this deployment.",
    )
    .log(format!(
        "variable `notify_{variable}` (SPIN_VARIABLE_NOTIFY_{}) {why}",
        variable.to_ascii_uppercase()
    ))
}

impl Settings<'_, '_> {
    /// The value of a variable, or `None` where it is empty. Secret stores keep files, and files end in a line end that is nobody's.
    fn optional(&self, variable: &str) -> Option<Zeroizing<String>> {
        let text = self.0.platform.secrets.secret(variable).map(Zeroizing::new)?;
        let value = text.trim_end_matches(['\r', '\n']);
        (!value.trim().is_empty()).then(|| Zeroizing::new(value.to_owned()))
    }

    fn required(&self, variable: &str) -> Result<Zeroizing<String>, Problem> {
        self.optional(variable).ok_or_else(|| unset(variable, "is not set"))
    }

    fn origin(&self, variable: &str) -> Result<String, Problem> {
        origin(&self.required(variable)?)
            .map(str::to_owned)
            .ok_or_else(|| unset(variable, NO_ORIGIN))
    }

    /// Whom messages are from. Held against its form here: a provider refuses every message of a wrong one.
    fn sender(&self, variable: &str, is_sender: fn(&str) -> bool, why: &str) -> Result<String, Problem> {
        let from = self.required(variable)?;
        if is_sender(&from) {
            Ok(from.to_string())
        } else {
            Err(unset(variable, why))
        }
    }

    fn signing_key(&self, variable: &str) -> Result<SigningKey, Problem> {
        SigningKey::parse(&self.required(variable)?)
            .ok_or_else(|| unset(variable, "is not whsec_ and base64 of 24 to 64 bytes"))
    }

    pub(crate) fn app(&self) -> Result<AppOrigin, Problem> {
        AppOrigin::parse(&self.required("app_url")?).ok_or_else(|| unset("app_url", NO_ORIGIN))
    }

    /// Whether what would be sent is kept and shown, which is for development only.
    pub(crate) fn is_capturing(&self) -> bool {
        self.optional("capture").is_some_and(|text| *text == "on")
    }

    fn provider(&self, channel: Channel) -> Result<ProviderName, Problem> {
        let variable = match channel {
            Channel::Email => "email_provider",
            Channel::Sms => "sms_provider",
        };
        let name = ProviderName::from_name(&self.required(variable)?);
        match (channel, name) {
            (Channel::Email, Some(name @ (ProviderName::Resend | ProviderName::Webhook | ProviderName::Capture)))
            | (Channel::Sms, Some(name @ (ProviderName::Twilio | ProviderName::Webhook | ProviderName::Capture))) => {
                Ok(name)
            }
            (Channel::Email, _) => Err(unset(variable, "is none of resend, webhook, capture")),
            (Channel::Sms, _) => Err(unset(variable, "is none of twilio, webhook, capture")),
        }
    }

    /// Who carries the messages of a channel, with everything that is needed to.
    ///
    /// # Errors
    /// 503 where something is not set.
    pub(crate) fn carrier(&self, channel: Channel) -> Result<Carrier, Problem> {
        self.app()?;
        Ok(match self.provider(channel)? {
            ProviderName::Twilio => Carrier::Provider(Box::new(self.twilio()?)),
            ProviderName::Resend => Carrier::Provider(Box::new(self.resend()?)),
            ProviderName::Webhook => Carrier::Provider(Box::new(Webhook {
                url: self.webhook_url()?,
                key: self.webhook_key()?,
                channel,
            })),
            ProviderName::Capture if self.is_capturing() => Carrier::Capture,
            // Set by mistake in production, messages would look sent and go nowhere.
            ProviderName::Capture => return Err(unset("capture", "is not `on`, and a provider is `capture`")),
        })
    }

    /// Whether a provider is one that messages are sent by here, so that its callbacks are for us.
    pub(crate) fn is_used(&self, provider: ProviderName) -> bool {
        [Channel::Email, Channel::Sms]
            .into_iter()
            .any(|channel| self.provider(channel).ok() == Some(provider))
    }

    pub(crate) fn twilio(&self) -> Result<Twilio, Problem> {
        let account = self.required("sms_account")?;
        if !account.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(unset("sms_account", "is not an account SID"));
        }
        Ok(Twilio {
            base: self.origin("sms_url")?,
            account: account.to_string(),
            token: self.required("sms_token")?,
            from: self.sender(
                "sms_from",
                twilio::is_sender,
                "is no number in E.164, short code, name of up to 11 characters that Twilio takes, or id of a messaging service",
            )?,
            public_url: match self.optional("public_url") {
                Some(_) => Some(self.origin("public_url")?),
                None => None,
            },
        })
    }

    pub(crate) fn resend(&self) -> Result<Resend, Problem> {
        Ok(Resend {
            base: self.origin("email_url")?,
            // Here and not where a message leaves: what can't be sent with must not cost a message a try.
            authorization: resend::authorization(&self.required("email_key")?)
                .ok_or_else(|| unset("email_key", "has characters that no header can carry"))?,
            from: self.sender(
                "email_from",
                resend::is_sender,
                "is neither an address nor a name and <address>",
            )?,
        })
    }

    /// What Resend signs its callbacks with.
    pub(crate) fn resend_callback_key(&self) -> Result<SigningKey, Problem> {
        self.signing_key("email_callback_key")
    }

    /// What is signed with in both directions between us and the operator's endpoint.
    pub(crate) fn webhook_key(&self) -> Result<SigningKey, Problem> {
        self.signing_key("webhook_key")
    }

    fn webhook_url(&self) -> Result<String, Problem> {
        let origin = self.origin("webhook_origin")?;
        let path = self.required("webhook_path")?;
        if !path.starts_with('/') || format!("{origin}{}", *path).parse::<Uri>().is_err() {
            return Err(unset("webhook_path", "is not a path that begins with a slash"));
        }
        Ok(format!("{origin}{}", *path))
    }
}
