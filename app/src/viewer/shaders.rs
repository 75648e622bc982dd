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

/// A pyramid tile as decoded. A program of its own: without a graphics card a branch that is not taken costs as much as one that
/// is.
pub const PLAIN_TILE: &str = r"#version 300 es
precision mediump float;
uniform sampler2D u_tile;
in highp vec2 v_at;
out vec4 colour;
void main() {
  colour = vec4(texture(u_tile, v_at).rgb, 1.0);
}";

/// A pyramid tile, or one stain of it, with brightness, contrast and gamma. The optical density of a channel is log(I₀ / I), I₀
/// the light through the slide's glass, `u_glass` (Beer–Lambert; Ruifrok and Johnston 2001, Macenko et al. 2009); the stain is drawn as on white glass. What is lighter than glass has absorbed nothing.
pub const TILE: &str = r"#version 300 es
precision highp float;
uniform sampler2D u_tile;
uniform vec4 u_light;
uniform vec3 u_unmix;
uniform vec3 u_stain;
uniform vec3 u_glass;
uniform int u_mode;
in highp vec2 v_at;
out vec4 colour;
void main() {
  vec3 rgb = texture(u_tile, v_at).rgb;
  if (u_mode > 1) {
    vec3 density = max(log(u_glass / max(rgb, vec3(1.0 / 255.0))), 0.0);
    float amount = dot(u_unmix, density);
    rgb = u_mode == 2 ? exp(-max(amount, 0.0) * u_stain) : vec3(exp(-abs(amount)));
  }
  rgb = (rgb - 0.5) * u_light.y + 0.5 + u_light.x;
  colour = vec4(pow(clamp(rgb, 0.0, 1.0), vec3(u_light.z)), 1.0);
}";

/// The cells of a grid: nothing where there is no tile or where the threshold leaves it out. Smooth ones weigh the four
/// nearest tiles, those that are there.
#[must_use]
pub fn cells(smooth: bool) -> String {
    let define = if smooth { "#define SMOOTH\n" } else { "" };
    ["#version 300 es\n", define, CELLS].concat()
}

const CELLS: &str = r"precision highp float;
precision highp int;
uniform highp sampler2D u_tile;
uniform sampler2D u_ramp;
uniform ivec2 u_first;
uniform vec2 u_filled;
uniform vec4 u_range;
uniform vec4 u_only;
in highp vec2 v_at;
out vec4 colour;
vec2 grade(ivec2 cell) {
  if (any(lessThan(cell, ivec2(0))) || any(greaterThanEqual(cell, textureSize(u_tile, 0)))) return vec2(0.0);
  vec2 texel = texelFetch(u_tile, cell, 0).rg;
  if (texel.g < -500.0) return vec2(0.0);
  float graded = u_only.z > 0.5 ? texel.g : texel.r;
  if (graded < u_only.x || graded > u_only.y) return vec2(0.0);
  return vec2(graded, 1.0);
}
void main() {
  vec2 whole = floor(v_at);
  vec2 within = v_at - whole;
  if (within.x >= u_filled.x || within.y >= u_filled.y) discard;
  vec2 here = grade(u_first + ivec2(whole));
  if (here.y < 0.5) discard;
  float value = here.x;
#ifdef SMOOTH
  vec2 from = v_at - 0.5 * min(u_filled, vec2(1.0));
  ivec2 corner = u_first + ivec2(floor(from));
  vec2 share = fract(from);
  vec2 sum = vec2(0.0);
  for (int i = 0; i < 4; i++) {
    ivec2 step = ivec2(i & 1, i >> 1);
    vec2 tile = grade(corner + step);
    vec2 weight = mix(1.0 - share, share, vec2(step));
    sum += vec2(tile.x, 1.0) * tile.y * weight.x * weight.y;
  }
  if (sum.y > 0.0) value = sum.x / sum.y;
#endif
  float position = clamp((value - u_range.x) * u_range.y, 0.0, 1.0);
  vec4 ramp = texelFetch(u_ramp, ivec2(int(position * 255.0 + 0.5), int(u_range.w)), 0);
  colour = vec4(ramp.rgb, ramp.a * u_range.z);
}";

/// Stripes: a tile that could not be had.
pub const STRIPES: &str = r"#version 300 es
precision highp float;
uniform vec4 u_colour;
uniform vec4 u_range;
out vec4 colour;
void main() {
  if (mod(gl_FragCoord.x + gl_FragCoord.y, 2.0 * u_range.x) > u_range.x) discard;
  colour = u_colour;
}";
