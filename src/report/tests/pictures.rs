//! Charts as PNG: beside each SVG, of its size twice, and with all its texts.

use resvg::tiny_skia::Pixmap;

use super::*;

/// A run with a chart of every kind, and its folder.
fn drawn(png: bool) -> (tempfile::TempDir, Vec<String>) {
    let mut run = against(GPU, &[0.5, 0.9, 2.0, 10.0]);
    run.knows(CPU, "");
    run.knows(GPU, "CUDA");
    run.limits(CPU, 200, [400, 150, 40]);
    run.limits(GPU, 60_000, [90, 900, 3900]);
    run.knows_limits();
    run.plan("gemm", "m=9,n=8,k=8,ta=0,tb=0", "", None, "deepbench", "a layer of 漢字");
    run.add("gemm", "m=9,n=8,k=8,ta=0,tb=0", CPU, "gemm", Scope::Compute, 2e-3);
    run.add("gemm", "m=9,n=8,k=8,ta=0,tb=0", GPU, "packed", Scope::Compute, 1e-3);
    let folder = tempfile::tempdir().unwrap();
    run.write(folder.path());
    let names = draw(folder.path(), png);
    (folder, names)
}

/// Draws, and gives the names of the charts.
fn draw(folder: &Path, png: bool) -> Vec<String> {
    let written = render(folder, &Options { png, ..Options::default() }).unwrap().written;
    let name = |p: &std::path::PathBuf| p.file_name().unwrap().to_string_lossy().into_owned();
    written.iter().map(name).filter(|name| name != "report.html").collect()
}

/// `width="920"` as a number.
fn attribute(svg: &str, name: &str) -> u32 {
    let value = svg.split_once(&format!(" {name}=\"")).unwrap().1;
    value.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn every_chart_has_a_picture_of_twice_its_size() {
    let (folder, names) = drawn(true);
    let (svg, png): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|n| n.ends_with(".svg"));
    assert!(svg.len() >= 7, "{svg:?}");
    let expected: Vec<String> = svg.iter().map(|name| name.replace(".svg", ".png")).collect();
    assert_eq!(png, expected);
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    for (svg, png) in svg.iter().zip(&png) {
        says(&page, &format!("<a href=\"charts/{png}\">PNG</a>"));
        let charts = folder.path().join("charts");
        let svg = fs::read_to_string(charts.join(svg)).unwrap();
        let picture = Pixmap::decode_png(&fs::read(charts.join(png)).unwrap()).unwrap();
        let size = ["width", "height"].map(|name| 2 * attribute(&svg, name));
        assert_eq!([picture.width(), picture.height()], size, "{png}");
        let colours: std::collections::HashSet<[u8; 3]> =
            picture.pixels().iter().map(|p| [p.red(), p.green(), p.blue()]).collect();
        assert!(colours.len() > 20, "{png} has {} colours", colours.len());
    }
}

#[test]
fn pictures_are_made_on_demand_and_drawn_again_with_their_charts() {
    let (folder, names) = drawn(false);
    assert!(names.iter().all(|name| name.ends_with(".svg")));
    let page = || fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(!page().contains(".png"));
    let old = folder.path().join("charts").join(names[0].replace(".svg", ".png"));
    fs::write(&old, "of another run").unwrap();
    let png = |name: &String| name.ends_with(".png");
    assert_eq!(draw(folder.path(), false).iter().filter(|n| png(n)).count(), 1);
    assert!(Pixmap::decode_png(&fs::read(&old).unwrap()).is_ok());
    assert_eq!(page().matches(".png\"").count(), 1);
}
