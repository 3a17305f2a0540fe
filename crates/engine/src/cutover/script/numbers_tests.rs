//! The number that each release gets.

use super::tests::with_functions;

#[test]
fn each_release_has_the_next_number_and_keeps_it() {
    let root = tempfile::tempdir().unwrap();
    let said = |commands: &str| {
        let output = with_functions(root.path(), commands, b"");
        String::from_utf8_lossy(&output.stdout).trim().replace('\n', " ")
    };
    let other = "mkdir -p \"${DIR%/*}/abcdefabcdef\"; echo 41 >\"${DIR%/*}/abcdefabcdef/release.number\"";
    assert_eq!(said("number_release"), "1");
    assert_eq!(said("number_release; number_release"), "1 1", "who ends it again changes nothing");
    let all = "\"${DIR%/cutovers/*}/release.number\"";
    assert_eq!(said(&format!("cat {all}; rm \"$DIR/release.number\"; number_release; cat {all}")), "1 2 2");
    // A power cut between two files, or a file that holds nothing, brings no number a second time.
    let again = format!("{other}; rm \"$DIR/release.number\"; : >{all}; number_release; cat {all}");
    assert_eq!(said(&again), "42 42");
}
