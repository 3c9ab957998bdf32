//! Pictures of small drawings, pixel by pixel.

use super::super::canvas::{self, Anchor, Canvas, Font};
use super::super::layout::Layout;
use super::super::text;
use super::super::theme::{INK, device};
use super::*;

fn drawing(draw: impl FnOnce(&Canvas<'_>)) -> String {
    canvas::wrap(&canvas::paint(400.0, 60.0, draw), (400.0, 60.0), "t", "l", true)
}

fn picture(svg: &str) -> Pixmap {
    Pixmap::decode_png(&Raster::new().png(svg).unwrap()).unwrap()
}

/// How many pixels of a box, in pixels of the drawing, differ between two pictures.
fn differing(a: &Pixmap, b: &Pixmap, (left, top, right, bottom): (u32, u32, u32, u32)) -> usize {
    let all = (top * 2..bottom * 2).flat_map(|y| (left * 2..right * 2).map(move |x| (x, y)));
    all.filter(|(x, y)| a.pixel(*x, *y) != b.pixel(*x, *y)).count()
}

#[test]
fn a_picture_is_light_opaque_and_twice_the_size() {
    let picture = picture(&drawing(|c| c.fill((10.0, 10.0), (50.0, 30.0), device(0), 1.0)));
    assert_eq!((picture.width(), picture.height()), (800, 120));
    assert!(picture.pixels().iter().all(|p| p.alpha() == 255));
    let colour = |x, y| picture.pixel(x, y).map(|p| (p.red(), p.green(), p.blue())).unwrap();
    assert_eq!((colour(60, 40), colour(0, 0)), (device(0).light, PAPER.light));
    assert_eq!((colour(19, 40), colour(100, 40)), (PAPER.light, PAPER.light));
}

/// Ink where a text is, in both weights, and nowhere else.
#[test]
fn texts_have_ink_without_any_font_of_the_system() {
    let blank = picture(&drawing(|_| ()));
    let write = |font| {
        picture(&drawing(|c| c.text((200.0, 30.0), Anchor::Left, font, "2.00 TFLOP/s → 3²")))
    };
    let (thin, bold) = (write(Font::new(12.0, INK)), write(Font::bold(12.0, INK)));
    let ink = |p: &Pixmap| differing(p, &blank, (200, 20, 330, 40));
    assert!(ink(&thin) > 300 && ink(&bold) > ink(&thin) * 11 / 10, "{} {}", ink(&thin), ink(&bold));
    assert_eq!(ink(&thin), differing(&thin, &blank, (0, 0, 400, 60)));
}

#[test]
fn letters_that_the_font_lacks_do_no_harm() {
    for name in ["漢字", "🦀", "العربية", "e\u{301}\u{200B}\u{202E}x", "\u{FFFD}\u{E000}", ""]
    {
        let write = |text: &str| {
            picture(&drawing(|c| c.text((9.0, 30.0), Anchor::Left, Font::new(12.0, INK), text)))
        };
        let (with, without) = (write(&format!("GPU {name}")), write("GPU"));
        assert_eq!(differing(&with, &without, (0, 0, 30, 60)), 0, "{name}");
    }
}

/// What fits by its estimated width fits in a picture.
#[test]
fn no_letter_is_wider_than_estimated() {
    let letters = ('!'..='~').chain("×·–…µ→³²≥≤±éÖßαΩ".chars());
    let styles = [(Font::new(10.0, INK), 1.0), (Font::bold(10.0, INK), text::BOLD)];
    let mut wider = Vec::new();
    for (letter, (font, factor)) in letters.flat_map(|l| styles.map(|s| (l, s))) {
        let text: String = std::iter::repeat_n(letter, 10).collect();
        let svg = drawing(|c| c.text((9.0, 30.0), Anchor::Left, font, &text));
        let width = Layout::of(&svg).words[0].measured;
        let estimate = text::width(&text, 10.0) * factor;
        if width > estimate * 1.01 {
            wider.push((letter, width, estimate));
        }
    }
    assert!(wider.is_empty(), "{wider:?}");
}
