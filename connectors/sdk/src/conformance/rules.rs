//! The rules, in the order in which they are looked at. An id never changes its meaning and is never used again; `connectors/CONTRACT.md`
//! says the same at length, and a test keeps the two together.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! rules {
    ($($name:ident = $id:literal, after [$($before:ident),*], $title:literal, $reason:literal, $how:literal;)*) => {
        /// One rule of the contract of an adapter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Rule { $(#[doc = $title] $name,)* }

        impl Rule {
            /// Every rule, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable id: `CR-01`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What must hold, in one sentence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Why the law or the technique demands it.
            pub fn reason(self) -> &'static str {
                match self { $(Self::$name => $reason,)* }
            }

            /// What the suite does to find out.
            pub fn how(self) -> &'static str {
                match self { $(Self::$name => $how,)* }
            }

            /// Rules without which this one says nothing: when one of them failed, this one is not checked, so that one
            /// defect is told once.
            pub fn after(self) -> &'static [Self] {
                match self { $(Self::$name => &[$(Self::$before,)*],)* }
            }
        }
    };
}

rules! {
    Taken = "CR-01", after [],
        "A proper demand is taken; the reference, when there is one, has 1 to 100 characters.",
        "Only what the registry's own system received is 送达 (法〔2024〕32号 二(三)2); the reference lets people find it there.",
        "One demand is delivered to the well system; the answer is Taken.";
    NotBeforeHeld = "CR-02", after [Taken],
        "Nothing is called taken before the local system holds it.",
        "The receipt that follows decides rank between creditors; a receipt of what nobody holds cannot be repaired.",
        "After Taken the registry's book holds the demand at once, under that reference; while the local system is down and stores nothing, the answer is neither Taken nor Returned.";
    SameAgain = "CR-03", after [Taken, NotBeforeHeld],
        "The same demand delivered again gets the same reference and changes nothing.",
        "Messages are delivered at least once; a second entry would be a second seizure.",
        "One demand is delivered twice, one after the other; references are equal and the book has one entry.";
    Durable = "CR-04", after [SameAgain],
        "What was taken is still held after the local system crashed.",
        "A receipt stands for ever; a demand that lives in memory only is lost with the next power cut.",
        "The local system is killed right after Taken and started again; its book holds the demand, and a repeat gets the same reference.";
    AtOnce = "CR-05", after [SameAgain],
        "The same demand delivered several times at once is taken once.",
        "Two connectors may hold the same message for a moment when a line breaks.",
        "One demand is delivered four times side by side; who answers Taken names one and the same reference, and the book has one entry.";
    KnownAnew = "CR-06", after [SameAgain],
        "A connector that was started anew gets the same reference for what was taken before.",
        "The local system must know a demand by its request id; what an adapter remembers dies with its process.",
        "One demand is delivered, the adapter is built anew from its options, and the demand is delivered again.";
    LostAnswer = "CR-07", after [SameAgain],
        "When the answer is lost the adapter says Unwell, and the repeat finds the demand as it was taken.",
        "A broken connection says nothing about the demand; guessing either way is a false receipt or a false 未送达.",
        "The local system stores the demand and closes the connection without a byte; then it is delivered again.";
    HalfAnswer = "CR-08", after [SameAgain],
        "Half an answer is no answer: Unwell, and the repeat finds the demand.",
        "What can be read of a cut answer may say the opposite of the whole.",
        "The local system stores the demand and answers with half of its message; then it is delivered again.";
    SlowAnswer = "CR-09", after [SameAgain],
        "An answer that does not come in time is Unwell, and later it is the same taking.",
        "Time that is over says nothing about the demand, which may be stored a second later.",
        "The local system is silent for longer than the adapter waits, then goes on; the demand is delivered again and is there once.";
    WrongCodePage = "CR-10", after [SameAgain, HalfAnswer],
        "An answer in another character set than agreed is not read as something else.",
        "GB18030 read as UTF-8 or the other way turns numbers and names into others, silently.",
        "The local system stores the demand and answers with bytes of another character set; the answer is Unwell, or Taken with exactly the reference that a repeat gets.";
    CrashBeforeStored = "CR-11", after [LostAnswer, Durable],
        "A crash before the demand is stored is Unwell, and the repeat is the first taking.",
        "Nothing may be lost when the local system dies in the middle.",
        "The local system dies when the delivery arrives; the book has no entry; after its restart the demand is delivered again and is there once.";
    CrashAfterStored = "CR-12", after [LostAnswer, Durable],
        "A crash after the demand is stored and before the answer is Unwell, and the repeat finds the demand.",
        "Nothing may be doubled when the local system dies in the middle.",
        "The local system dies between its disk and its answer; after its restart the demand is delivered again and is there once.";
    Dropped = "CR-13", after [SameAgain],
        "A call that is dropped half-way is found again.",
        "The connector is ended at any instant: by the operator, by a lost line, by a crash.",
        "Deliveries are dropped after 0, 1, 2, 5 and 20 ms; each demand is then delivered twice and is there once.";
    LaneOrder = "CR-14", after [SameAgain],
        "Demands for one unit stand in the registry's book in the order in which they were delivered.",
        "先送达者为首封: the order of receipt is the order of the creditors.",
        "Three demands for one unit are delivered one after another; their entries in the book stand in that order.";
    ReturnedAtDoor = "CR-15", after [Taken, NotBeforeHeld],
        "A return at the door (退回) is told as such, with its coded reason and its words.",
        "The court must learn what to correct; a return that looks like a failure is repeated for ever.",
        "The local system returns the demand; the answer is Returned for this request and registry, with reasons that the hub accepts.";
    Refused = "CR-16", after [Taken, NotBeforeHeld],
        "What the well system cannot take is Refused with a code, and the next demand goes through.",
        "One bad demand must not hold up all creditors of a registry; the court learns 未送达.",
        "The local system refuses one demand; the answer is Refused with a code and a reason, nothing is booked, the next is taken.";
    UnwellWhenDown = "CR-17", after [SameAgain],
        "A system that is down is Unwell, never Refused.",
        "Refused parks the demand and the creditor loses the place; a system that is down takes it an hour later.",
        "One demand is delivered while the local system is down; the answer is Unwell, and it is taken when the system is back.";
    Oversize = "CR-18", after [Refused],
        "A demand that is too large for the local system is Refused with a code.",
        "Trying again never makes it smaller, and the registry's other demands would wait behind it.",
        "The local system, or the proxy before it, says that the delivery is too large; the answer is Refused with a code and a reason.";
    HealthTrue = "CR-19", after [],
        "Health tells the truth: an error while the system is down, well again when it is back.",
        "The runtime pauses and resumes a registry on this word alone.",
        "Health is asked while the system is well, down, and well again.";
    VoidHarmless = "CR-20", after [Taken, NotBeforeHeld],
        "A void may come twice and for a request that is unknown.",
        "The runtime repeats it until it is confirmed, also after a crash.",
        "A taken demand is voided twice, and an unknown request once; all succeed.";
    TakenAfresh = "CR-21", after [SameAgain, VoidHarmless],
        "After a void the same request is taken afresh.",
        "A replay of an undelivered demand has its own receipt; the voided taking has no standing.",
        "A demand is delivered, voided and delivered again; the book has a second taking after the void.";
    WithdrawalOnce = "CR-22", after [Taken, NotBeforeHeld],
        "A court's wish to withdraw may come twice and is one wish.",
        "书面提出撤回需求 is repeated until the local system confirms that it holds it.",
        "A wish is handed over twice for a taken demand; both answers are the same, and the book has it once.";
    OfferedUntilSettled = "CR-23", after [Taken, NotBeforeHeld],
        "Results and returns are offered again until they are settled, also to a connector that was started anew.",
        "The hub answers later, or a connector dies between fetching and handing over; the court must not lose the 回执.",
        "A result is fetched twice, then by an adapter built anew; each time it is there under the same id with the same content.";
    BeforeReceipt = "CR-24", after [OfferedUntilSettled],
        "A result that comes before the delivery was answered is kept until it is settled.",
        "It takes effect with the receipt; fetched too early it must come again.",
        "The local system offers the result before it answers the delivery; after Taken the result is still offered.";
    SettledOnce = "CR-25", after [OfferedUntilSettled],
        "What is settled is not offered again, and settling twice does no harm.",
        "The runtime settles again when it does not know whether the first was heard.",
        "A result is settled twice without error and is not offered any more.";
    Paging = "CR-26", after [OfferedUntilSettled],
        "A page has at most the asked number, and what stands behind an outcome is found, settled or not.",
        "A full page of results that wait for receipts must not hold up those behind it.",
        "Three results are read in pages of two; none is missing, none comes twice; then one is settled and what stands behind it is read.";
    FetchFailsAloud = "CR-27", after [OfferedUntilSettled],
        "When the local system is down, fetching and settling are errors, never an empty list or a silent yes.",
        "An empty list means that there is nothing to tell; a settling that was not heard comes again.",
        "Outcomes are fetched and one is settled while the system is down; both fail, and the outcome is offered when it is back.";
    LocalReceipts = "CR-28", after [],
        "Receipts of the local link (点对点) are offered until they are settled, and settling twice does no harm.",
        "地方“点对点”系统的送达规则，应与本通知保持一致: each takes its place in the same ledger, and none may be lost on the way.",
        "A demand comes over the local link; its receipt is fetched twice, settled twice, and not offered any more.";
    NoPersonalData = "CR-29", after [],
        "Reasons and errors hold no personal data.",
        "They are logged and shown to operators (《个人信息保护法》第六条: 最小范围).",
        "The local system quotes the debtor in its reason; this text and all others that the suite saw are searched for names, numbers, places and phones of its demands.";
}

impl Rule {
    /// Whether this rule says nothing while the other is broken, directly or by one between.
    pub(super) fn rests_on(self, other: Self) -> bool {
        self.after().iter().any(|before| *before == other || before.rests_on(other))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    /// Ids count up without a gap, so that a rule is looked at after those on which it rests.
    #[test]
    fn ids_count_up_and_rest_on_earlier_ones() {
        for (place, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(rule.id(), format!("CR-{:02}", place + 1));
            let earlier = |before: &Rule| Rule::ALL[..place].contains(before);
            assert!(rule.after().iter().all(earlier), "{rule}");
        }
    }

    #[test]
    fn the_contract_states_every_rule_in_the_same_words() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../CONTRACT.md");
        let text = std::fs::read_to_string(path).unwrap();
        for rule in Rule::ALL {
            let row = format!("| {rule} | {} | {} |", rule.title(), rule.how());
            assert!(text.contains(&row), "connectors/CONTRACT.md has no row\n{row}");
        }
        let rows = text.lines().filter(|line| line.starts_with("| CR-")).count();
        assert_eq!(rows, Rule::ALL.len(), "a row of a rule that is gone");
    }
}
