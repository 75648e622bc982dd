//! WebGL2: textures and draws. Knows nothing of slides.

use std::cell::Cell;

use domain::address::MOST_LAYERS;
use domain::camera::Camera;
use domain::layer::Grading;
use domain::stain::{Glass, Light, StainChannel, StainVector, Stains};
use js_sys::{Float32Array, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{
    HtmlCanvasElement, ImageBitmap, WebGl2RenderingContext as Gl, WebGlContextAttributes,
    WebGlSampler, WebGlTexture, WebGlUniformLocation,
};

use super::cells::GridView;
use super::program::Program;
use super::shaders;

/// How the cells of a grid are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellStyle {
    /// The row of the colours.
    pub row: usize,
    /// What is at the first and at the last colour.
    pub range: (f64, f64),
    /// The lowest and the highest that is drawn.
    pub threshold: Option<(f64, f64)>,
    /// What of a cell these are of.
    pub grading: Grading,
    /// Whether colours flow from cell to cell.
    pub smooth: bool,
    /// 0 to 1.
    pub opacity: f64,
}

/// How tiles are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TileStyle {
    /// Brightness, contrast, gamma.
    pub light: Light,
    /// One stain alone: the row that finds its amount in optical densities, and the densities that it is drawn with; without
    /// these it is drawn in grey.
    pub stain: Option<([f64; 3], Option<StainVector>)>,
    /// What these optical densities are relative to.
    pub glass: Glass,
}

impl TileStyle {
    /// One channel of the stains of a slide; `None` of it when they cannot be told apart.
    #[must_use]
    pub fn new(light: Light, stain: Option<(StainChannel, Stains)>, glass: Glass) -> Self {
        let stain = stain.and_then(|(channel, stains)| {
            let [haematoxylin, eosin, residual] = stains.unmixing()?;
            let [own_haematoxylin, own_eosin, _] = stains.basis()?;
            Some(match channel {
                StainChannel::Haematoxylin => (haematoxylin, Some(own_haematoxylin)),
                StainChannel::Eosin => (eosin, Some(own_eosin)),
                StainChannel::Residual => (residual, None),
            })
        });
        Self {
            light,
            stain,
            glass,
        }
    }
}

/// What the graphics card says went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardProblem {
    /// It has no room.
    OutOfMemory,
    /// It refused something else.
    Refused,
}

/// Draws rectangles given in px from the middle of the view, along the axes of the slide.
pub struct Renderer {
    gl: Gl,
    plain_tile: Program,
    tile: Program,
    cells: Program,
    smooth_cells: Program,
    stripes: Program,
    ramp: WebGlTexture,
    /// Shows pixels as they are, where they are larger than those of the screen.
    squares: Option<WebGlSampler>,
    /// The linear map from px to clip space, by columns: mirrors, turns, and puts y upwards.
    clip: [f32; 4],
    /// What had gone wrong before [`Self::problem_of`] was asked.
    earlier: Cell<Option<CardProblem>>,
}

