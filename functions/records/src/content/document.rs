use datatype::{Concept, DateTime};
use model::{RecordId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use web::Check;

use super::limits::{self, Text};

/// A letter, a report, a form, a recording: what it is. What it holds is attached to it (FHIR R4, DocumentReference).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    title: Text,
    /// What is to be uploaded as its content.
    media_type: MediaType,
    /// What sort of document it is.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    sort: Option<Concept>,
    /// When it was written, wherever that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dated_at: Option<DateTime>,
    /// The document that this one is a new version of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<RecordId>,
}

/// What a document may be (RFC 6838; IANA, Media Types).
// Nothing among them is run by a browser that opens it, as HTML, SVG and XML are,
// and of what office programs write only what has no macros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum MediaType {
    #[serde(rename = "application/pdf")]
    Pdf,
    #[serde(rename = "text/plain")]
    PlainText,
    #[serde(rename = "application/rtf")]
    Rtf,
    #[serde(rename = "application/vnd.openxmlformats-officedocument.wordprocessingml.document")]
    Docx,
    #[serde(rename = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")]
    Xlsx,
    #[serde(rename = "application/vnd.oasis.opendocument.text")]
    Odt,
    #[serde(rename = "application/vnd.oasis.opendocument.spreadsheet")]
    Ods,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/heic")]
    Heic,
    #[serde(rename = "image/tiff")]
    Tiff,
    #[serde(rename = "application/dicom")]
    Dicom,
    #[serde(rename = "audio/mpeg")]
    Mp3,
    #[serde(rename = "audio/mp4")]
    M4a,
    #[serde(rename = "audio/wav")]
    Wav,
    #[serde(rename = "video/mp4")]
    Mp4,
}

impl MediaType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::PlainText => "text/plain",
            Self::Rtf => "application/rtf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Heic => "image/heic",
            Self::Tiff => "image/tiff",
            Self::Dicom => "application/dicom",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Wav => "audio/wav",
            Self::Mp4 => "video/mp4",
        }
    }
}

impl Document {
    pub(crate) fn media_type(&self) -> MediaType {
        self.media_type
    }

    pub(crate) fn effective_at(&self) -> Option<Timestamp> {
        self.dated_at.as_ref().map(DateTime::earliest)
    }

    pub(crate) fn check(&self, check: &mut Check, at: &str, now: Timestamp) {
        limits::line(check, Some(&self.title), &format!("{at}/title"));
        if let Some(sort) = &self.sort {
            sort.check(check, &format!("{at}/type"));
        }
        if let Some(dated_at) = &self.dated_at {
            dated_at.check_past(check, &format!("{at}/dated_at"), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_called_what_they_are_sent_as() {
        for name in [
            "application/pdf",
            "text/plain",
            "application/rtf",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.oasis.opendocument.text",
            "application/vnd.oasis.opendocument.spreadsheet",
            "image/png",
            "image/jpeg",
            "image/heic",
            "image/tiff",
            "application/dicom",
            "audio/mpeg",
            "audio/mp4",
            "audio/wav",
            "video/mp4",
        ] {
            let media_type: MediaType = serde_json::from_value(name.into()).unwrap();
            assert_eq!(media_type.name(), name);
            assert_eq!(serde_json::to_value(media_type).unwrap(), name);
        }
    }
}
