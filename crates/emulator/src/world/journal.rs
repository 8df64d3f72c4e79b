use std::collections::VecDeque;

use serde::Serialize;
use stagedoor_protocol::time::UnixMillis;

use super::connects;
use super::docs::Docs;
use super::event::Events;

pub(crate) type FlowId = u64;
pub(crate) type StepId = u64;

/// How many steps, flows and requests are remembered.
const MAX_STEPS: usize = 2000;
const MAX_FLOWS: usize = 500;
const MAX_REQUESTS: usize = 200;

/// A lane of the diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lane {
    Browser,
    Backend,
    Zoom,
    Client,
    /// The bundled third-party provider.
    Provider,
}

/// What kind of flow a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Install,
    Launch,
    Call,
    Webhook,
    Chat,
    Cobrowse,
    Connect,
    Provider,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// The emulator waits for a sign that it happened.
    Pending,
    Ok,
    Failed,
}

/// What is wrong with a step and how to mend it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    pub(crate) sentence: String,
    pub(crate) fix: String,
    pub(crate) setting: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(sentence: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), fix: fix.into(), setting: None }
    }

    pub(crate) fn with_setting(mut self, setting: &'static str) -> Self {
        self.setting = Some(setting);
        self
    }
}

/// A request as it is shown: nothing secret in it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownRequest {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<[String; 2]>,
    pub(crate) body: Option<String>,
}

/// An answer as it is shown: nothing secret in it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<[String; 2]>,
    pub(crate) body: Option<String>,
}

/// What a step means; whoever answers a request knows it.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) flow: FlowId,
    pub(crate) from: Lane,
    pub(crate) to: Lane,
    pub(crate) title: &'static str,
    pub(crate) sentence: String,
    pub(crate) docs: Docs,
    pub(crate) status: Status,
    pub(crate) problem: Option<Problem>,
}

impl Note {
    pub(crate) fn new(flow: FlowId, (from, to): (Lane, Lane), title: &'static str, docs: Docs) -> Self {
        Self { flow, from, to, title, sentence: String::new(), docs, status: Status::Ok, problem: None }
    }

    pub(crate) fn says(mut self, sentence: impl Into<String>) -> Self {
        self.sentence = sentence.into();
        self
    }

    pub(crate) fn failed(mut self, problem: Problem) -> Self {
        self.status = Status::Failed;
        self.problem = Some(problem);
        self
    }

    /// It works, and there is something to know about it.
    pub(crate) fn warned(mut self, problem: Problem) -> Self {
        self.problem = Some(problem);
        self
    }
}

/// One arrow of the diagram.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    id: StepId,
    flow: FlowId,
    kind: Kind,
    flow_title: String,
    n: u32,
    /// The number of the step on Zoom's page, if it is one of the thirteen.
    number: Option<&'static str>,
    at_ms: UnixMillis,
    took_ms: Option<i64>,
    from: Lane,
    to: Lane,
    arrow: String,
    title: &'static str,
    status: Status,
    http: Option<u16>,
    sentence: String,
    docs: Docs,
    problem: Option<Problem>,
    request: Option<ShownRequest>,
    answer: Option<ShownAnswer>,
}

/// What was seen of a step on the wire.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) took_ms: Option<i64>,
    pub(crate) http: Option<u16>,
    pub(crate) request: Option<ShownRequest>,
    pub(crate) answer: Option<ShownAnswer>,
}

/// What was asked of Zoom's side, for tests.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Asked {
    pub(crate) at_ms: UnixMillis,
    #[serde(flatten)]
    pub(crate) request: ShownRequest,
    pub(crate) status: u16,
}

#[derive(Debug)]
struct Flow {
    id: FlowId,
    kind: Kind,
    title: String,
    steps: u32,
    failed: bool,
    /// The numbers of Zoom's page that have been given: each stands once.
    numbers: Vec<&'static str>,
    touched: UnixMillis,
}

impl Flow {
    /// The number of a step on Zoom's page, the first time that it comes.
    fn number(&mut self, title: &str) -> Option<&'static str> {
        let number =
            connects::number(title).filter(|number| self.kind == Kind::Connect && !self.numbers.contains(number))?;
        self.numbers.push(number);
        Some(number)
    }
}

/// The bounded memory of what happened.
pub(crate) struct Journal {
    flows: VecDeque<Flow>,
    steps: VecDeque<Step>,
    requests: VecDeque<Asked>,
    last_flow: FlowId,
    last_step: StepId,
    events: Events,
}

impl Journal {
    pub(crate) fn new(events: Events) -> Self {
        Self {
            flows: VecDeque::new(),
            steps: VecDeque::new(),
            requests: VecDeque::new(),
            last_flow: 0,
            last_step: 0,
            events,
        }
    }

    /// Begins a flow.
    pub(crate) fn open(&mut self, kind: Kind, title: impl Into<String>, now: UnixMillis) -> FlowId {
        self.last_flow += 1;
        bound(&mut self.flows, MAX_FLOWS);
        let title = title.into();
        self.flows.push_back(Flow {
            id: self.last_flow,
            kind,
            title,
            steps: 0,
            failed: false,
            numbers: Vec::new(),
            touched: now,
        });
        self.last_flow
    }

