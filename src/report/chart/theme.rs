//! Colours, light and dark, and the style sheet that exchanges them.

use std::fmt::Write;

/// A colour in its light and its dark form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tone {
    /// On a light page: what the drawing holds. Unique, for the style sheet finds it by this.
    pub light: (u8, u8, u8),
    /// On a dark page.
    pub dark: (u8, u8, u8),
}

const fn tone(light: u32, dark: u32) -> Tone {
    const fn rgb(hex: u32) -> (u8, u8, u8) {
        ((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
    }
    Tone { light: rgb(light), dark: rgb(dark) }
}

/// The background.
pub const PAPER: Tone = tone(0xFFFFFF, 0x171B22);
/// Titles and labels.
pub const INK: Tone = tone(0x1C2430, 0xE8EBF0);
/// Axis labels and second lines.
pub const MUTED: Tone = tone(0x5A6675, 0xA3AEBC);
/// Grid lines.
pub const GRID: Tone = tone(0xE6E9EE, 0x2A313B);
/// Axes, and the line at 1x.
pub const AXIS: Tone = tone(0x9AA5B1, 0x5F6B7A);

/// What was not measured here.
pub const FAINT: Tone = tone(0xB3BCC7, 0x566270);
/// Labels on bright colours, which are bright on a dark page too.
pub const SHADE: Tone = tone(0x12161D, 0x12161D);

/// All of these.
const PLAIN: [Tone; 7] = [PAPER, INK, MUTED, GRID, AXIS, FAINT, SHADE];

/// One colour a device, the CPU's first. Told apart by colour-blind readers too (M. Okabe and
/// K. Ito, "Color Universal Design", 2008); their yellow is darkened to be seen on white.
pub const DEVICES: [Tone; 8] = [
    tone(0x0072B2, 0x4FA9E2),
    tone(0xD55E00, 0xFF8B45),
    tone(0x009E73, 0x2CC79B),
    tone(0xCC79A7, 0xE79DC6),
    tone(0xE69F00, 0xF4B73B),
    tone(0x56B4E9, 0x93D0F5),
    tone(0xA39300, 0xF0E442),
    tone(0x3B4654, 0xC5CDD8),
];

/// One colour a kind of work, where a chart is about one device. Of another family than those of the
/// devices, so that nobody takes one for the other (P. Tol, "Colour schemes", 2021, "muted").
pub const KINDS: [Tone; 8] = [
    tone(0x332288, 0x9D92F2),
    tone(0xCC6677, 0xF0909F),
    tone(0x44AA99, 0x63D0BE),
    tone(0x999933, 0xCFCF66),
    tone(0x882255, 0xDB6BA4),
    tone(0x88CCEE, 0xB4E2F8),
    tone(0x117733, 0x52C277),
    tone(0xAA4499, 0xE08AD2),
];

/// How a ratio compares, from far below 1 to far above: blue, as the CPU is, to orange, as the first device beside
/// it is; told apart by colour-blind readers, and by how far they are from 1 in grey.
pub const HEAT: [Tone; 9] = [
    tone(0x1B6295, 0x6DB4EC),
    tone(0x5C9CC9, 0x2F6CA0),
    tone(0x9DC4E0, 0x264F72),
    tone(0xD4E4F0, 0x213A50),
    tone(0xF0F1F3, 0x2B323C),
    tone(0xF8DFCA, 0x4A3423),
    tone(0xF0B98E, 0x6F4527),
    tone(0xE58C4D, 0x97571F),
    tone(0xB04A08, 0xF2A45E),
];

/// Ratios between one colour and the next, each the geometric mean of what the two stand for.
const HEAT_BORDERS: [f64; 8] = [0.177, 0.354, 0.632, 0.894, 1.118, 1.581, 2.828, 5.657];

/// The colour of a ratio.
pub fn heat(ratio: f64) -> Tone {
    HEAT[HEAT_BORDERS.iter().filter(|border| ratio > **border).count()]
}

/// The colour of a number on one of [`HEAT`].
pub fn heat_label(area: Tone) -> Tone {
    if area == HEAT[0] || area == HEAT[8] { PAPER } else { INK }
}

/// The better seen of paper and shade on an area of this colour.
pub fn on(area: Tone) -> Tone {
    let contrast = |label: Tone| contrast(label.light, area.light);
    if contrast(PAPER) >= contrast(SHADE) { PAPER } else { SHADE }
}

/// Contrast of two colours, from 1 to 21 (WCAG 2.2).
fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
    let linear = |c: u8| match f64::from(c) / 255.0 {
        c if c <= 0.04045 => c / 12.92,
        c => ((c + 0.055) / 1.055).powf(2.4),
    };
    let luminance = |(r, g, b)| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

/// The device colour number `index`; after the last they begin again.
pub fn device(index: usize) -> Tone {
    DEVICES[index % DEVICES.len()]
}

/// The colour of the kind of work number `index`; after the last they begin again.
pub fn kind(index: usize) -> Tone {
    KINDS[index % KINDS.len()]
}

/// Style sheet of every drawing: fonts, round joins, and the dark colours on a dark screen.
pub fn css() -> String {
    let mut css = String::from(
        ".chart text{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,\
         'Helvetica Neue',Arial,sans-serif;font-variant-numeric:tabular-nums}\
         .chart polyline,.chart line{stroke-linecap:round;stroke-linejoin:round}\
         @media screen and (prefers-color-scheme:dark){",
    );
    for tone in PLAIN.iter().chain(&DEVICES).chain(&KINDS).chain(&HEAT) {
        let (light, dark) = (hex(tone.light), hex(tone.dark));
        // Writing to a string can't fail.
        let _ = write!(
            css,
            ".chart [fill='{light}']{{fill:{dark}}}.chart [stroke='{light}']{{stroke:{dark}}}"
        );
    }
    css.push('}');
    css
}

fn hex((r, g, b): (u8, u8, u8)) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_the_colour_that_they_are_nearest_to() {
        let stands_for = [0.125, 0.25, 0.5, 0.8, 1.0, 1.25, 2.0, 4.0, 8.0];
        assert_eq!(stands_for.map(heat), HEAT);
        assert_eq!([0.0, f64::INFINITY].map(heat), [HEAT[0], HEAT[8]]);
    }

    #[test]
    fn every_colour_is_found_by_its_light_form() {
        let all: Vec<Tone> = PLAIN.into_iter().chain(DEVICES).chain(KINDS).chain(HEAT).collect();
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a.light != b.light), "{a:?}");
        }
        assert!((contrast((0, 0, 0), (255, 255, 255)) - 21.0).abs() < 1e-9);
        for area in KINDS.into_iter().chain([MUTED]) {
            let label = on(area);
            assert!(contrast(label.light, area.light) >= 4.5, "{area:?}");
            assert!(contrast(label.dark, area.dark) >= 4.5, "{area:?}");
        }
        for area in HEAT {
            let label = heat_label(area);
            let contrasts = [(label.light, area.light), (label.dark, area.dark)];
            let contrasts = contrasts.map(|(label, area)| contrast(label, area));
            assert!(contrasts.iter().all(|c| *c >= 4.5), "{area:?} {contrasts:?}");
        }
        assert!(css().contains("[fill='#0072B2']{fill:#4FA9E2}"));
        assert_eq!((device(8), kind(8)), (DEVICES[0], KINDS[0]));
    }
}
