//! `stagedoor doctor`: a running deployment, asked through its public URL as Zoom's client and its review would.
//!
//! Asking ([`ask`]) and judging ([`judge`]) are apart: the judgement is a pure function from what was expected and what
//! was answered to findings, and shares no code with what it judges.

mod ask;
mod expected;
mod finding;
mod judge;
mod review;

#[cfg(test)]
mod tests;

pub(crate) use ask::Visitor;
pub(crate) use expected::Expected;
pub(crate) use finding::{Finding, Severity};
pub(crate) use review::review;

/// Asks a deployment, and judges what it answers.
pub(crate) async fn examine(visitor: &Visitor, expected: &Expected) -> Vec<Finding> {
    judge::judge(expected, &visitor.ask(expected).await)
}
