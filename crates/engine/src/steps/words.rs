//! The lines of a cutover's journal as a person reads them.

use crate::cutover::{Entry, Event};

/// An action of the cutover: the task that it is, to follow "could not", and the sentence once it is done. What is done must be true
/// of every way in which the action succeeds; what differs between these is said by the script, and stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) task: &'static str,
    pub(super) done: &'static str,
}

/// The line for an entry; a start says what is about to be done, a success what was done, a failure what was not.
pub(super) fn told(entry: &Entry) -> String {
    let words = words(&entry.action);
    let said = entry.text.trim_end();
    match entry.ev {
        Event::Start => format!("{} …", capitalised(words.task)),
        Event::Ok if said.is_empty() => words.done.to_owned(),
        Event::Ok => format!("{}: {said}", words.done),
        Event::Fail => format!("Could not {}: {said}", words.task),
        Event::Committed => "Committed: the new release is live".to_owned(),
        Event::Reverted => "Rolled back: everything is as it was before".to_owned(),
        Event::Cancelled => "Cancelled: everything is as it was before".to_owned(),
        Event::RevertFailed => "Rolling back failed".to_owned(),
        _ => entry.text.clone(),
    }
}

/// The words for an action of the script.
pub(super) fn words(action: &str) -> Words {
    let (task, done) = match action {
        "begin" => ("begin the cutover", "Began the cutover"),
        "room" => ("find room on the disk", "There is room on the disk"),
        "look" => ("look at what is live", "Looked at what is live"),
        "identify" => ("note which database is which", "Noted which database is which"),
        "on_disk" => ("write what was prepared to the disk", "What was prepared is on the disk"),
        "boot_entry" => ("arrange recovery after a reboot", "Recovery after a reboot"),
        "gate_close" => ("hold requests", "Requests wait"),
        "drain" => ("wait for the requests in flight", "Waited for the requests in flight"),
        "stop_old" => ("stop the old container", "Told the old container to stop"),
        "seal" => ("close the database to new connections", "Closed the database to new connections"),
        "stopped" => ("wait for the old container's end", "The old container doesn't run"),
        "clone" => ("clone the database", "Cloned the database"),
        "link" => ("link the filestore", "Linked the filestore"),
        "relink" => ("link the files that came since", "Linked the files that came since"),
        "unseal" => ("open the database again", "Opened the database again"),
        "states" => ("note what waits in Odoo", "Noted what waits in Odoo"),
        "dump_start" => ("begin the database's dump", "Began the database's dump"),
        "fresh" => ("make sure that no database is in the way", "No database is in the way"),
        "create_db" => ("create the database", "Created the database"),
        "swap" => ("put the restored data in its place", "Put the restored data in its place"),
        "update" => ("update the database", "Updated the database"),
        "hold_crons" => ("hold scheduled actions", "Held scheduled actions"),
        "note_bundles" => ("note the bundles of now", "Noted the bundles of now"),
        "note_texts" => ("note the translations of now", "Noted the translations of now"),
        "start_new" => ("start the new container", "Started the new container"),
        "healthy" => ("get an answer from the new release", "The new release answers"),
        "websocket" => ("get an answer from its websocket", "Its websocket answers"),
        "proof" => ("verify that it is what was planned", "Verified that it is what was planned"),
        "served" => ("verify that it serves what was deployed", "What it serves"),
        "probe" => ("get an answer through the proxy", "It answers through the proxy"),
        "keep" => ("make sure that it was alone with its jobs", "It was alone with its jobs"),
        "commit" => ("commit", "Made the commit durable"),
        "release_crons" => ("let scheduled actions run again", "Scheduled actions run again"),
        "number_release" => ("number the release", "Its number among the releases of this environment"),
        "gate_open" => ("let requests go on", "Requests go on"),
        "gate_switch" => ("send requests to the new release", "Requests go to the new release"),
        "lasting" => ("have it restarted by Docker", "Docker restarts it from now on"),
        "drain_old" => {
            ("wait for the old release's requests", "Waited for the requests that the old release still had")
        }
        "retire_old" => ("stop the old container", "The old container is retired"),
        "dump_end" => ("complete the database's dump", "Completed the database's dump"),
        // The way back.
        "stop_new" => ("remove the new container", "Removed the new container"),
        "unmake" => ("remove the new database", "Removed the new database"),
        "quiet" => ("end what still used the database", "Nothing of it uses the database any more"),
        "bundles_back" => ("put the bundles back", "The bundles are as they were"),
        "db_back" => ("put the database back", "The database is as it was"),
        "fs_back" => ("put the filestore back", "The filestore is as it was"),
        "start_old" => ("start the old release again", "The old release is as it was"),
        "tidy" => ("remove what it left", "Removed what it left"),
        "revert" => ("put everything back", "Everything was put back"),
        "cancel" => ("cancel", "Cancelled"),
        _ => ("carry out an action of the cutover", "An action of the cutover is done"),
    };
    Words { task, done }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cutover::script::tests::with_functions;

    fn line(action: &str, ev: &str, text: &str) -> String {
        let entry = format!(r#"{{"t":"","id":"x","action":"{action}","ev":"{ev}","text":"{text}"}}"#);
        told(&Entry::parse(&entry).unwrap())
    }

    #[test]
    fn a_failure_claims_nothing() {
        assert_eq!(line("clone", "start", ""), "Clone the database …");
        assert_eq!(line("clone", "ok", ""), "Cloned the database");
        assert_eq!(line("clone", "fail", "no room"), "Could not clone the database: no room");
    }

    /// The lines for a piece of the script that is run with the sample plan.
    fn lines(commands: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        let output = with_functions(root.path(), &format!("{commands}\ncat \"$J\""), b"");
        let journal = String::from_utf8(output.stdout).unwrap();
        assert!(!journal.is_empty(), "{:?}", output.stderr);
        journal.lines().map(|line| told(&Entry::parse(line).expect(line))).collect()
    }

    #[test]
    fn recovery_is_not_claimed_where_nothing_starts_it() {
        // Neither cron nor systemd: the shell finds none of their programs.
        let told = lines("cron_alive() { return 1; }; command() { return 1; }; step boot_entry");
        assert_eq!(
            told,
            [
                "Arrange recovery after a reboot …",
                "no cron and no systemd here: after a reboot in the middle, nobody ends this cutover until a desktop connects",
                "Recovery after a reboot: when a desktop connects",
            ]
        );
    }

    #[test]
    fn requests_that_did_not_finish_are_not_called_finished() {
        let told = lines("DRAIN_S=0; proxy() { echo 3; }; step drain");
        assert!(told[1].contains("3 requests still in flight"), "{told:?}");
        assert_eq!(told[2], "Waited for the requests in flight: 3 left");
        let told = lines("DRAIN_S=0; proxy() { echo 0; }; step drain");
        assert_eq!(told[1], "Waited for the requests in flight: 0 left");
    }

    #[test]
    fn a_container_that_nobody_can_ask_about_is_not_called_stopped() {
        let told = lines("OLD=web; d() { echo 'no Docker' >&2; return 1; }; step stopped");
        assert_eq!(told[1], "Could not wait for the old container's end: no Docker");
        let told = lines("OLD=; step stopped");
        assert_eq!(told[1], "The old container doesn't run: there is none");
    }

    #[test]
    fn every_action_has_words() {
        let script = include_str!("../cutover/script/ways.sh");
        let actions = script.split("step ").skip(1).filter_map(|rest| rest.split([' ', ';', '\n']).next());
        let mut actions: Vec<&str> =
            actions.filter(|a| a.chars().all(|c| c.is_ascii_lowercase() || c == '_')).collect();
        assert!(actions.len() > 30, "{actions:?}");
        actions.retain(|action| words(action) == words("no such action"));
        assert_eq!(actions, Vec::<&str>::new());
    }
}
