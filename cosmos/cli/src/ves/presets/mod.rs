//! `ves presets`: what recipes can name.

mod example;
mod known;

use std::process::ExitCode;

use clap::Args;
use errors::Error;
use serde::Serialize;

use self::example::Example;
use self::known::{NamedLadder, NamedPreset, Setting, ladders, presets, settings};
use crate::colour::{ColourChoice, Paint};
use crate::output::{Output, ended};
use crate::stop::Stop;

/// Settings of `ves presets`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ves presets
  ves presets web-720p-av1
  ves presets stream-avc
  ves presets slow
  ves encode film.mkv -o film.mp4 --preset slow --tune film")]
pub(super) struct PresetsArgs {
    /// Say only what this name means
    pub name: Option<String>,

    /// Report as JSON on standard output, one document
    #[arg(long, help_heading = "Reporting")]
    pub json: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Listing {
    presets: Vec<NamedPreset>,
    ladders: Vec<NamedLadder>,
    encoder_settings: Vec<Setting>,
}

/// `ves presets [NAME]`
pub(super) fn main(args: &PresetsArgs, colour: ColourChoice) -> ExitCode {
    let output = Output::new(args.json, Paint::for_errors(colour));
    let done = list(args.name.as_deref(), &output, Paint::for_output(colour));
    ended(done, &output)
}

fn list(name: Option<&str>, output: &Output, paint: Paint) -> Result<(), Stop> {
    let everything = Listing {
        presets: presets(),
        ladders: ladders(),
        encoder_settings: settings(),
    };
    let listing = match name {
        Some(name) => everything.only(name)?,
        None => everything,
    };
    output.result(&listing, || listing.in_words(name.is_some(), paint));
    Ok(())
}

impl Listing {
    /// What has this name.
    fn only(self, name: &str) -> Result<Self, Error> {
        let listing = Self {
            presets: only(self.presets, |preset| preset.name == name),
            ladders: only(self.ladders, |ladder| ladder.name == name),
            encoder_settings: only(self.encoder_settings, |setting| {
                setting.names.contains(&name)
            }),
        };
        let known = !listing.presets.is_empty()
            || !listing.ladders.is_empty()
            || !listing.encoder_settings.is_empty();
        known.then_some(listing).ok_or_else(|| unknown(name))
    }

    /// With what each preset comes to where there is room for it.
    fn in_words(&self, with_examples: bool, paint: Paint) -> String {
        let presets = self.presets.iter().map(|preset| {
            let example = preset.example.as_ref().filter(|_| with_examples);
            described(preset, paint) + &example.map(shown).unwrap_or_default()
        });
        let mut parts: Vec<String> = presets.collect();
        if !self.ladders.is_empty() {
            parts.push(paint.strong("Ladders"));
        }
        let ladders = self.ladders.iter();
        parts.extend(ladders.map(|ladder| climbed(ladder, with_examples, paint)));
        if !self.encoder_settings.is_empty() {
            parts.push(paint.strong("Encoder presets"));
        }
        let settings = self.encoder_settings.iter();
        parts.extend(settings.map(|setting| spelled_out(setting, paint)));
        parts.join("\n")
    }
}

fn only<T>(all: Vec<T>, wanted: impl Fn(&T) -> bool) -> Vec<T> {
    all.into_iter().filter(wanted).collect()
}

fn unknown(name: &str) -> Error {
    Error::user("UNKNOWN_PRESET", format!("nothing is called {name:?}"))
        .at("NAME")
        .hint("`ves presets` lists everything")
}

fn described(preset: &NamedPreset, paint: Paint) -> String {
    let fields = preset.fields.iter();
    let fields: String = fields
        .map(|(field, value)| format!("\n    {field} {value}"))
        .collect();
    format!("{}  {}{fields}", paint.strong(&preset.name), preset.about)
}

/// Rungs by their names, or each with what it sets and comes to.
fn climbed(ladder: &NamedLadder, with_examples: bool, paint: Paint) -> String {
    let title = format!("{}  {}", paint.strong(&ladder.name), ladder.about);
    if !with_examples {
        let rungs = ladder.rungs.iter().map(|rung| rung.name.as_str());
        return format!("{title}\n    {}", rungs.collect::<Vec<_>>().join(" "));
    }
    let rungs = ladder.rungs.iter().map(|rung| {
        let example = rung.example.as_ref().map(shown).unwrap_or_default();
        format!("\n\n{}{example}", described(rung, paint))
    });
    title + &rungs.collect::<String>()
}

fn shown(example: &Example) -> String {
    let filters = match example.filter_graph.as_str() {
        "" => String::new(),
        graph => format!("\n    filters  {graph}"),
    };
    let (source, encoder) = (example.source, example.encoder_args.join(" "));
    format!("\n\n  of {source}:{filters}\n    encoder  {encoder}")
}

fn spelled_out(setting: &Setting, paint: Paint) -> String {
    let title = format!("{} {}", setting.encoder, setting.argument);
    format!(
        "  {}: {}\n    {}",
        title,
        paint.faint(setting.about),
        setting.names.join(" ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn listing() -> Listing {
        Listing {
            presets: vec![NamedPreset {
                name: "web-1080p".into(),
                about: "For players in browsers.".into(),
                fields: vec![("--crf".into(), "21".into())],
                example: Some(Example {
                    source: "a film",
                    filter_graph: String::new(),
                    encoder_args: vec!["-crf".into(), "21".into()],
                }),
            }],
            ladders: ladders(),
            encoder_settings: settings(),
        }
    }

    #[test]
    fn a_preset_is_told_with_what_it_sets() {
        let only = listing().only("web-1080p").unwrap();
        let brief = "web-1080p  For players in browsers.\n    --crf 21";
        assert_eq!(only.in_words(false, Paint::default()), brief);
        let whole = format!("{brief}\n\n  of a film:\n    encoder  -crf 21");
        assert_eq!(only.in_words(true, Paint::default()), whole);
    }

    #[test]
    fn a_ladder_is_told_with_its_rungs_and_what_each_comes_to() {
        let only = listing().only("stream-avc").unwrap();
        let brief = only.in_words(false, Paint::default());
        assert!(brief.ends_with("\n    1080p 720p 480p 360p"), "{brief}");
        let whole = only.in_words(true, Paint::default());
        assert_eq!(whole.matches("encoder  -c:v libx264").count(), 4, "{whole}");
    }

    #[test]
    fn a_name_of_an_encoders_setting_says_where_it_goes() {
        let only = listing().only("stillimage").unwrap();
        assert!(only.in_words(true, Paint::default()).contains("--tune"));
        assert_eq!(only.encoder_settings.len(), 1);
        assert!(listing().only("warp").is_err());
    }
}
