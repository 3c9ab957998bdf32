use super::super::super::tuned::{Tuned, classes};
use super::*;

/// The rules at the top of tile.cl and local.cl, for every class and kind of convolution.
#[test]
fn shipped_parameters_are_legal() {
    for class in classes() {
        let tuned = Tuned::of_class(class);
        for (word, conv) in super::super::kinds() {
            for pass in Pass::ALL {
                let name = pass.name();
                let (_, parameters) = plan(tuned.at(None), &conv, pass).unwrap();
                let what = format!("{class} {name} {word}: {}", parameters.options());
                let get = |name| parameters.get(name);
                let tile = Tile::local(&parameters);
                let (items, local_bytes) = (tile.items[0], 4 * tile.numbers);
                let (tm, tn, tk) = (get("TM"), get("TN"), get("TK"));
                assert!(tm % get("WM") == 0 && get("WM") % 4 == 0, "{what}");
                assert!(tn % get("WN") == 0 && get("WN") % 4 == 0, "{what}");
                assert!((tm * tk).is_multiple_of(items * get("VA")), "{what}");
                assert!((tn * tk).is_multiple_of(items * get("VB")), "{what}");
                let a_line = tk / get("VA");
                let b_line = if get("TB") == 1 { tk } else { tn } / get("VB");
                assert!(items.is_multiple_of(a_line), "{what}");
                assert!(items.is_multiple_of(b_line), "{what}");
                assert!((tm + get("PADA")) % 4 == 0 && (tn + get("PADB")) % 4 == 0, "{what}");
                assert!(local_bytes <= 48 << 10 && items <= 256, "{what}");
            }
        }
    }
}
