//! The answer as a page: what differs, with pictures, and the figures over the whole length. It
//! needs nothing beside itself.

mod figures;
mod markup;
mod pictures;

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use errors::{Error, FrameRange};
use stratum_frames::{FrameTable, Tools, build_table};
use vvs_api::report::{Discrepancy, Quality};

use self::markup::{base64, escaped};
use self::pictures::{Film, Pair};
use super::verdict::{Verdict, place};
use crate::units::count;
use crate::ves::place::shown;

/// Differences that a page tells; `--json` lists up to 10,000.
const TOLD: usize = 200;
/// How every page begins.
const BEGIN: &str = "<!doctype html>\n";

/// What a page is made of.
#[derive(Default)]
pub(super) struct Page {
    pictures: Vec<Vec<Pair>>,
    quality: Option<String>,
    bit_rate: Option<String>,
}

impl Page {
    /// Looks at the files again; what cannot be read has no pictures and no figures.
    pub(super) async fn of(
        (video, source): (&Path, Option<&Path>),
        found: &[Discrepancy],
        quality: Option<&Quality>,
        boundaries: &[u64],
    ) -> Self {
        let Ok(tools) = Tools::locate() else {
            return Self::default();
        };
        let video = film(&tools, Some(video)).await;
        let source = film(&tools, source).await;
        let table = video.as_ref().map(|film| &film.table);
        let seams = match boundaries {
            [] => table.map(access_points).unwrap_or_default(),
            told => told.to_vec(),
        };
        Self {
            pictures: pictures::of(&tools, found, video.as_ref(), source.as_ref()).await,
            quality: quality.map(|quality| figures::quality(quality, &seams)),
            bit_rate: table.and_then(figures::bit_rate),
        }
    }

    /// The page itself.
    pub(super) fn html(&self, verdict: &Verdict) -> String {
        let name = Path::new(&verdict.video).file_name().unwrap_or_default();
        let name = escaped(&name.to_string_lossy());
        let (class, word) = match verdict.valid {
            true => ("pass", "PASS"),
            false => ("fail", "FAIL"),
        };
        let found = match verdict.discrepancy_count {
            0 => "Nothing differs from what was expected.".to_owned(),
            some => format!("{} from what was expected.", count(some, "difference")),
        };
        let told = verdict.discrepancies.iter().take(TOLD).enumerate();
        let none = Vec::new();
        let of = |n: usize| self.pictures.get(n).unwrap_or(&none);
        let told: String = told.map(|(n, one)| difference(n, one, of(n))).collect();
        let more = verdict.discrepancy_count.saturating_sub(TOLD as u64);
        let more = match more {
            0 => String::new(),
            more => format!("<p class=\"faint\">And {more} more, which --json lists.</p>\n"),
        };
        let figures = [&self.quality, &self.bit_rate].into_iter().flatten();
        let figures: String = figures
            .map(|svg| format!("<figure>{svg}</figure>\n"))
            .collect();
        format!(
            "{BEGIN}<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             img-src data:; style-src 'unsafe-inline'\">\n\
             <title>{word} {name}</title>\n<style>{STYLE}</style></head>\n<body>\n\
             <header class=\"{class}\"><b>{word}</b><h1>{name}</h1><p>{found}</p></header>\n\
             {}{told}{more}{figures}</body></html>\n",
            facts(verdict)
        )
    }
}

async fn film<'a>(tools: &Tools, path: Option<&'a Path>) -> Option<Film<'a>> {
    let path = path?;
    let table = build_table(tools, path).await.ok()?;
    Some(Film { path, table })
}

/// Frames at which decoding can begin.
fn access_points(table: &FrameTable) -> Vec<u64> {
    let frames = table.range(0, table.len());
    let keys = (0..)
        .zip(frames)
        .filter(|(frame, packet)| *frame > 0 && packet.key);
    keys.map(|(frame, _)| frame).collect()
}

