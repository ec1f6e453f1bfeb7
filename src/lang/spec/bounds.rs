//! The bounds of whole numbers: in specs, in files of weights, and on the command line. What lies outside of them is
//! refused before anything is computed.

use super::Backbone;

/// The bounds of a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The rule's name.
    pub rule: &'static str,
    /// `an image side`.
    pub what: &'static str,
    /// The least.
    pub least: usize,
    /// The most.
    pub most: usize,
    /// What it must be a multiple of.
    pub multiple: usize,
    /// What is usual.
    pub hint: &'static str,
}

macro_rules! bounds {
    ($($(#[$doc:meta])* $name:ident = $rule:literal, $what:literal, $least:literal to $most:literal, multiple of $multiple:literal, $hint:literal;)*) => {
        $($(#[$doc])* pub const $name: Bound = Bound {
            rule: $rule, what: $what, least: $least, most: $most, multiple: $multiple, hint: $hint,
        };)*
    };
}

bounds! {
    /// Side of the square that a trained network sees.
    IMAGE = "image_side", "an image side", 32 to 16_384, multiple of 32, "a ConvNeXt halves the side five times; CHAMMI: 224";
    /// The same for a vision transformer, which reads whole patches.
    IMAGE_OF_PATCHES = "image_side", "an image side", 8 to 16_384, multiple of 1, "a multiple of the patch; CODA: 224";
    /// Side to which `embed` resizes images: a network off the shelf may read any from its own least side on.
    EMBED_IMAGE = "image_side", "an image side", 1 to 16_384, multiple of 1, "published sides are 224 to 518";
    /// Images in a step.
    BATCH = "no_batch", "a batch", 1 to 1_048_576, multiple of 1, "CHAMMI: 128";
    /// Passes over the training images.
    EPOCHS = "no_epochs", "a number of epochs", 1 to 1_000_000, multiple of 1, "CHAMMI: 15; to train nothing, say `.frozen()`";
    /// Images of a set and split that are read.
    SUBSET = "empty_subset", "a subset", 1 to 1_000_000_000, multiple of 1, "leave it out (null) to read all images";
    /// Width of a channel's embedding in HyperNet.
    HYPERNET_Z = "hypernet_width", "a width z of HyperNet's embeddings", 1 to 16_384, multiple of 1, "CHAMMI: 128";
    /// Width of HyperNet's hidden layer.
    HYPERNET_HIDDEN = "hypernet_width", "a width of HyperNet's hidden layer", 1 to 16_384, multiple of 1, "CHAMMI: 256";
    /// Filters of each channel of Depthwise.
    KERNELS = "depthwise_kernels", "a number of filters for each channel of Depthwise", 1 to 16_384, multiple of 1, "CHAMMI: 64";
    /// Templates of TemplateMixing.
    TEMPLATES = "templates", "a number of templates for TemplateMixing", 1 to 65_536, multiple of 1, "CHAMMI: 128";
    /// Steps and looks of SWAD.
    SWAD = "swad_looks", "steps between looks, and looks to converge and to tolerate, each", 1 to 1_000_000_000, multiple of 1, "SWAD's authors: 100, 3 and 6";
    /// Nearest training images that vote.
    NEIGHBOURS = "neighbours", "a number of neighbours", 1 to 1_000_000, multiple of 1, "DINO: 20; CODA: 50";
    /// Steps of a linear probe.
    PROBE_STEPS = "probe_steps", "a number of steps for a linear probe", 1 to 1_000_000, multiple of 1, "Cell-DINO: 300 for CHAMMI, else 4350";
    /// Widths and prototypes of DINO's head.
    DINO_HEAD = "dino_head", "a size for the head of DinoV1", 1 to 1_048_576, multiple of 1, "CODA: 4096 prototypes, widths of 2048 and 256";
    /// Small views of an image.
    LOCALS = "dino_locals", "a number of small views", 0 to 64, multiple of 1, "CODA: 6; DINO: 8";
    /// Width of a masked autoencoder's decoder, whose positions take four numbers each.
    DECODER_WIDTH = "mae_decoder", "a width of the decoder", 4 to 16_384, multiple of 4, "MAE: 512";
    /// Blocks of a masked autoencoder's decoder.
    DECODER_DEPTH = "mae_decoder", "a number of the decoder's blocks", 1 to 1000, multiple of 1, "MAE: 8";
    /// Heads of a masked autoencoder's decoder.
    DECODER_HEADS = "mae_decoder", "a number of the decoder's heads", 1 to 4096, multiple of 1, "MAE: 16";
    /// Steps of test-time training on an image.
    TTT_STEPS = "ttt_steps", "a number of steps on each image", 1 to 10_000, multiple of 1, "TTT-MAE: 20";
    /// Copies of an image in such a step.
    TTT_COPIES = "ttt_copies", "a number of copies of an image", 1 to 65_536, multiple of 1, "TTT-MAE: 128";
    /// Models of an ensemble.
    MEMBERS = "members", "a number of models to be taken as one", 1 to 1000, multiple of 1, "3 to 5 are usual; 1 is a single model";
    /// Register tokens of a vision transformer.
    REGISTERS = "vit_registers", "a number of registers", 0 to 1024, multiple of 1, "DINOv2's models have 4, or none";
    /// Channels of a set that a model has parameters for.
    CHANNELS = "channels", "a number of channels of a set", 1 to 4096, multiple of 1, "CHAMMI: 3 to 5";
    /// Planes of an adapter that picks channels by name.
    PLANES = "planes", "a number of planes", 1 to 4096, multiple of 1, "CODA: 3 of a Cell Painting image's 5 channels";
    /// Sets that a model has parameters for.
    SETS = "sets", "a number of sets", 0 to 65_536, multiple of 1, "CHAMMI: 3";
}

/// The sides of images that a backbone is trained on.
pub fn image(backbone: &Backbone) -> &'static Bound {
    match backbone {
        Backbone::Vit(_) => &IMAGE_OF_PATCHES,
        Backbone::ConvNext(_) | Backbone::ResNet(_) | Backbone::DinoV2(_) | Backbone::OffTheShelf(_) => {
            &IMAGE
        }
    }
}

impl Bound {
    /// Whether a number is within them.
    pub fn holds(&self, number: usize) -> bool {
        (self.least..=self.most).contains(&number) && number.is_multiple_of(self.multiple)
    }

    /// What was expected and what was found.
    pub fn message(&self, found: usize) -> String {
        let Self { what, least, most, multiple, .. } = self;
        let multiple =
            if *multiple > 1 { format!(" that is a multiple of {multiple},") } else { String::new() };
        format!("expected {what}{multiple} of {least} to {most}, found {found}")
    }

    /// Refuses a number outside of them.
    ///
    /// # Errors
    /// The [message](Self::message).
    pub fn check(&self, number: usize) -> Result<(), String> {
        if self.holds(number) { Ok(()) } else { Err(self.message(number)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_outside_are_named_with_what_was_expected() {
        for side in [32, 224, 16_384] {
            assert_eq!(IMAGE.check(side), Ok(()));
        }
        for side in [0, 1, 100, 16_416, 1 << 62, usize::MAX] {
            let expected = "expected an image side that is a multiple of 32, of 32 to 16384, found ";
            assert_eq!(IMAGE.check(side), Err(format!("{expected}{side}")));
        }
        assert_eq!(BATCH.message(0), "expected a batch of 1 to 1048576, found 0");
    }
}
