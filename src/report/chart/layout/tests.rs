//! The drawings of `snapshots.rs`, held to what no drawing may be: overlapping, cut off, without units or
//! names.

use resvg::usvg::TextAnchor;

use super::super::snapshots::{MISSING, drawings};
use super::super::theme::device;
use super::*;

#[test]
fn texts_do_not_overlap_and_nothing_leaves_the_drawing() {
    for (name, _, drawing) in drawings() {
        Layout::of(&drawing.file()).check(name);
    }
}

#[test]
fn every_series_has_its_name_and_every_tick_its_unit() {
    for (name, series, drawing) in drawings() {
        let layout = Layout::of(&drawing.file());
        for i in 0..series {
            let begins = |text: &str| text.starts_with(&format!("{i:02} "));
            assert!(layout.words.iter().any(|w| begins(&w.text)), "{name}: no series {i}");
        }
        let is_upright = name.starts_with("lines") || name.starts_with("roofline");
        let anchor = if is_upright { TextAnchor::End } else { TextAnchor::Middle };
        let is_tick = |text: &str| !text.starts_with("same as");
        let ticks = layout.words.iter().filter(|w| w.anchor == anchor).map(|w| w.text.as_str());
        let ticks: Vec<&str> = ticks.filter(|text| is_tick(text)).collect();
        assert!(ticks.len() >= 3, "{name}: {ticks:?}");
        // Sizes and uses are numbers, and ratios are in the cells.
        for tick in ticks.into_iter().filter(|_| !name.starts_with("heat")) {
            let units = ["FLOP/s", "B/s", "s", "×", "%"];
            assert!(tick == "0" || units.iter().any(|u| tick.ends_with(u)), "{name}: {tick}");
        }
    }
}

/// The markers of the first series keep their distance but for one gap, which nothing of its colour
/// crosses.
#[test]
fn a_missing_point_leaves_a_gap() {
    let all = drawings();
    let (.., drawing) = all.iter().find(|(name, ..)| *name == "lines-40-points").unwrap();
    let layout = Layout::of(&drawing.file());
    let own: Vec<_> = layout.shapes.iter().filter(|s| s.colour == device(0).light).collect();
    let is_marker = |b: &&Bounds| b.right - b.left < 12.0 && b.bottom - b.top < 12.0;
    let mut markers: Vec<_> = own.iter().map(|s| &s.bounds).filter(is_marker).collect();
    // The last one belongs to its label.
    markers.sort_by(|a, b| a.left.total_cmp(&b.left));
    markers.pop();
    assert_eq!(markers.len(), 39);
    let gap = |i: usize| markers[i + 1].left - markers[i].left;
    let wide: Vec<usize> = (0..38).filter(|i| gap(*i) > 1.6 * gap(30)).collect();
    assert_eq!(wide, [MISSING - 1]);
    let crosses =
        |b: &Bounds| b.left <= markers[MISSING - 1].right && b.right >= markers[MISSING].left;
    // The mark of a crossover is of the same colour and lies over the plot.
    let crossing = own.iter().filter(|s| crosses(&s.bounds) && s.bounds.bottom > markers[38].top);
    assert_eq!(crossing.count(), 0);
}
