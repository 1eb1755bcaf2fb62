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

#[cfg(test)]
mod tests {
    use super::Asking;

    #[test]
    fn one_question_at_a_time_and_an_answer_before_a_look_is_none() {
        let mut asking = Asking::default();
        // Nobody was asked that could be overtaken.
        asking.look();
        for is_overtaken in [false, true, false] {
            assert!(asking.ask() && !asking.ask());
            if is_overtaken {
                asking.look();
            }
            assert_eq!(asking.answered(), !is_overtaken);
        }
    }
}
