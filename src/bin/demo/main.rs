//! `make demo`: a control plane, a simulated vendor and the operator, and what happens between them, told live.

mod board;
mod screen;
mod show;
mod stage;
mod story;

use std::process::ExitCode;

use clap::Parser;
use screen::Screen;
use show::Show;
use stage::Stage;
use tokio::signal::unix::{SignalKind, signal};

/// Shows the operator at work, on a control plane of its own and against a simulated vendor.
#[derive(Debug, Parser)]
struct Arguments {
    /// Leave everything running at the end of the story, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Whatever ends the demo, its future is dropped, and with it everything that it started.
    let outcome = tokio::select! {
        outcome = demo(arguments.keep) => outcome,
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

async fn demo(keep: bool) -> anyhow::Result<Ending> {
    let mut screen = Screen::new();
    story::welcome(&mut screen)?;
    let mut stage = Stage::start().await?;
    let mut show = Show::new(&stage.client, screen);
    let told = if keep {
        story::stay(&mut show, &mut stage).await
    } else {
        story::tell(&mut show, &mut stage).await
    };
    match told {
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
