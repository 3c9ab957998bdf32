use super::*;

#[test]
fn a_crossover_is_read_as_it_is_written() {
    for (crossover, text) in [
        (Crossover::Always, "<=first"),
        (Crossover::Never, ">last"),
        (Crossover::From(384), "384"),
        (Crossover::Unclear(256, 512), "unclear:256-512"),
    ] {
        assert_eq!(crossover.to_string(), text);
        assert_eq!(Crossover::try_from(text.to_string()), Ok(crossover));
    }
    for text in ["", "unclear:", "unclear:a-b", "-3", "soon"] {
        assert!(Crossover::try_from(text.to_string()).is_err(), "{text}");
    }
}

#[test]
fn intervals_make_verdicts() {
    assert_eq!(Verdict::of(1.02, 1.5, 0.0), Verdict::Faster);
    assert_eq!(Verdict::of(0.5, 0.98, 0.0), Verdict::Slower);
    assert_eq!(Verdict::of(0.985, 1.015, 0.0), Verdict::Same);
    assert_eq!(Verdict::of(0.95, 1.05, 0.1), Verdict::Ambiguous);
    assert_eq!(Verdict::of(5.0, 6.0, 0.26), Verdict::None);
}

#[test]
fn a_sweep_has_one_crossover() {
    let of = |letters: &str| {
        let verdict = |letter| match letter {
            'f' => Some(Verdict::Faster),
            's' => Some(Verdict::Slower),
            '=' => Some(Verdict::Same),
            '?' => Some(Verdict::Ambiguous),
            _ => None,
        };
        let points: Vec<_> = (1..).zip(letters.chars().map(verdict)).collect();
        Crossover::of(&points)
    };
    for (letters, crossover) in [
        ("fff", Crossover::Always),
        ("ss=", Crossover::Never),
        ("ssff", Crossover::From(3)),
        ("s=ff", Crossover::From(3)),
        ("sfsf", Crossover::Unclear(2, 4)),
        ("sfs", Crossover::Unclear(2, 3)),
        ("s?f", Crossover::Unclear(2, 3)),
        ("s-f", Crossover::Unclear(2, 3)),
        ("ff-", Crossover::Unclear(1, 3)),
        ("s-", Crossover::Unclear(2, 2)),
        // A noisy point before slower ones is not it, whatever it is.
        ("?sss", Crossover::Never),
        ("-s=", Crossover::Never),
        ("?sff", Crossover::From(3)),
        ("s?s?ff", Crossover::Unclear(4, 5)),
        ("??ss?", Crossover::Unclear(5, 5)),
        // One before them that is faster is another crossing.
        ("sfsf", Crossover::Unclear(2, 4)),
        ("?fs", Crossover::Unclear(1, 3)),
    ] {
        assert_eq!(of(letters), Some(crossover), "{letters}");
    }
    assert_eq!(of(""), None);
}

#[test]
fn brackets_lie_around_what_can_be_narrowed_down() {
    let values = [128, 256, 512];
    assert_eq!(Crossover::From(512).bracket(&values), Some((256, 512)));
    assert_eq!(Crossover::From(128).bracket(&values), None);
    assert_eq!(Crossover::Unclear(256, 512).bracket(&values), Some((256, 512)));
    assert_eq!(Crossover::Unclear(512, 512).bracket(&values), None);
    assert_eq!(Crossover::Unclear(128, 512).bracket(&values), Some((128, 512)));
    assert_eq!(Crossover::Always.bracket(&values), None);
    assert_eq!(Crossover::Never.bracket(&values), None);
}