impl Renderer {
    /// `None` without WebGL2.
    #[must_use]
    pub fn new(canvas: &HtmlCanvasElement) -> Option<Self> {
        let attributes = WebGlContextAttributes::new();
        attributes.set_alpha(true);
        attributes.set_antialias(false);
        attributes.set_depth(false);
        attributes.set_stencil(false);
        attributes.set_premultiplied_alpha(true);
        let gl: Gl = canvas
            .get_context_with_context_options("webgl2", &attributes)
            .ok()??
            .dyn_into()
            .ok()?;
        gl.pixel_storei(Gl::UNPACK_ALIGNMENT, 1);
        gl.pixel_storei(Gl::UNPACK_PREMULTIPLY_ALPHA_WEBGL, 0);
        gl.pixel_storei(Gl::UNPACK_COLORSPACE_CONVERSION_WEBGL, 0);
        // Straight colours over whatever is there; the canvas itself holds multiplied ones.
        gl.blend_func_separate(
            Gl::SRC_ALPHA,
            Gl::ONE_MINUS_SRC_ALPHA,
            Gl::ONE,
            Gl::ONE_MINUS_SRC_ALPHA,
        );
        gl.clear_color(0.0, 0.0, 0.0, 0.0);
        let ramp = texture(&gl, Gl::TEXTURE1, Gl::NEAREST)?;
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::RGBA8, 256, MOST_LAYERS as i32);
        let squares = gl.create_sampler();
        if let Some(squares) = &squares {
            for (name, value) in [
                (Gl::TEXTURE_MIN_FILTER, Gl::NEAREST),
                (Gl::TEXTURE_MAG_FILTER, Gl::NEAREST),
                (Gl::TEXTURE_WRAP_S, Gl::CLAMP_TO_EDGE),
                (Gl::TEXTURE_WRAP_T, Gl::CLAMP_TO_EDGE),
            ] {
                gl.sampler_parameteri(squares, name, value as i32);
            }
        }
        Some(Self {
            squares,
            plain_tile: Program::new(&gl, shaders::PLAIN_TILE)?,
            tile: Program::new(&gl, shaders::TILE)?,
            cells: Program::new(&gl, &shaders::cells(false))?,
            smooth_cells: Program::new(&gl, &shaders::cells(true))?,
            stripes: Program::new(&gl, shaders::STRIPES)?,
            gl,
            ramp,
            clip: [0.0; 4],
            earlier: Cell::new(None),
        })
    }

    /// The longest side that a texture may have.
    #[must_use]
    pub fn largest_texture(&self) -> u32 {
        self.gl
            .get_parameter(Gl::MAX_TEXTURE_SIZE)
            .ok()
            .and_then(|size| size.as_f64())
            .map_or(2048, |size| size as u32)
    }

    /// An extension of WebGL by its name.
    #[must_use]
    pub fn extension(&self, name: &str) -> Option<js_sys::Object> {
        self.gl.get_extension(name).ok().flatten()
    }

    /// What has gone wrong since this was asked last. Waits until the card has taken all that it was told: not to be asked
    /// while something moves.
    #[must_use]
    pub fn problem(&self) -> Option<CardProblem> {
        // Of each kind it remembers one.
        const MOST_KINDS: usize = 8;
        let mut problem = self.earlier.take();
        for _ in 0..MOST_KINDS {
            match self.gl.get_error() {
                Gl::NO_ERROR => break,
                // Of that there is an event.
                Gl::CONTEXT_LOST_WEBGL => return None,
                Gl::OUT_OF_MEMORY => problem = Some(CardProblem::OutOfMemory),
                _ => problem = problem.or(Some(CardProblem::Refused)),
            }
        }
        problem
    }

    /// What goes wrong with this alone; what went wrong before stays for whoever asks next. Waits as [`Self::problem`] does.
    #[must_use]
    pub fn problem_of<T>(&self, work: impl FnOnce() -> T) -> (T, Option<CardProblem>) {
        let before = self.problem();
        let done = work();
        let problem = self.problem();
        self.earlier.set(before);
        (done, problem)
    }

    /// A decoded tile as a texture, colours untouched; with smaller copies of itself where it may be drawn much smaller.
    /// Whether the card has taken it, [`Self::problem`] tells.
    #[must_use]
    pub fn upload_tile(&self, bitmap: &ImageBitmap, mipmaps: bool) -> Option<WebGlTexture> {
        let gl = &self.gl;
        let (width, height) = (bitmap.width(), bitmap.height());
        let texture = texture(gl, Gl::TEXTURE0, Gl::LINEAR)?;
        let mut levels = 1;
        if mipmaps {
            levels = 32 - width.max(height).max(1).leading_zeros();
            gl.tex_parameteri(
                Gl::TEXTURE_2D,
                Gl::TEXTURE_MIN_FILTER,
                Gl::LINEAR_MIPMAP_LINEAR as i32,
            );
        }
        gl.tex_storage_2d(
            Gl::TEXTURE_2D,
            levels as i32,
            Gl::RGBA8,
            width as i32,
            height as i32,
        );
        gl.tex_sub_image_2d_with_u32_and_u32_and_image_bitmap(
            Gl::TEXTURE_2D,
            0,
            0,
            0,
            Gl::RGBA,
            Gl::UNSIGNED_BYTE,
            bitmap,
        )
        .ok()?;
        if mipmaps {
            gl.generate_mipmap(Gl::TEXTURE_2D);
        }
        Some(texture)
    }

    /// The cells of a grid as a texture: two numbers each. Whether the card has taken it, [`Self::problem_of`] tells.
    #[must_use]
    pub fn upload_cells(&self, columns: u32, rows: u32, texels: &[f32]) -> Option<WebGlTexture> {
        let gl = &self.gl;
        let texture = texture(gl, Gl::TEXTURE0, Gl::NEAREST)?;
        let (width, height) = (columns as i32, rows as i32);
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::RG32F, width, height);
        gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_array_buffer_view(
            Gl::TEXTURE_2D,
            0,
            0,
            0,
            width,
            height,
            Gl::RG,
            Gl::FLOAT,
            Some(&Float32Array::from(texels)),
        )
        .ok()?;
        Some(texture)
    }

    /// Sets the 256 colours of a row.
    pub fn upload_ramp(&self, row: usize, rgba: &[u8]) {
        let gl = &self.gl;
        gl.active_texture(Gl::TEXTURE1);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.ramp));
        // It was made with these sizes: this cannot fail.
        let _ = gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_array_buffer_view(
            Gl::TEXTURE_2D,
            0,
            0,
            row as i32,
            256,
            1,
            Gl::RGBA,
            Gl::UNSIGNED_BYTE,
            Some(&Uint8Array::from(rgba)),
        );
    }

    /// Frees a texture.
    pub fn delete(&self, texture: &WebGlTexture) {
        self.gl.delete_texture(Some(texture));
    }

    /// Empties the canvas for a view on so many device px.
    pub fn begin(&mut self, device_width: u32, device_height: u32, camera: &Camera) {
        self.gl
            .viewport(0, 0, device_width as i32, device_height as i32);
        self.gl.clear(Gl::COLOR_BUFFER_BIT);
        let [[a, b], [c, d]] = camera.screen_axes();
        let (right, up) = (2.0 / camera.width, -2.0 / camera.height);
        self.clip = [right * a, up * c, right * b, up * d].map(|value| value as f32);
    }

    fn use_program(&self, program: &Program) {
        let [a, b, c, d] = self.clip;
        self.gl.use_program(Some(&program.program));
        self.gl.uniform4f(program.clip.as_ref(), a, b, c, d);
        self.gl.active_texture(Gl::TEXTURE0);
    }

    /// Draws tiles, one above the other; each says whether its pixels are to be seen as squares.
    pub fn draw_tiles<'a>(
        &self,
        style: &TileStyle,
        tiles: impl Iterator<Item = ([f32; 4], &'a WebGlTexture, bool)>,
    ) {
        let gl = &self.gl;
        gl.disable(Gl::BLEND);
        let is_plain = style.stain.is_none() && style.light == Light::PLAIN;
        let program = if is_plain {
            &self.plain_tile
        } else {
            &self.tile
        };
        self.use_program(program);
        if !is_plain {
            self.set_style(style);
        }
        program.set_span(gl, [0.0, 0.0, 1.0, 1.0]);
        let mut is_bound = false;
        for (rect, texture, in_squares) in tiles {
            if in_squares != is_bound {
                gl.bind_sampler(0, self.squares.as_ref().filter(|_| in_squares));
                is_bound = in_squares;
            }
            gl.bind_texture(Gl::TEXTURE_2D, Some(texture));
            program.draw(gl, rect);
        }
        if is_bound {
            gl.bind_sampler(0, None);
        }
    }

    /// Tells the program of styled tiles, which is in use, the style.
    fn set_style(&self, style: &TileStyle) {
        let (gl, program) = (&self.gl, &self.tile);
        let Light {
            brightness,
            contrast,
            gamma,
        } = style.light;
        let mode = match style.stain {
            Some((_, Some(_))) => 2,
            Some((_, None)) => 3,
            None => 1,
        };
        gl.uniform1i(program.mode.as_ref(), mode);
        let exponent = (1.0 / gamma) as f32;
        gl.uniform4f(
            program.light.as_ref(),
            brightness as f32,
            contrast as f32,
            exponent,
            0.0,
        );
        if let Some((unmix, stain)) = style.stain {
            let set = |at: &Option<WebGlUniformLocation>, [x, y, z]: [f64; 3]| {
                gl.uniform3f(at.as_ref(), x as f32, y as f32, z as f32);
            };
            set(&program.unmix, unmix);
            set(&program.stain, stain.unwrap_or_default());
            set(
                &program.glass,
                style.glass.map(|level| f64::from(level) / 255.0),
            );
        }
    }

    /// Draws the cells of a grid.
    pub fn draw_cells(&self, view: &GridView, texture: &WebGlTexture, style: &CellStyle) {
        let gl = &self.gl;
        let program = if style.smooth {
            &self.smooth_cells
        } else {
            &self.cells
        };
        gl.enable(Gl::BLEND);
        self.use_program(program);
        gl.bind_texture(Gl::TEXTURE_2D, Some(texture));
        gl.active_texture(Gl::TEXTURE1);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.ramp));
        gl.uniform2i(program.first.as_ref(), view.first.0, view.first.1);
        gl.uniform2f(program.filled.as_ref(), view.filled.0, view.filled.1);
        let (low, high) = style.range;
        let per_unit = (1.0 / (high - low)) as f32;
        // A range too narrow for f32 comes from values that are all zero: they get the middle.
        let (low, per_unit) = if per_unit.is_finite() {
            (low as f32, per_unit)
        } else {
            (-0.5, 1.0)
        };
        let (opacity, row) = (style.opacity as f32, style.row as f32);
        gl.uniform4f(program.range.as_ref(), low, per_unit, opacity, row);
        let (lowest, highest) = style.threshold.map_or((f32::MIN, f32::MAX), |(low, high)| {
            (low as f32, high as f32)
        });
        let by_percentile = f32::from(u8::from(style.grading == Grading::Percentile));
        gl.uniform4f(program.only.as_ref(), lowest, highest, by_percentile, 0.0);
        program.set_span(gl, view.cells);
        program.draw(gl, view.rect);
    }

    /// Draws stripes of a width in device px; colour as red, green, blue, opacity between 0 and 1.
    pub fn draw_stripes(&self, rects: &[[f32; 4]], colour: [f32; 4], stripe: f32) {
        let gl = &self.gl;
        gl.enable(Gl::BLEND);
        self.use_program(&self.stripes);
        let [red, green, blue, opacity] = colour;
        gl.uniform4f(self.stripes.colour.as_ref(), red, green, blue, opacity);
        gl.uniform4f(self.stripes.range.as_ref(), stripe, 0.0, 0.0, 0.0);
        for &rect in rects {
            self.stripes.set_span(gl, rect);
            self.stripes.draw(gl, rect);
        }
    }
}

/// A new texture, bound to the unit, clamped at its edges.
fn texture(gl: &Gl, unit: u32, filter: u32) -> Option<WebGlTexture> {
    let texture = gl.create_texture()?;
    gl.active_texture(unit);
    gl.bind_texture(Gl::TEXTURE_2D, Some(&texture));
    for (name, value) in [
        (Gl::TEXTURE_MIN_FILTER, filter),
        (Gl::TEXTURE_MAG_FILTER, filter),
        (Gl::TEXTURE_WRAP_S, Gl::CLAMP_TO_EDGE),
        (Gl::TEXTURE_WRAP_T, Gl::CLAMP_TO_EDGE),
    ] {
        gl.tex_parameteri(Gl::TEXTURE_2D, name, value as i32);
    }
    Some(texture)
}
