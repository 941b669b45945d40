//! HTML in which everything that is not written in this program is escaped.

/// HTML in the making. Markup is literal text of ours; the type system lets nothing else in unescaped.
#[derive(Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup.
    pub(crate) fn markup(&mut self, literal: &'static str) -> &mut Self {
        self.0.push_str(literal);
        self
    }

    /// Text, or the value of an attribute between double quotes: what has a meaning there is escaped (HTML standard,
    /// section 13.3, "escaping a string").
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(character),
            }
        }
        self
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_has_no_meaning_as_markup() {
        let mut html = Html::default();
        html.markup("<p title=\"").text("\"><script>'&amp;").markup("\">");
        assert_eq!(
            html.into_string(),
            "<p title=\"&quot;&gt;&lt;script&gt;&#39;&amp;amp;\">"
        );
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_place(text in any::<String>()) {
            let mut html = Html::default();
            html.text(&text);
            let escaped = html.into_string();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            let back = escaped
                .replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
            prop_assert_eq!(back, text);
        }
    }
}
