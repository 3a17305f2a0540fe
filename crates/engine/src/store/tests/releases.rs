//! The order of releases.

use super::*;
use crate::history::HistoryEntry;

fn success(number: Option<u64>) -> HistoryEntry {
    let text = format!(
        r#"{{"at":"2026-11-22T10:00:00Z","deployment":"{}","status":"success","trigger":"manual","who":"ada@laptop"}}"#,
        DeploymentId::new()
    );
    HistoryEntry { release_number: number, ..HistoryEntry::parse(&text).unwrap() }
}

#[tokio::test]
async fn it_is_the_servers_and_no_desktops_clock() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    // Asked for in this order; the second one waited, and the third one went live before it.
    let entries = [success(Some(1)), success(Some(3)), success(Some(2))];
    let [first, waited, quick] = [0, 1, 2].map(|n: usize| entries[n].deployment);
    bed.store.import(environment.id, entries.to_vec()).await.unwrap();
    let order = bed.store.release_order(environment.id).await.unwrap();
    assert_eq!(order.compare(quick, waited), std::cmp::Ordering::Less);
    assert!(order.any_between(first, waited), "the quick one served between them");
    assert!(!order.any_between(first, quick));
    let live = bed.store.live_deployment(environment.id).await.unwrap().unwrap();
    assert_eq!(live.id, waited, "what serves is what was committed last");
    assert_eq!(bed.store.environments().await.unwrap()[0].live.as_ref().unwrap().id, waited);
}

#[tokio::test]
async fn what_has_no_number_keeps_its_place_until_the_server_tells_one() {
    let bed = Bed::new().await;
    let environment = bed.one().await;
    let entries = [success(None), success(Some(1)), success(None)];
    let [old, numbered, newer] = [0, 1, 2].map(|n: usize| entries[n].deployment);
    bed.store.import(environment.id, entries.to_vec()).await.unwrap();
    let live = || async { bed.store.live_deployment(environment.id).await.unwrap().unwrap().id };
    assert_eq!(live().await, newer, "an older version deployed it after the numbered one");
    assert!(bed.store.release_order(environment.id).await.unwrap().any_between(old, newer));
    let told = [(newer.short(), 7), (old.short(), 9), ("0123456789ab".to_owned(), 11)];
    bed.store.note_release_numbers(environment.id, told.into_iter().collect()).await.unwrap();
    assert_eq!(live().await, old);
    assert_eq!(bed.store.release_number(numbered).await.unwrap(), Some(1), "a number stays");
}
