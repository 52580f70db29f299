//! What cannot be judged is an error that says why.

use std::fs;

use errors::Class;

use crate::encode::run;
use crate::source::moving;
use crate::stages::{Prints, ready, validate};

#[test]
fn unreadable_files_are_refused() {
    if !ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.mp4");
    fs::write(&text, "this is no video").unwrap();
    let audio = folder.path().join("audio.mp4");
    run("-f lavfi -i sine=d=1 -c:a aac", &audio);
    let expected = moving().expected();
    for (path, video_code, source_code) in [
        (&text, "UNREADABLE_VIDEO", "UNREADABLE_SOURCE"),
        (&audio, "NO_VIDEO", "NO_VIDEO"),
    ] {
        let error = validate(path, None, None, &expected).err().unwrap();
        assert_eq!(
            (error.class, error.code.as_str()),
            (Class::Source, video_code)
        );
        assert_eq!(error.field.as_deref(), Some("video"));
        let error = Prints::of(path).err().unwrap();
        assert_eq!(
            (error.class, error.code.as_str()),
            (Class::Source, source_code)
        );
        assert_eq!(error.field.as_deref(), Some("source"));
    }
}

#[test]
fn only_what_is_expected_is_looked_at() {
    if !ready() {
        return;
    }
    let film = moving();
    let nothing = validate(&film.path, None, None, &Default::default()).unwrap();
    assert_eq!((nothing.segments.len(), nothing.report.frames), (0, 0));
    assert_eq!(nothing.report.discrepancies, []);
}
