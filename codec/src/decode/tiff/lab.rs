//! Owns converting CIE L*a*b* (TIFF 6.0, section 23) to sRGB like libtiff. Never adapts to another white.

const TABLE_RANGE: usize = 1500;
const DISPLAY_WHITE: f32 = 100.0;
const DISPLAY_BLACK: f32 = 1.0;
const DISPLAY_GAMMA: f32 = 2.4;
const XYZ_TO_RGB: [[f32; 3]; 3] = [
    [3.2410, -1.5374, -0.4986],
    [-0.9692, 1.8760, 0.0416],
    [0.0556, -0.2040, 1.0570],
];

pub(super) struct Lab {
    white: [f32; 3],
    /// The display value for each step of luminance.
    values: [u8; TABLE_RANGE + 1],
}

impl Lab {
    /// `None` for a white point without luminance.
    pub(super) fn new([x, y]: [f32; 2]) -> Option<Self> {
        if y == 0.0 {
            return None;
        }
        let gamma = 1.0 / f64::from(DISPLAY_GAMMA);
        let value = |step: usize| {
            let light = (step as f64 / TABLE_RANGE as f64).powf(gamma) as f32;
            (f64::from(255.0 * light) + 0.5) as u8
        };
        Some(Self {
            white: [x / y * 100.0, 100.0, (1.0 - x - y) / y * 100.0],
            values: std::array::from_fn(value),
        })
    }

    /// The colour for a lightness of 0 to 65535, and a* and b* times 256.
    pub(super) fn rgb(&self, lightness: u32, a: i16, b: i16) -> [u8; 3] {
        let [white_x, white_y, white_z] = self.white;
        let lightness = lightness as f32 * 100.0 / 65535.0;
        let (y, root) = if lightness < 8.856 {
            let y = lightness * white_y / 903.292;
            (y, 7.787 * (y / white_y) + 16.0 / 116.0)
        } else {
            let root = (lightness + 16.0) / 116.0;
            (white_y * root * root * root, root)
        };
        let x = part(white_x, f32::from(a) / 256.0 / 500.0 + root);
        let z = part(white_z, root - f32::from(b) / 256.0 / 200.0);
        XYZ_TO_RGB.map(|[of_x, of_y, of_z]| self.value(of_x * x + of_y * y + of_z * z))
    }

    fn value(&self, luminance: f32) -> u8 {
        let step = (DISPLAY_WHITE - DISPLAY_BLACK) / TABLE_RANGE as f32;
        let luminance = luminance.clamp(DISPLAY_BLACK, DISPLAY_WHITE);
        let index = ((luminance - DISPLAY_BLACK) / step) as usize;
        self.values[index.min(TABLE_RANGE)]
    }
}

fn part(white: f32, root: f32) -> f32 {
    if root < 0.2069 {
        white * (root - 0.13793) / 7.787
    } else {
        white * root * root * root
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lightness_is_black_and_full_lightness_is_almost_white() {
        let lab = Lab::new([0.3127, 0.3290]).unwrap();
        assert_eq!(lab.rgb(0, 0, 0), [0, 0, 0]);
        assert!(lab.rgb(65535, 0, 0).iter().all(|&part| part > 250));
    }

    #[test]
    fn a_and_b_turn_towards_red_and_yellow() {
        let lab = Lab::new([0.3127, 0.3290]).unwrap();
        let [red, green, _] = lab.rgb(32768, 60 * 256, 0);
        assert!(red > green);
        let [red, _, blue] = lab.rgb(32768, 0, 60 * 256);
        assert!(red > blue);
    }
}
