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

/// A playlist may name any file of the machine; here even one that would be allowed by itself.
#[test]
fn files_that_point_elsewhere_are_refused() {
    if !ready() {
        return;
    }
    let film = moving();
    let pointing = tempfile::tempdir().unwrap();
    let film_at = film.path.display();
    for (name, text) in [
        (
            "playlist.mp4",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:4,\n{film_at}\n#EXT-X-ENDLIST\n"),
        ),
        (
            "script.mp4",
            format!("ffconcat version 1.0\nfile 'file:{film_at}'\n"),
        ),
    ] {
        let path = pointing.path().join(name);
        fs::write(&path, text).unwrap();
        let as_video = validate(&path, None, None, &film.expected()).err().unwrap();
        let as_source = Prints::of(&path).err().unwrap();
        for (error, code) in [
            (as_video, "UNREADABLE_VIDEO"),
            (as_source, "UNREADABLE_SOURCE"),
        ] {
            assert_eq!((error.class, error.code.as_str()), (Class::Source, code));
            let is_clear = error.message.contains("point to other files");
            assert!(is_clear, "{name}: {}", error.message);
        }
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
