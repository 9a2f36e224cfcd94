//! `make demo`: a control plane, a simulated vendor and the operator, and what happens between them, told live.

mod board;
mod screen;
mod show;
mod stage;
mod story;
mod vendor;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use screen::Screen;
use show::Show;
use stage::Stage;
use tokio::signal::unix::{SignalKind, signal};
use vendor::Vendor;

/// Shows the operator at work, on a control plane of its own and against a simulated vendor.
#[derive(Debug, Parser)]
struct Arguments {
    /// Leave everything running at the end of the story, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// The vendor whose story is told; may be given several times [default: all]
    #[arg(long = "vendor", value_enum)]
    vendors: Vec<Vendor>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Whatever ends the demo, its future is dropped, and with it everything that it started.
    let outcome = tokio::select! {
        outcome = demo(&arguments) => outcome,
        signal = asked_to_end() => match signal {
            Ok(()) => Ok(Ending::Cut),
            Err(error) => Err(error.into()),
        },
    };
    match outcome {
        Ok(Ending::Whole) => ExitCode::SUCCESS,
        Ok(Ending::Cut) => {
            eprintln!("\nEverything is stopped.");
            // With --keep this is how it ends.
            if arguments.keep {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("\ndemo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How much of the story was told.
enum Ending {
    Whole,
    Cut,
}

async fn demo(arguments: &Arguments) -> anyhow::Result<Ending> {
    let vendors = match &arguments.vendors[..] {
        [] => Vendor::value_variants(),
        chosen => chosen,
    };
    let mut screen = Screen::new();
    story::welcome(&mut screen)?;
    let mut stage = Stage::start().await?;
    let mut show = Show::new(&stage.client, screen);
    match story::all(&mut show, &mut stage, vendors, arguments.keep).await {
        Ok(()) => stage.stop().await.map(|()| Ending::Whole),
        Err(error) => {
            show.screen.settle();
            let log = stage.operator_log.display().to_string();
            eprintln!(
                "\nThe operator's last words (all of them are in {log}):\n{}",
                stage.operator_tail()
            );
            Err(error)
        }
    }
}

/// Ctrl-C, or being told to end, or the terminal being closed.
async fn asked_to_end() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