fn facts(verdict: &Verdict) -> String {
    let source = verdict
        .source
        .as_deref()
        .unwrap_or("none: nothing was compared with it");
    let rows = [
        ("Video", verdict.video.clone()),
        ("Source", source.to_owned()),
        ("Frames", verdict.frames.to_string()),
        ("Checked", verdict.checks.join(", ")),
        ("Took", format!("{:.1} s", verdict.elapsed_ms as f64 / 1e3)),
    ];
    let row = |(name, text): (&str, String)| {
        format!("<tr><th>{name}</th><td>{}</td></tr>\n", escaped(&text))
    };
    let rows: String = rows.map(row).concat();
    format!("<table>\n{rows}</table>\n")
}

fn difference(number: usize, one: &Discrepancy, pictures: &[Pair]) -> String {
    let consequences: String = one.consequences.iter().map(consequence).collect();
    let consequences = match consequences.is_empty() {
        true => consequences,
        false => format!("<ul>{consequences}</ul>\n"),
    };
    format!(
        "<section><h2><span class=\"faint\">{}</span> {}</h2>\n<p>{}</p>\n{}{consequences}{}</section>\n",
        number + 1,
        title(one),
        escaped(&one.message),
        both(one),
        strip(pictures)
    )
}

fn title(one: &Discrepancy) -> String {
    let place = one.frames.map(frames).unwrap_or_default();
    format!("<code>{}</code>{place}", escaped(&one.code))
}

fn frames(frames: FrameRange) -> String {
    format!(
        " <span class=\"frames\">{}</span>",
        place(frames).trim_end_matches(": ")
    )
}

fn consequence(one: &Discrepancy) -> String {
    format!("<li>and so {}: {}</li>", title(one), escaped(&one.message))
}

/// What was expected and what was found, where the message does not say so.
fn both(one: &Discrepancy) -> String {
    let is_said = one.message.contains(&one.expected) && one.message.contains(&one.found);
    match is_said {
        true => String::new(),
        false => format!(
            "<p>expected <b>{}</b>, found <b>{}</b></p>\n",
            escaped(&one.expected),
            escaped(&one.found)
        ),
    }
}

/// Pictures side by side: the video's above, the source's below.
fn strip(pictures: &[Pair]) -> String {
    if pictures.is_empty() {
        return String::new();
    }
    let of = |name: &str, picture: &Option<Vec<u8>>, frame: u64| match picture {
        Some(jpeg) => format!(
            "<img alt=\"{name}, frame {frame}\" src=\"data:image/jpeg;base64,{}\">\
             <span>{name}</span>",
            base64(jpeg)
        ),
        None => format!("<div class=\"none\">no frame {frame}</div><span>{name}</span>"),
    };
    let has_source = pictures.iter().any(|pair| pair.source.is_some());
    let one = |pair: &Pair| {
        let class = if pair.differs {
            " class=\"differs\""
        } else {
            ""
        };
        let source = match has_source {
            true => of("source", &pair.source, pair.frame),
            false => String::new(),
        };
        let video = of("video", &pair.video, pair.frame);
        format!(
            "<figure{class}><figcaption>frame {}</figcaption>{video}{source}</figure>\n",
            pair.frame
        )
    };
    let pairs: String = pictures.iter().map(one).collect();
    format!("<div class=\"strip\">\n{pairs}</div>\n")
}

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #f6f6f4; margin: 0 auto;
  max-width: 1160px; padding: 0 24px 48px; }
