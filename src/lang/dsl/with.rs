//! Words with switches: one that is stated makes the word a [`With`], one that is not is the recipe's.

/// A word that has switches.
pub trait Word: Copy {
    /// The word as plain data, with a gap for each switch.
    type Stated: Copy + std::fmt::Debug;

    /// Nothing stated but what must be.
    #[doc(hidden)]
    fn stated(self) -> Self::Stated;
}

/// A word of which a switch was stated, whatever the recipe says.
#[derive(Clone, Copy, Debug)]
pub struct With<W: Word>(pub(super) W::Stated);

/// Gives words their switches, as methods of the word and of its [`With`].
macro_rules! switches {
    ($($word:ident: $stated:ty, $this:ident => $value:expr, {
        $($(#[$doc:meta])* $switch:ident: $type:ty;)*
    })*) => {$(
        impl $crate::dsl::Word for $word {
            type Stated = $stated;

            fn stated(self) -> Self::Stated {
                let $this = self;
                $value
            }
        }

        impl $word {
            $($(#[$doc])* pub fn $switch(self, $switch: $type) -> $crate::dsl::With<Self> {
                $crate::dsl::With::<Self>($crate::dsl::Word::stated(self)).$switch($switch)
            })*
        }

        impl $crate::dsl::With<$word> {
            $($(#[$doc])* pub fn $switch(mut self, $switch: $type) -> Self {
                self.0.$switch = Some($switch);
                self
            })*
        }
    )*};
}
pub(super) use switches;
