//! Charts as PNG pictures, with a font of their own: a system needs to have none.

use std::sync::Arc;

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::Source;
use resvg::usvg::{Options, Tree};

use super::theme::PAPER;
use crate::error::{Error, Result};

/// Pixels of a picture for one of the drawing, so that texts are sharp on any screen.
const SCALE: f32 = 2.0;

const FAMILY: &str = "Inter";
const FONTS: [&[u8]; 2] =
    [include_bytes!("font/Inter-Regular.otf"), include_bytes!("font/Inter-Bold.otf")];

/// Makes pictures of drawings.
pub struct Raster {
    options: Options<'static>,
}

impl Raster {
    /// With its fonts.
    pub fn new() -> Raster {
        let mut options = Options { font_family: FAMILY.to_string(), ..Options::default() };
        let fonts = options.fontdb_mut();
        for font in FONTS {
            fonts.load_font_source(Source::Binary(Arc::new(font)));
        }
        fonts.set_sans_serif_family(FAMILY);
        Raster { options }
    }

    /// An SVG drawing as a PNG file, in light colours: the dark ones are in a media query, which means
    /// nothing here.
    pub fn png(&self, svg: &str) -> Result<Vec<u8>> {
        let tree = self.tree(svg)?;
        let size = tree.size().to_int_size().scale_by(SCALE);
        let size = size.ok_or_else(|| refused("it has no size"))?;
        let picture = Pixmap::new(size.width(), size.height());
        let mut picture = picture.ok_or_else(|| refused("it is too large"))?;
        let (r, g, b) = PAPER.light;
        picture.fill(Color::from_rgba8(r, g, b, 255));
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
        picture.encode_png().map_err(|e| refused(&e.to_string()))
    }

    /// What is drawn, with every text laid out.
    pub(super) fn tree(&self, svg: &str) -> Result<Tree> {
        Tree::from_str(svg, &self.options).map_err(|e| refused(&e.to_string()))
    }
}

fn refused(why: &str) -> Error {
    Error::usage(format!("a chart can't become a PNG: {why}"))
}

#[cfg(test)]
mod tests;