header { margin: 0 -24px 20px; padding: 20px 24px; color: #fff; }
header.pass { background: #1a7f4b; } header.fail { background: #b3261e; }
header b { letter-spacing: .12em; } header h1 { margin: 0; font-size: 26px; overflow-wrap: anywhere; }
header p { margin: 4px 0 0; }
table { border-collapse: collapse; margin-bottom: 16px; }
th { text-align: left; font-weight: 600; padding: 2px 20px 2px 0; vertical-align: top; }
td { overflow-wrap: anywhere; }
section { background: #fff; border: 1px solid #ddd; border-radius: 8px; padding: 12px 18px;
  margin: 14px 0; }
section h2 { font-size: 16px; margin: 0 0 4px; font-weight: 600; } p { margin: 4px 0; }
code { font: 13px ui-monospace, monospace; background: #eee; border-radius: 4px; padding: 1px 6px; }
.frames { font-weight: 600; } .faint { color: #777; } ul { margin: 6px 0; padding-left: 22px; }
.strip { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 10px; }
.strip figure { margin: 0; padding: 6px 8px; border: 2px solid transparent; border-radius: 6px;
  background: #f1f1ee; }
.strip figure.differs { border-color: #b3261e; } .strip span { display: block; font-size: 12px;
  color: #666; margin-bottom: 6px; }
figcaption { font-weight: 600; font-size: 13px; margin-bottom: 4px; }
.strip img, .none { display: block; width: 320px; max-width: 100%; }
.none { padding: 60px 0; text-align: center; color: #777; background: #e4e4e0; }
body > figure { margin: 16px 0; background: #fff; border: 1px solid #ddd; border-radius: 8px;
  padding: 8px; } svg { width: 100%; height: auto; }
";

/// The file of a page, or why it cannot be written: what is there and is no page is left alone.
pub(super) fn refuse(path: &Path) -> Result<(), Error> {
    let problem = |why: &str, hint: &str| {
        let path = shown(path);
        Error::user("PAGE", format!("{path} {why}"))
            .at("--page")
            .hint(hint)
    };
    if !folder(path).is_dir() {
        return Err(problem(
            "would lie in a folder that is not there",
            "make the folder first",
        ));
    }
    match begins_as_page(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(problem("is there, and is no page", "choose another name")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(problem(
            &format!("cannot be used: {error}"),
            "choose another name",
        )),
    }
}

fn begins_as_page(path: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    let file = fs::File::open(path)?;
    io::Read::read_to_end(&mut io::Read::take(file, BEGIN.len() as u64), &mut begin)?;
    Ok(begin == BEGIN.as_bytes())
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes the page, whole or not at all.
pub(super) fn write(path: &Path, html: &str) -> Result<(), Error> {
    let write = || {
        // Readable as other new files are.
        let readable = fs::Permissions::from_mode(0o666);
        let mut file = tempfile::Builder::new()
            .permissions(readable)
            .tempfile_in(folder(path))?;
        file.write_all(html.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(|error| {
        let message = format!("{} cannot be written: {error}", shown(path));
        Error::platform("PAGE", message)
            .at("--page")
            .hint("choose another folder")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn verdict(name: &str, found: Vec<Discrepancy>) -> Verdict {
        Verdict {
            video: name.into(),
            valid: found.is_empty(),
            discrepancy_count: found.len() as u64,
            discrepancies: found,
            ..Verdict::default()
        }
    }

    #[test]
    fn what_comes_from_media_stays_text() {
        let evil = "</title><script>alert(1)</script>\"'";
        let mut one = Discrepancy::new(evil, evil).frames(1, 3).differs(evil, "b");
        one.consequences = vec![Discrepancy::new(evil, evil)];
        let html = Page::default().html(&verdict(evil, vec![one]));
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("</title>").count(), 1);
        assert!(html.contains("frames 1 to 2"), "{html}");
    }

    #[test]
    fn pictures_stand_below_their_difference() {
        let pair = Pair {
            frame: 7,
            differs: true,
            video: Some(b"foo".to_vec()),
            source: None,
        };
        let page = Page {
            pictures: vec![vec![pair]],
            ..Page::default()
        };
        let html = page.html(&verdict("a.mp4", vec![Discrepancy::new("X", "y")]));
        assert!(
            html.contains("src=\"data:image/jpeg;base64,Zm9v\""),
            "{html}"
        );
        assert!(!html.contains("<span>source</span>"), "{html}");
        let pass = Page::default().html(&verdict("a.mp4", vec![]));
        assert!(pass.contains("class=\"pass\"") && !pass.contains("<section>"));
    }

    #[test]
    fn only_a_page_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("film.mp4"), "film").unwrap();
        assert_eq!(refuse(&at("film.mp4")).unwrap_err().code, "PAGE");
        assert!(refuse(&at("no/page.html")).is_err() && refuse(folder.path()).is_err());
        refuse(&at("page.html")).unwrap();
        write(
            &at("page.html"),
            &Page::default().html(&verdict("a", vec![])),
        )
        .unwrap();
        refuse(&at("page.html")).unwrap();
    }
}
