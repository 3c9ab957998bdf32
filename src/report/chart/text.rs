//! Widths of texts, estimated: the reader's browser picks the font, so every estimate is that of a
//! wide one (DejaVu Sans), and what fits by it fits in any, pictures' own among them.

/// Bold letters are wider by this factor.
pub const BOLD: f64 = 1.1;

/// Estimated width of `text` in pixels at a font size in pixels.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// Advance of a character in units of the font size.
fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' => 0.29,
        ' ' | '.' | ',' | ':' | ';' | '/' | '(' | ')' | '[' | ']' | '|' | 'I' | '!' => 0.40,
        '-' => 0.47,
        'f' | 't' | 'r' => 0.41,
        'm' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        'w' | '×' | '=' | '≤' | '≥' | '<' | '>' | '+' => 0.84,
        'A'..='Z' => 0.76,
        'a'..='z' | '0'..='9' => 0.64,
        c if c.is_ascii() => 0.67,
        // Scripts and signs that are as wide as they are high, and emoji that are wider.
        c if c >= '\u{1100}' => 1.3,
        _ => 0.8,
    }
}

/// `text` without control characters, which XML can't hold.
pub fn clean(text: &str) -> String {
    let fit =
        |c: char| if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') { ' ' } else { c };
    text.chars().map(fit).collect()
}

/// `text`, cut in its middle where it is wider than `most`: a name's beginning and its end tell
/// more than its middle.
pub fn shorten(text: &str, size: f64, most: f64) -> String {
    let text = clean(text);
    if width(&text, size) <= most {
        return text;
    }
    let all: Vec<char> = text.chars().collect();
    for kept in (2..all.len()).rev() {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let start: String = all[..head].iter().collect();
        let end: String = all[all.len() - tail..].iter().collect();
        let cut = format!("{}…{}", start.trim_end(), end.trim_start());
        if width(&cut, size) <= most {
            return cut;
        }
    }
    "…".to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shorten("NVIDIA H200", 12.0, 200.0), "NVIDIA H200");
        let name = "pthread-skylake-avx512-AMD EPYC 9B14 96-Core Processor of a long name 0123";
        let cut = shorten(name, 12.0, 200.0);
        assert!(cut.starts_with("pthread-") && cut.ends_with("0123"), "{cut}");
        assert!(width(&cut, 12.0) <= 200.0);
        assert_eq!(shorten(name, 12.0, 0.0), "…");
        assert_eq!(shorten("", 12.0, 0.0), "");
        assert_eq!(clean("a\u{0}b\nc"), "a b c");
    }
}
