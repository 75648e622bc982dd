//! A program of the graphics card.

use web_sys::{WebGl2RenderingContext as Gl, WebGlProgram, WebGlUniformLocation};

use super::shaders;

/// A program with the places of its uniforms; a program that lacks one ignores it.
pub struct Program {
    /// The program itself.
    pub program: WebGlProgram,
    /// The rectangle that is drawn.
    pub rect: Option<WebGlUniformLocation>,
    /// From px to clip space.
    pub clip: Option<WebGlUniformLocation>,
    /// What lies at the rectangle's edges.
    pub span: Option<WebGlUniformLocation>,
    /// The first cell of a grid.
    pub first: Option<WebGlUniformLocation>,
    /// How much of a cell its tile fills.
    pub filled: Option<WebGlUniformLocation>,
    /// What is at the first colour and how much of the colours a unit is; opacity; row of the colours.
    pub range: Option<WebGlUniformLocation>,
    /// The threshold.
    pub only: Option<WebGlUniformLocation>,
    /// A colour.
    pub colour: Option<WebGlUniformLocation>,
    /// What is shown of a stain.
    pub mode: Option<WebGlUniformLocation>,
    /// Brightness, contrast, gamma.
    pub light: Option<WebGlUniformLocation>,
    /// What finds the amount of a stain.
    pub unmix: Option<WebGlUniformLocation>,
    /// What it is drawn with.
    pub stain: Option<WebGlUniformLocation>,
    /// What optical densities are relative to.
    pub glass: Option<WebGlUniformLocation>,
}

impl Program {
    /// Compiled and linked with the one vertex shader; `None` when the browser cannot.
    #[must_use]
    pub fn new(gl: &Gl, fragment: &str) -> Option<Self> {
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
            only: at("u_only"),
            colour: at("u_colour"),
            mode: at("u_mode"),
            light: at("u_light"),
            unmix: at("u_unmix"),
            stain: at("u_stain"),
            glass: at("u_glass"),
            program,
        })
    }

    /// What lies at the left, top, right and bottom edge of what is drawn with the program, which is in use.
    pub fn set_span(&self, gl: &Gl, [left, top, right, bottom]: [f32; 4]) {
        gl.uniform4f(self.span.as_ref(), left, top, right, bottom);
    }

    /// Draws a rectangle (left, top, right, bottom) with the program, which is in use.
    pub fn draw(&self, gl: &Gl, [left, top, right, bottom]: [f32; 4]) {
        gl.uniform4f(self.rect.as_ref(), left, top, right, bottom);
        gl.draw_arrays(Gl::TRIANGLE_STRIP, 0, 4);
    }
}
