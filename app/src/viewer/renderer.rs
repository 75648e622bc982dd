//! WebGL2: programs, textures, draws. Knows nothing of slides.

use js_sys::{Float32Array, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{
    HtmlCanvasElement, ImageBitmap, WebGl2RenderingContext as Gl, WebGlContextAttributes,
    WebGlProgram, WebGlTexture, WebGlUniformLocation,
};

use super::overlay::GridView;
use super::shaders;

/// A program with the places of its uniforms; a program that lacks one ignores it.
struct Program {
    program: WebGlProgram,
    rect: Option<WebGlUniformLocation>,
    clip: Option<WebGlUniformLocation>,
    span: Option<WebGlUniformLocation>,
    first: Option<WebGlUniformLocation>,
    filled: Option<WebGlUniformLocation>,
    range: Option<WebGlUniformLocation>,
    colour: Option<WebGlUniformLocation>,
}

impl Program {
    fn new(gl: &Gl, fragment: &str) -> Option<Self> {
        let program = gl.create_program()?;
        for (kind, source) in [
            (Gl::VERTEX_SHADER, shaders::VERTEX),
            (Gl::FRAGMENT_SHADER, fragment),
        ] {
            let shader = gl.create_shader(kind)?;
            gl.shader_source(&shader, source);
            gl.compile_shader(&shader);
            gl.attach_shader(&program, &shader);
        }
        gl.link_program(&program);
        gl.get_program_parameter(&program, Gl::LINK_STATUS)
            .as_bool()
            .filter(|&linked| linked)?;
        gl.use_program(Some(&program));
        let at = |name| gl.get_uniform_location(&program, name);
        gl.uniform1i(at("u_tile").as_ref(), 0);
        gl.uniform1i(at("u_ramp").as_ref(), 1);
        Some(Self {
            rect: at("u_rect"),
            clip: at("u_clip"),
            span: at("u_span"),
            first: at("u_first"),
            filled: at("u_filled"),
            range: at("u_range"),
            colour: at("u_colour"),
            program,
        })
    }

    fn draw(&self, gl: &Gl, rect: [f32; 4], span: [f32; 4]) {
        let [left, top, right, bottom] = rect;
        gl.uniform4f(self.rect.as_ref(), left, top, right, bottom);
        let [left, top, right, bottom] = span;
        gl.uniform4f(self.span.as_ref(), left, top, right, bottom);
        gl.draw_arrays(Gl::TRIANGLE_STRIP, 0, 4);
    }
}

/// Draws rectangles given in px from the middle of the view.
pub struct Renderer {
    gl: Gl,
    tile: Program,
    cells: Program,
    stripes: Program,
    ramp: WebGlTexture,
    /// The linear map from px to clip space, by columns; rotation and flip would go in here.
    clip: [f32; 4],
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
        gl.tex_storage_2d(Gl::TEXTURE_2D, 1, Gl::RGBA8, 256, 1);
        Some(Self {
            tile: Program::new(&gl, shaders::TILE)?,
            cells: Program::new(&gl, shaders::CELLS)?,
            stripes: Program::new(&gl, shaders::STRIPES)?,
            gl,
            ramp,
            clip: [0.0; 4],
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

    /// A decoded tile as a texture, colours untouched.
    #[must_use]
    pub fn upload_tile(&self, bitmap: &ImageBitmap) -> Option<WebGlTexture> {
        let gl = &self.gl;
        let (width, height) = (bitmap.width(), bitmap.height());
        let levels = 32 - width.max(height).max(1).leading_zeros();
        let texture = texture(gl, Gl::TEXTURE0, Gl::LINEAR)?;
        gl.tex_parameteri(
            Gl::TEXTURE_2D,
            Gl::TEXTURE_MIN_FILTER,
            Gl::LINEAR_MIPMAP_LINEAR as i32,
        );
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
        gl.generate_mipmap(Gl::TEXTURE_2D);
        Some(texture)
    }

    /// The cells of a grid as a texture: two numbers each.
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

    /// Sets the 256 colours of the layer.
    pub fn upload_ramp(&self, rgba: &[u8]) {
        let gl = &self.gl;
        gl.active_texture(Gl::TEXTURE1);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.ramp));
        // It was made with these sizes: this cannot fail.
        let _ = gl.tex_sub_image_2d_with_i32_and_i32_and_u32_and_type_and_opt_array_buffer_view(
            Gl::TEXTURE_2D,
            0,
            0,
            0,
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

    /// Empties the canvas for a view of this size: device px and px.
    pub fn begin(&mut self, device_width: u32, device_height: u32, width: f64, height: f64) {
        self.gl
            .viewport(0, 0, device_width as i32, device_height as i32);
        self.gl.clear(Gl::COLOR_BUFFER_BIT);
        self.clip = [(2.0 / width) as f32, 0.0, 0.0, (-2.0 / height) as f32];
    }

    fn use_program(&self, program: &Program) {
        let [a, b, c, d] = self.clip;
        self.gl.use_program(Some(&program.program));
        self.gl.uniform4f(program.clip.as_ref(), a, b, c, d);
        self.gl.active_texture(Gl::TEXTURE0);
    }

    /// Draws tiles, one above the other.
    pub fn draw_tiles<'a>(&self, tiles: impl Iterator<Item = ([f32; 4], &'a WebGlTexture)>) {
        self.gl.disable(Gl::BLEND);
        self.use_program(&self.tile);
        for (rect, texture) in tiles {
            self.gl.bind_texture(Gl::TEXTURE_2D, Some(texture));
            self.tile.draw(&self.gl, rect, [0.0, 0.0, 1.0, 1.0]);
        }
    }

    /// Draws the cells of a grid. `range` is the value of the first colour and that of the last.
    pub fn draw_cells(
        &self,
        view: &GridView,
        texture: &WebGlTexture,
        range: (f64, f64),
        opacity: f64,
    ) {
        let gl = &self.gl;
        gl.enable(Gl::BLEND);
        self.use_program(&self.cells);
        gl.bind_texture(Gl::TEXTURE_2D, Some(texture));
        gl.active_texture(Gl::TEXTURE1);
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.ramp));
        gl.uniform2i(self.cells.first.as_ref(), view.first.0, view.first.1);
        gl.uniform2f(self.cells.filled.as_ref(), view.filled.0, view.filled.1);
        let (low, high) = range;
        let per_value = (1.0 / (high - low)) as f32;
        // A range too narrow for f32 comes from values that are all zero: they get the middle.
        let (low, per_value) = if per_value.is_finite() {
            (low as f32, per_value)
        } else {
            (-0.5, 1.0)
        };
        gl.uniform3f(self.cells.range.as_ref(), low, per_value, opacity as f32);
        self.cells.draw(gl, view.rect, view.cells);
    }

    /// Draws stripes of a width in device px; colour as red, green, blue, opacity between 0 and 1.
    pub fn draw_stripes(&self, rects: &[[f32; 4]], colour: [f32; 4], stripe: f32) {
        let gl = &self.gl;
        gl.enable(Gl::BLEND);
        self.use_program(&self.stripes);
        let [red, green, blue, opacity] = colour;
        gl.uniform4f(self.stripes.colour.as_ref(), red, green, blue, opacity);
        gl.uniform3f(self.stripes.range.as_ref(), stripe, 0.0, 0.0);
        for &rect in rects {
            self.stripes.draw(gl, rect, rect);
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