    /// The flow of calls that belong to no install or launch; calls within five seconds are one flow.
    pub(crate) fn calls(&mut self, now: UnixMillis) -> FlowId {
        self.going_on(Kind::Call, "API calls", now)
    }

    /// The flow of what Zoom tells the app by itself, bundled in the same way.
    pub(crate) fn webhooks(&mut self, now: UnixMillis) -> FlowId {
        self.going_on(Kind::Webhook, "Webhooks", now)
    }

    /// The flow of calls of the bundled provider that belong to no sign-in, bundled in the same way.
    pub(crate) fn provider_calls(&mut self, now: UnixMillis) -> FlowId {
        self.going_on(Kind::Provider, "Third party", now)
    }

    fn going_on(&mut self, kind: Kind, title: &str, now: UnixMillis) -> FlowId {
        match self.flows.back() {
            Some(flow) if flow.kind == kind && now.since(flow.touched) < 5_000 => flow.id,
            _ => self.open(kind, title, now),
        }
    }

    /// Whether a flow is remembered and nothing in it failed so far.
    pub(crate) fn is_sound(&self, flow: FlowId) -> bool {
        self.flows.iter().any(|known| known.id == flow && !known.failed)
    }

    /// Whether a step with this number of Zoom's page has come in a flow.
    pub(crate) fn has_number(&self, flow: FlowId, number: &str) -> bool {
        self.flows.iter().any(|known| known.id == flow && known.numbers.contains(&number))
    }

    /// Whether a flow has no step yet.
    pub(crate) fn is_new(&self, flow: FlowId) -> bool {
        self.flows.iter().any(|known| known.id == flow && known.steps == 0)
    }

    /// Milliseconds since the last step of a flow; none if it is forgotten.
    pub(crate) fn quiet_ms(&self, flow: FlowId, now: UnixMillis) -> Option<i64> {
        self.flows.iter().find(|known| known.id == flow).map(|known| now.since(known.touched))
    }

    /// Adds a step.
    pub(crate) fn add(&mut self, note: Note, arrow: String, now: UnixMillis, seen: Seen) -> StepId {
        let remembered = self.flows.iter().any(|flow| flow.id == note.flow);
        // What still arrives of a flow that was forgotten stands alone.
        let id = if remembered { note.flow } else { self.calls(now) };
        let flow = self.flows.iter_mut().find(|flow| flow.id == id).expect("it is remembered or was just opened");
        flow.steps += 1;
        flow.touched = now;
        flow.failed |= note.status == Status::Failed;
        self.last_step += 1;
        let step = Step {
            id: self.last_step,
            flow: flow.id,
            kind: flow.kind,
            flow_title: flow.title.clone(),
            n: flow.steps,
            number: flow.number(note.title),
            at_ms: now,
            took_ms: seen.took_ms,
            from: note.from,
            to: note.to,
            arrow,
            title: note.title,
            status: note.status,
            http: seen.http,
            sentence: note.sentence,
            docs: note.docs,
            problem: note.problem,
            request: seen.request,
            answer: seen.answer,
        };
        self.events.tell("step", &step);
        bound(&mut self.steps, MAX_STEPS);
        self.steps.push_back(step);
        self.last_step
    }

    /// Fills a step in that was pending, now that it is known how it went.
    pub(crate) fn fill(&mut self, id: StepId, note: Note, seen: Seen) {
        let Some(step) = self.steps.iter_mut().rev().find(|step| step.id == id) else { return };
        step.status = note.status;
        step.sentence = note.sentence;
        step.problem = note.problem;
        step.docs = note.docs;
        (step.took_ms, step.http, step.request, step.answer) = (seen.took_ms, seen.http, seen.request, seen.answer);
        self.events.tell("step", step);
        let failed = step.status == Status::Failed;
        if let Some(flow) = self.flows.iter_mut().find(|flow| flow.id == note.flow) {
            flow.failed |= failed;
        }
    }

    /// Settles a step that was pending: a sign of it has come.
    pub(crate) fn settle(&mut self, id: StepId, addition: Option<&str>, now: UnixMillis) {
        let Some(step) = self.steps.iter_mut().rev().find(|step| step.id == id) else { return };
        if step.status != Status::Pending {
            return;
        }
        step.status = Status::Ok;
        step.took_ms = Some(now.since(step.at_ms).max(0));
        if let Some(addition) = addition {
            step.sentence.push(' ');
            step.sentence.push_str(addition);
        }
        self.events.tell("step", step);
    }

    /// Remembers what was asked of Zoom's side.
    pub(crate) fn asked(&mut self, asked: Asked) {
        bound(&mut self.requests, MAX_REQUESTS);
        self.requests.push_back(asked);
    }

    pub(crate) fn steps(&self) -> &VecDeque<Step> {
        &self.steps
    }

    pub(crate) fn requests(&self) -> &VecDeque<Asked> {
        &self.requests
    }

    pub(crate) fn forget_steps(&mut self) {
        self.steps.clear();
        self.flows.clear();
    }

    pub(crate) fn forget_requests(&mut self) {
        self.requests.clear();
    }

    pub(crate) fn forget(&mut self) {
        self.forget_steps();
        self.forget_requests();
        self.events.tell("reset", &serde_json::json!({}));
    }
}

/// Makes room for one more.
fn bound<T>(memory: &mut VecDeque<T>, max: usize) {
    if memory.len() >= max {
        memory.pop_front();
    }
}
