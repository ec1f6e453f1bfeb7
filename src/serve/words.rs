//! Numbers and states formatted for readers.

use crate::spec::lines;
use maud::{Markup, html};

/// A share or score: three decimals, as in papers; `·` for none.
pub(super) fn score(value: Option<f64>) -> String {
    value.map_or("·".into(), |value| format!("{value:.3}"))
}

/// Any number with four significant digits.
pub(super) fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => return "0".into(),
        1e-3..10.0 => 3,
        10.0..100.0 => 2,
        100.0..1000.0 => 1,
        1000.0..1e6 => 0,
        _ if value.is_finite() => return format!("{value:.3e}"),
        _ => return value.to_string(),
    };
    format!("{value:.decimals$}")
}

/// A time: `12 s`, `3 min 20 s`, `1 h 12 min`.
pub(super) fn time(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        _ if seconds < 10.0 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// How long ago: `12 s ago`.
pub(super) fn ago(ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - ms).max(0) / 1000;
    match seconds {
        0..2 => "just now".into(),
        2..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// A length in bytes: `3.1 MB`.
pub(super) fn bytes(bytes: f64) -> String {
    match bytes {
        _ if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        _ if bytes >= 1e6 => format!("{:.1} MB", bytes / 1e6),
        _ if bytes >= 1e3 => format!("{:.1} kB", bytes / 1e3),
        _ => format!("{bytes:.0} B"),
    }
}

/// With a space between thousands: `10 000`.
pub(super) fn count(value: i64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digit.is_ascii_digit() {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A state, by colour and by word.
pub(super) fn state(word: &str) -> Markup {
    html! { span class={ "state " (word) } { i.dot {} (word) } }
}

/// A label formatted for readers: `system: SSL`; nothing for none.
pub(super) fn label(json: &str) -> String {
    let Ok(serde_json::Value::Object(axes)) = serde_json::from_str(json) else { return String::new() };
    let axes: Vec<String> =
        axes.iter().map(|(axis, value)| format!("{axis}: {}", lines::text(value))).collect();
    axes.join(", ")
}

/// The first digits of an id, enough to distinguish runs of one store.
pub(super) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// A count with its noun: `1 run`, `3 runs`.
pub(super) fn several(number: i64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let texts =
            [0.0, 1.0, 12.345678, 123.456, 1234.56, 0.123456, 0.0123456, 1e-5, 2.5e7, -0.5].map(number);
        let wanted =
            ["0", "1.000", "12.35", "123.5", "1235", "0.123", "0.012", "1.000e-5", "2.500e7", "-0.500"];
        assert_eq!(texts, wanted);
    }

    #[test]
    fn times_and_counts_are_said() {
        assert_eq!([9.96, 61.0, 3720.0, 90_000.0].map(time), ["10.0 s", "1 min 1 s", "1 h 2 min", "1 d 1 h"]);
        assert_eq!([5, 1000, 1_234_567].map(count), ["5", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
        assert_eq!(label(r#"{"system":"SSL","n":2}"#), "n: 2, system: SSL");
        assert_eq!(label("{}"), "");
    }
}
