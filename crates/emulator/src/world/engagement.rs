use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stagedoor_protocol::time::UnixMillis;

use crate::entropy;

/// How the consumer reached the agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Voice,
    Video,
    #[default]
    Messaging,
    Email,
}

impl Channel {
    /// `source` of the Apps SDK: where in the channel. Empty for those that have only one.
    fn source(self) -> &'static str {
        match self {
            Self::Video => "video_webVideo",
            Self::Messaging => "messaging_webChat",
            Self::Voice | Self::Email => "",
        }
    }
}

/// How far an engagement has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Progress {
    #[default]
    Active,
    /// On hold.
    Inactive,
    /// The consumer is gone, the agent writes it up.
    WrapUp,
    End,
}

/// What an agent at the Contact Center works on, with one consumer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Engagement {
    pub(crate) id: String,
    pub(crate) consumer: String,
    pub(crate) channel: Channel,
    pub(crate) queue: String,
    pub(crate) state: Progress,
    #[serde(rename = "started_ms")]
    started: UnixMillis,
    #[serde(rename = "ended_ms")]
    ended: Option<UnixMillis>,
}

/// What is told of an engagement; what is left out stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) consumer: Option<String>,
    pub(crate) channel: Option<Channel>,
    pub(crate) queue: Option<String>,
    pub(crate) state: Option<Progress>,
}

impl Engagement {
    /// A consumer reaches the agent.
    pub(crate) fn start(change: Change, now: UnixMillis) -> Self {
        let mut engagement = Self {
            id: entropy::base64url(22),
            consumer: "Katherine Johnson".into(),
            channel: Channel::default(),
            queue: "Orders".into(),
            state: Progress::default(),
            started: now,
            ended: None,
        };
        engagement.change(change, now);
        engagement
    }

    /// Something about it changes.
    pub(crate) fn change(&mut self, change: Change, now: UnixMillis) {
        let Change { consumer, channel, queue, state } = change;
        self.consumer = consumer.unwrap_or_else(|| std::mem::take(&mut self.consumer));
        self.queue = queue.unwrap_or_else(|| std::mem::take(&mut self.queue));
        self.channel = channel.unwrap_or(self.channel);
        self.state = state.unwrap_or(self.state);
        self.ended = (self.state == Progress::End).then(|| self.ended.unwrap_or(now));
    }

    /// `EngagementContext` of the Apps SDK: what stays the same as long as it lasts.
    pub(crate) fn context(&self) -> Value {
        json!({
            "engagementId": self.id,
            "startTime": self.started,
            "acceptTime": self.started,
            "queueId": self.queue_id(),
            "queueName": self.queue,
        })
    }

    /// `EngagementStatus` of the Apps SDK, for the agent who works on it.
    pub(crate) fn status(&self, agent: (&str, &str)) -> Value {
        let (id, name) = agent;
        let mut status = json!({
            "engagementId": self.id,
            "state": self.state,
            "channel": self.channel,
            "source": self.channel.source(),
            "isConference": "false",
            "assignedAgentId": id,
            "assignedAgentName": name,
            "consumers": [{"consumerId": self.consumer_id(), "consumerDisplayName": self.consumer}],
        });
        if let Some(ended) = self.ended {
            status["endTime"] = json!(ended);
        }
        status
    }

    /// The same for the same name, so that a backend can key on it.
    pub(crate) fn queue_id(&self) -> String {
        let letters: String = self.queue.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("queue-{}", letters.to_lowercase())
    }

    pub(crate) fn consumer_id(&self) -> String {
        format!("consumer-{}", &self.id[..8])
    }
}
