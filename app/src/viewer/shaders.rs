//! GLSL ES 3.00.

/// Places a rectangle given in px from the middle of the view and carries a second rectangle along. Corners are chosen,
/// not computed, so that neighbours get the same bits.
pub const VERTEX: &str = r"#version 300 es
uniform vec4 u_rect;
uniform vec4 u_clip;
uniform vec4 u_span;
out highp vec2 v_at;
void main() {
  bool right = (gl_VertexID & 1) == 1;
  bool bottom = (gl_VertexID & 2) == 2;
  vec2 at = vec2(right ? u_rect.z : u_rect.x, bottom ? u_rect.w : u_rect.y);
  v_at = vec2(right ? u_span.z : u_span.x, bottom ? u_span.w : u_span.y);
  gl_Position = vec4(u_clip.xy * at.x + u_clip.zw * at.y, 0.0, 1.0);
}";

/// A pyramid tile, as decoded.
pub const TILE: &str = r"#version 300 es
precision highp float;
uniform sampler2D u_tile;
in highp vec2 v_at;
out vec4 colour;
void main() {
  colour = vec4(texture(u_tile, v_at).rgb, 1.0);
}";

/// The cells of a grid: nearest cell, nearest colour, nothing where there is no tile.
pub const CELLS: &str = r"#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D u_tile;
uniform sampler2D u_ramp;
uniform ivec2 u_first;
uniform vec2 u_filled;
uniform vec3 u_range;
in highp vec2 v_at;
out vec4 colour;
void main() {
  vec2 whole = floor(v_at);
  vec2 within = v_at - whole;
  if (within.x >= u_filled.x || within.y >= u_filled.y) discard;
  ivec2 cell = u_first + ivec2(whole);
  if (any(lessThan(cell, ivec2(0))) || any(greaterThanEqual(cell, textureSize(u_tile, 0)))) discard;
  vec2 texel = texelFetch(u_tile, cell, 0).rg;
  if (texel.g < 0.5) discard;
  float position = clamp((texel.r - u_range.x) * u_range.y, 0.0, 1.0);
  vec4 ramp = texelFetch(u_ramp, ivec2(int(position * 255.0 + 0.5), 0), 0);
  colour = vec4(ramp.rgb, ramp.a * u_range.z);
}";

/// Stripes: a tile that could not be had.
pub const STRIPES: &str = r"#version 300 es
precision highp float;
uniform vec4 u_colour;
uniform vec3 u_range;
out vec4 colour;
void main() {
  if (mod(gl_FragCoord.x + gl_FragCoord.y, 2.0 * u_range.x) > u_range.x) discard;
  colour = u_colour;
}";
