//! How deep JSON nests, told before it is parsed: parsing is recursive.

/// Whether arrays and objects nest deeper than this many levels.
#[must_use]
pub fn exceeds(bytes: &[u8], levels: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_strings() {
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(!exceeds(deep(32).as_bytes(), 32));
        assert!(exceeds(deep(33).as_bytes(), 32));
        assert!(!exceeds(format!("\"\\\"{}\"", "[".repeat(99)).as_bytes(), 32));
    }
}
