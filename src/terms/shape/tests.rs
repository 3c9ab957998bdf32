use super::*;

const PRODUCT: &[Axis] =
    &[Axis::size("m"), Axis::size("n"), Axis::size("k"), Axis::switch("ta"), Axis::switch("tb")];

fn product(text: &str) -> Result<Shape> {
    Shape::parse("gemm", PRODUCT, text)
}

#[test]
fn defaults_are_filled_in_and_left_out_again() {
    let shape = product("k=3, n=2,m=1").unwrap();
    assert_eq!(shape.to_string(), "m=1,n=2,k=3,ta=0,tb=0");
    assert_eq!(shape.short(), "m=1,n=2,k=3");
    let turned = product("m=1,n=2,k=3,tb=1").unwrap();
    assert_eq!(turned.short(), "m=1,n=2,k=3,tb=1");
    assert_eq!(turned.with(&["m", "n"], 9).to_string(), "m=9,n=9,k=3,ta=0,tb=1");
}

#[test]
fn an_axis_that_came_later_changes_no_shape_without_it() {
    const AXES: &[Axis] = &[Axis::size("m"), Axis::switch("ta"), Axis::size("batch").or(1).later()];
    let shape = |text: &str| Shape::parse("gemm", AXES, text).unwrap();
    for text in ["m=1", "m=1,batch=1"] {
        let one = shape(text);
        assert_eq!((one.to_string(), one.get("batch")), ("m=1,ta=0".to_string(), 1));
        assert_eq!(one.values().count(), 2);
    }
    let many = shape("m=1,batch=7");
    assert_eq!((many.to_string(), many.short()), ("m=1,ta=0,batch=7".into(), "m=1,batch=7".into()));
    assert_eq!(shape(&many.to_string()), many);
    assert_ne!(shape("m=1"), many);
    assert_eq!(many.with(&["batch"], 1), shape("m=1"));
}

#[test]
fn both_directions_are_given_at_once() {
    let conv = |text| Shape::parse("conv-fprop", super::super::conv::AXES, text);
    let shape = conv("n=1,c=2,h=9,w=9,k=4,r=3,s=3,stride=2,pad_w=1").unwrap();
    assert_eq!(
        shape.to_string(),
        "n=1,c=2,h=9,w=9,k=4,r=3,s=3,stride_h=2,stride_w=2,pad_h=0,pad_w=1,dilation_h=1,\
         dilation_w=1,groups=1"
    );
    let twice = conv("n=1,c=2,h=9,w=9,k=4,r=3,s=3,stride=2,stride_w=1");
    assert!(twice.unwrap_err().to_string().contains("'stride_w' is given twice"));
}

#[test]
fn what_is_wrong_is_named() {
    for (text, part) in [
        ("m=1,n=2", "axis 'k' is missing"),
        ("m=0,n=2,k=3", "m=0 is out of range"),
        ("m=1,n=2,k=3,ta=2", "ta=2 is out of range"),
        ("m=1,n=2,k=3,z=1", "gemm has no axis 'z'"),
        ("m=1,n=2,k=3,m=1", "axis 'm' is given twice"),
        ("m=-1,n=2,k=3", "'-1' is not a whole number"),
        ("m=99999999999999999999,n=2,k=3", "is not a whole number"),
        ("512", "'512' is not A=N"),
        ("", "'' is not A=N"),
    ] {
        let error = product(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn sizes_between_others_are_multiples_of_the_step() {
    let plain = Axis::size("m");
    let first = |axis: Axis, low, high| axis.between(low, high).next();
    assert_eq!(first(plain, 100, 200), Some(144));
    assert_eq!((first(plain, 8, 16), first(plain, 1, 7)), (None, None));
    let wide = Axis::size("d_model").in_steps_of(64);
    assert_eq!((first(wide, 64, 256), first(wide, 16, 64)), (Some(128), Some(40)));
    let mut all: Vec<u64> = plain.between(16, 64).collect();
    assert_eq!(all[..4], [40, 40, 48, 32]);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, [24, 32, 40, 48, 56]);
}
