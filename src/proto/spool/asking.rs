//! The driver asks for messages, one question at a time.

/// What the driver knows of its question for more messages.
#[derive(Debug, Default)]
pub struct Asking {
    /// A question is under way.
    is_asked: bool,
    /// Its answer may not know what a later look finds.
    is_outdated: bool,
}

impl Asking {
    /// True if the driver may ask; then it does.
    pub fn ask(&mut self) -> bool {
        !core::mem::replace(&mut self.is_asked, true)
    }

    /// The directory is to be looked at anew.
    pub fn look(&mut self) {
        self.is_outdated = self.is_asked;
    }

    /// The question is answered; false if the answer was overtaken by a look.
    pub fn answered(&mut self) -> bool {
        self.is_asked = false;
        !core::mem::take(&mut self.is_outdated)
    }
}
