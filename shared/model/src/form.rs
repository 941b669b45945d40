/// Whether a text is as long as a form, with ASCII digits where that has zeros and the same elsewhere.
#[must_use]
pub fn has_form(text: &str, form: &str) -> bool {
    let is_digit = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_digit)
}
