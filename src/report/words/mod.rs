//! Every phrase, in every language side by side. A further language is one more line in each, and the compiler names
//! those that lack it.
//!
//! A phrase whose English is in the model, since errors and logs use it too, takes it as its argument `english`.
//! Phrases are built so that no word has to agree with a number: "3 of 12 modules" rather than "3 modules were".

mod causes;
mod digest;
mod figures;
mod modules;
mod notes;
mod outcome;
mod reading;
mod repositories;
mod signs;

use crate::config::Language;

/// The words of one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words(pub(crate) Language);

/// Makes a method of [`Words`] from each phrase; its arguments stand in the literals.
macro_rules! phrases {
    ($($name:ident($($argument:ident: $type:ty),*) { En: $en:literal, It: $it:literal, })*) => {
        impl $crate::report::Words {
            $(pub(crate) fn $name(self $(, $argument: $type)*) -> String {
                match self.0 {
                    $crate::config::Language::En => format!($en),
                    $crate::config::Language::It => format!($it),
                }
            })*
        }
    };
}
pub(crate) use phrases;
