//! Where the lines of a running deployment go.

use super::{
    Store,
    lines::{self, NewLine},
};
use crate::{
    error::EngineError,
    model::{self, DeploymentId, Level, Step},
    redact::Redactor,
};
use std::time::Duration;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

/// A line waits at most this long before it is in the store.
const DELAY: Duration = Duration::from_millis(50);

/// Lines written in one transaction.
const BATCH: usize = 200;

/// The longest line in bytes; the rest of a longer one is left out.
const LINE_MAX: usize = 16 * 1024;

/// Takes the lines of one deployment. Taking a line never waits; they are written in batches, in their order, without
/// secrets. Clones go to the same log. What was taken is written even if every clone is dropped.
#[derive(Clone, Debug)]
pub struct LogSink {
    orders: mpsc::UnboundedSender<Order>,
    redactor: Redactor,
}

#[derive(Debug)]
enum Order {
    Line(NewLine),
    Flush(oneshot::Sender<Result<(), EngineError>>),
}

impl LogSink {
    /// A sink for the log of a deployment. To be called within a Tokio runtime.
    pub fn new(store: Store, id: DeploymentId, redactor: Redactor) -> Self {
        let (orders, waiting) = mpsc::unbounded_channel();
        tokio::spawn(run(store, id, waiting));
        Self { orders, redactor }
    }

    /// Takes what a program said: one line, or several with line breaks between. Colours and other terminal codes are left
    /// out, and of a line that overwrites itself with carriage returns only its last state is kept.
    pub fn line(&self, step: Step, level: Level, text: &str) {
        let at = model::now();
        let text = self.redactor.redact(text.trim_end_matches(['\r', '\n']));
        for line in text.split('\n') {
            let line = NewLine { step, level, at, text: plain(line) };
            // The task ends only with the runtime: there is nobody left to read the line then.
            let _ = self.orders.send(Order::Line(line));
        }
    }

    /// One line of what [`Self::line`] takes as the store has it afterwards.
    pub fn shown(&self, line: &str) -> String {
        plain(&self.redactor.redact(line))
    }

    /// Waits until all lines taken so far are in the store.
    ///
    /// # Errors
    /// What kept lines, since the last call, from being written. They are lost.
    pub async fn flush(&self) -> Result<(), EngineError> {
        let (answer, answered) = oneshot::channel();
        let gone = || EngineError::internal("The log's writer ended early.");
        self.orders.send(Order::Flush(answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    /// What takes secrets out of the lines.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

async fn run(store: Store, id: DeploymentId, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut lost = Ok(());
    while let Some(order) = orders.recv().await {
        let mut batch = Vec::new();
        let mut flush = None;
        let deadline = Instant::now() + DELAY;
        let mut next = Some(order);
        loop {
            match next {
                Some(Order::Line(line)) => batch.push(line),
                Some(Order::Flush(answer)) => flush = Some(answer),
                None => break,
            }
            if flush.is_some() || batch.len() == BATCH {
                break;
            }
            next = timeout_at(deadline, orders.recv()).await.unwrap_or(None);
        }
        if !batch.is_empty()
            && let Err(error) = store.write(move |t| lines::append(t, id, &batch)).await
        {
            tracing::warn!(%error, deployment = %id, "lines of the log could not be written");
            lost = Err(error);
        }
        if let Some(answer) = flush {
            // Whoever waited may have gone away.
            let _ = answer.send(std::mem::replace(&mut lost, Ok(())));
        }
    }
}

/// The line as a terminal would show it at the end, without colours, not longer than a line may be.
pub(crate) fn plain(line: &str) -> String {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit('\r').next().unwrap_or(line);
    let mut text = String::with_capacity(line.len().min(LINE_MAX));
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            // ECMA-48: ESC [ parameters, ended by a byte from @ to ~.
            '\x1b' if characters.next_if_eq(&'[').is_some() => {
                while characters.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
            }
            // ESC ] text (titles, links), ended by BEL or ESC \.
            '\x1b' if characters.next_if_eq(&']').is_some() => {
                while characters.next().is_some_and(|c| c != '\x07' && c != '\x1b') {}
                characters.next_if_eq(&'\\');
            }
            '\t' => text.push('\t'),
            c if c.is_control() => {}
            c if text.len() + c.len_utf8() > LINE_MAX => {
                text.push('…');
                break;
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn lines_are_what_a_terminal_would_show() {
        for (raw, shown) in [
            ("plain\ttext", "plain\ttext"),
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x1b]8;;https://x\x1b\\link\x1b]8;;\x07", "link"),
            (" 10%\r 50%\r100%\r", "100%"),
            ("a\x08b\0c", "abc"),
            ("\x1b[", ""),
            ("\x1b", ""),
            ("", ""),
        ] {
            assert_eq!(plain(raw), shown, "{raw:?}");
        }
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let cut = plain(&"ä".repeat(LINE_MAX));
        assert_eq!(cut.len(), LINE_MAX + '…'.len_utf8());
        assert!(cut.ends_with("ä…"));
    }
}
