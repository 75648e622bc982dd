//! Tail probabilities of the distributions that tests refer to.
//!
//! Incomplete gamma and beta functions by their series and continued fractions (Abramowitz and Stegun 1964, 6.5.29, 6.5.31
//! and 26.5.8; the fractions evaluated as by Lentz, with Thompson and Barnett 1986, J Comput Phys 64:490), each on the side
//! where it converges fast and where a small tail keeps its relative accuracy.

/// P(|Z| ≥ |z|) of a standard normal Z.
pub(crate) fn normal_two_sided(z: f64) -> f64 {
    gamma_upper(0.5, z * z / 2.0)
}

/// P(Z ≥ z) of a standard normal Z.
pub(crate) fn normal_upper(z: f64) -> f64 {
    let tail = normal_two_sided(z) / 2.0;
    if z < 0.0 { 1.0 - tail } else { tail }
}

/// P(X ≥ x) of a chi-squared X; `x` from 0 up, at least one degree of freedom.
pub(crate) fn chi_squared_upper(x: f64, degrees: usize) -> f64 {
    gamma_upper(degrees as f64 / 2.0, x / 2.0)
}

/// P(|T| ≥ |t|) of Student's T with at least one degree of freedom; `t` may be infinite.
pub(crate) fn student_two_sided(t: f64, degrees: usize) -> f64 {
    let degrees = degrees as f64;
    beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// No more steps are ever needed: the series and fractions below converge in about √(argument) of them.
const MAX_STEPS: i32 = 10_000;

/// The regularised upper incomplete gamma function Q(a, x); a > 0, x ≥ 0.
fn gamma_upper(a: f64, x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let factor = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..MAX_STEPS {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        (1.0 - factor * sum).clamp(0.0, 1.0)
    } else {
        let fraction = lentz(x + 1.0 - a, |n| {
            let n = f64::from(n);
            (-n * (n - a), x + 2.0 * n + 1.0 - a)
        });
        (factor / fraction).clamp(0.0, 1.0)
    }
}

/// The regularised incomplete beta function I_x(a, b); a, b > 0, x from 0 to 1.
fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let factor =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp();
    let fraction = |x: f64, a: f64, b: f64| {
        lentz(1.0, |n| {
            let m = f64::from(n / 2);
            let term = if n % 2 == 0 {
                m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
            } else {
                -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
            };
            (term, 1.0)
        })
    };
    if x < (a + 1.0) / (a + b + 2.0) {
        (factor / (a * fraction(x, a, b))).clamp(0.0, 1.0)
    } else {
        (1.0 - factor / (b * fraction(1.0 - x, b, a))).clamp(0.0, 1.0)
    }
}

/// The continued fraction b₀ + a₁/(b₁ + a₂/(b₂ + …)); `term(n)` is (aₙ, bₙ).
fn lentz(b0: f64, term: impl Fn(i32) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value == 0.0 { TINY } else { value };
    let mut value = away_from_zero(b0);
    let (mut c, mut d) = (value, 0.0);
    for n in 1..MAX_STEPS {
        let (a, b) = term(n);
        d = 1.0 / away_from_zero(b + a * d);
        c = away_from_zero(b + a / c);
        value *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    value
}

/// ln Γ(x) for x > 0 (Lanczos 1964, SIAM J Numer Anal B 1:86, with g = 7 and nine terms).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    // Γ(x) = Γ(x + 1) / x keeps the sum where it is accurate.
    let shifted = x + 7.5;
    let sum = COEFFICIENTS
        .iter()
        .zip(1_u8..)
        .fold(0.999_999_999_999_809_9, |sum, (c, i)| {
            sum + c / (x + f64::from(i))
        });
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * shifted.ln() - shifted + sum.ln() - x.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_relative(found: f64, expected: f64) {
        assert!(
            (found / expected - 1.0).abs() < 1e-11,
            "{found} is not {expected}"
        );
    }

    /// Expected values: SciPy's `norm.sf`, `chi2.sf` and `t.sf`; the error of ln Γ, some 1e-14, is the largest.
    #[test]
    fn tails_agree_with_scipy_far_out_too() {
        assert_relative(normal_upper(1.0), 0.158_655_253_931_457_05);
        assert_relative(normal_upper(-1.0), 0.841_344_746_068_542_9);
        assert_relative(normal_upper(8.0), 6.220_960_574_271_74e-16);
        assert_relative(normal_two_sided(-0.1), 0.920_344_325_445_942_1);
        assert_relative(chi_squared_upper(0.3, 3), 0.960_028_480_306_877_4);
        assert_relative(chi_squared_upper(60.0, 2), 9.357_622_968_840_163e-14);
        assert_relative(student_two_sided(2.0, 1), 0.295_167_235_300_866_5);
        assert_relative(student_two_sided(-12.0, 30), 5.580_185_415_199_261e-13);
        assert_relative(student_two_sided(0.2, 300), 0.841_616_084_229_759_1);
    }

    #[test]
    fn ends_are_exact() {
        assert_eq!(normal_two_sided(0.0), 1.0);
        assert_eq!(normal_upper(f64::INFINITY), 0.0);
        assert_eq!(chi_squared_upper(0.0, 4), 1.0);
        assert_eq!(student_two_sided(f64::INFINITY, 5), 0.0);
        assert_eq!(student_two_sided(0.0, 5), 1.0);
    }
}
