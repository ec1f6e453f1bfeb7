//! Networks off the shelf that candle-transformers computes (feature `zoo`), and the preprocessing of each.

use serde::{Deserialize, Serialize};

/// The facts of a network of `OffTheShelf`, available without building it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkFacts {
    /// timm's name of the network.
    pub name: &'static str,
    /// timm's name of network and weights on the Hugging Face Hub.
    pub file: &'static str,
    /// Its name in tables.
    pub title: &'static str,
    /// Length of a feature vector.
    pub width: usize,
    /// Number of parameters.
    pub parameters: usize,
    /// The size of an image's shorter side after resizing, in pixels: the next integer over timm's
    /// `crop_pct`.
    pub shorter: usize,
    /// Side of the centre crop.
    pub side: usize,
    /// Mean and standard deviation of its training images.
    pub norm: RgbNorm,
    /// Whether it takes only squares with this side: its position embedding is not resized.
    pub one_side: bool,
}

/// The mean and standard deviation that normalise RGB images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RgbNorm {
    /// ImageNet's.
    ImageNet,
    /// Those of CLIP's pairs of images and captions.
    Clip,
    /// 0.5 and 0.5: values from -1 to 1.
    Symmetric,
}

impl RgbNorm {
    /// The mean of red, green and blue, and their standard deviations.
    pub fn values(self) -> [[f32; 3]; 2] {
        match self {
            Self::ImageNet => [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]],
            Self::Clip => {
                [[0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1]]
            }
            Self::Symmetric => [[0.5; 3]; 2],
        }
    }
}

macro_rules! networks {
    ($($kind:ident, $doc:literal, $name:literal, $file:literal, $title:literal,
       $width:literal, $parameters:literal, $shorter:literal -> $side:literal, $norm:ident, $one_side:literal;)*) => {
        /// A network of `OffTheShelf`, identified by timm's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum NetworkModel {$(
            #[doc = $doc]
            #[serde(rename = $name)]
            $kind,
        )*}

        impl NetworkModel {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The facts of this network.
            pub fn facts(self) -> NetworkFacts {
                match self {$(
                    Self::$kind => NetworkFacts {
                        name: $name,
                        file: $file,
                        title: $title,
                        width: $width,
                        parameters: $parameters,
                        shorter: $shorter,
                        side: $side,
                        norm: RgbNorm::$norm,
                        one_side: $one_side,
                    },
                )*}
            }
        }
    };
}
networks! {
    ClipBase, "The image tower of OpenAI's CLIP (Radford et al. 2021), ViT-B/16: its class token.",
        "vit_base_patch16_clip_quickgelu_224", "vit_base_patch16_clip_224.openai", "CLIP ViT-B/16",
        768, 85_799_424, 248 -> 224, Clip, true;
    ClipLarge, "The image tower of OpenAI's CLIP (Radford et al. 2021), ViT-L/14: its class token.",
        "vit_large_patch14_clip_quickgelu_224", "vit_large_patch14_clip_224.openai", "CLIP ViT-L/14",
        1024, 303_179_776, 224 -> 224, Clip, true;
    SiglipBase, "The image tower of SigLIP (Zhai et al. 2023), ViT-B/16: what its attention pools.",
        "vit_base_patch16_siglip_224", "vit_base_patch16_siglip_224.webli", "SigLIP ViT-B/16",
        768, 92_884_224, 248 -> 224, Symmetric, true;
    Eva02Base, "EVA-02 (Fang et al. 2023), ViT-B/14: the mean of its patches.",
        "eva02_base_patch14_448", "eva02_base_patch14_448.mim_in22k_ft_in22k_in1k", "EVA-02 ViT-B/14",
        768, 86_348_544, 448 -> 448, Clip, true;
    Eva02Large, "EVA-02 (Fang et al. 2023), ViT-L/14: the mean of its patches.",
        "eva02_large_patch14_448", "eva02_large_patch14_448.mim_m38m_ft_in22k_in1k", "EVA-02 ViT-L/14",
        1024, 304_055_232, 448 -> 448, Clip, true;
    EfficientNetB0, "EfficientNet-B0 (Tan and Le 2019), trained as a noisy student (Xie et al. 2020).",
        "tf_efficientnet_b0", "tf_efficientnet_b0.ns_jft_in1k", "EfficientNet-B0",
        1280, 4_007_548, 256 -> 224, ImageNet, false;
    MobileNetV4Small, "MobileNetV4 (Qin et al. 2024), convolutional, small.",
        "mobilenetv4_conv_small", "mobilenetv4_conv_small.e2400_r224_in1k", "MobileNetV4-S",
        1280, 2_493_024, 256 -> 224, ImageNet, false;
    MobileNetV4Medium, "MobileNetV4 (Qin et al. 2024), convolutional, medium.",
        "mobilenetv4_conv_medium", "mobilenetv4_conv_medium.e500_r256_in1k", "MobileNetV4-M",
        1280, 8_434_512, 269 -> 256, ImageNet, false;
    FastVitT8, "FastViT-T8 (Vasu et al. 2023), convolutional.",
        "fastvit_t8", "fastvit_t8.apple_in1k", "FastViT-T8",
        768, 3_257_232, 284 -> 256, ImageNet, false;
    FastVitSa12, "FastViT-SA12 (Vasu et al. 2023), with attention in its last stage.",
        "fastvit_sa12", "fastvit_sa12.apple_in1k", "FastViT-SA12",
        1024, 10_555_968, 284 -> 256, ImageNet, false;
}

impl NetworkModel {
    /// Whether it takes images with this side, in pixels.
    pub fn sees(self, side: usize) -> bool {
        let facts = self.facts();
        !facts.one_side || facts.side == side
    }
}
